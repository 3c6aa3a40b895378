"""Limits on what is asked of Azure at once, on who waits for it, and on what is worked on."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hooks.core.errors import Busy


class Turnstile:
    """Lets *places* callers in at once, and a next one no sooner than *seconds* after the last."""

    def __init__(self, places: int, seconds: float) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._seconds = seconds
        self._lock = threading.Lock()
        self._next = 0.0

    @contextmanager
    def turn(self, latest: float) -> Iterator[None]:
        """Hold a place. Raises `TimeoutError`: none by *latest*, an instant of `time.monotonic`."""
        if not self._places.acquire(timeout=max(0.0, latest - time.monotonic())):
            raise TimeoutError
        try:
            time.sleep(self._reserve(latest))
            yield
        finally:
            self._places.release()

    def _reserve(self, latest: float) -> float:
        """Return the seconds until this caller's turn."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            if at > latest:
                raise TimeoutError
            self._next = at + self._seconds
            return at - now


class WaitingRoom:
    """Has `FEW` places for callers that wait for a key that is slow.

    That is one for which a caller waits for more than *patience* seconds, or the last one did. So
    whatever is slow, callers that need something else find a thread, and what is fast may have them
    all. The last one counts, for callers that come together also leave together.
    """

    FEW = 4
    MAX_SLOW = 1000  # keys that are remembered

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._since: dict[str, dict[object, float]] = {}
        self._slow: dict[str, None] = {}

    @contextmanager
    def place(self, key: str) -> Iterator[None]:
        """Hold a place among those of *key*. Raises `Busy`: there is none."""
        caller = object()
        with self._lock:
            now = time.monotonic()
            if self._is_full(key, now):
                raise Busy(f"too many requests wait for {key}")
            self._since.setdefault(key, {})[caller] = now
        try:
            yield
        finally:
            with self._lock:
                since = self._since[key].pop(caller)
                if not self._since[key]:
                    del self._since[key]
                self._note(key, slow=time.monotonic() - since > self._patience)

    def _is_full(self, key: str, now: float) -> bool:
        since = self._since.get(key, {})
        if len(since) < self.FEW:
            return False
        return key in self._slow or now - next(iter(since.values())) > self._patience

    def _note(self, key: str, *, slow: bool) -> None:
        self._slow.pop(key, None)
        if slow:
            self._slow[key] = None
            if len(self._slow) > self.MAX_SLOW:
                del self._slow[next(iter(self._slow))]


class Budget:
    """So many places, or bytes, for all requests that are worked on at once."""

    def __init__(self, total: int, spent: str) -> None:
        self._left = total
        self._spent = spent
        self._lock = threading.Lock()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Take *size* of it. Raises `Busy`, with the text *spent*: there is not so much left."""
        with self._lock:
            if size > self._left:
                raise Busy(self._spent)
            self._left -= size
        try:
            yield
        finally:
            with self._lock:
                self._left += size
