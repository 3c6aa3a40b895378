"""Limits on what is asked of Azure at once, on who waits for it, and on what is worked on."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from hooks.core.errors import Busy


class RateLimiter:
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


class SlowPeerLimit:
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
                raise Busy(f"Too many requests wait for {key}.")
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


class Bulkhead:
    """Limits the places, or the bytes, of all requests at work, by Namespace.

    All Namespaces together have up to *total*. While they have more than *shared*, a Namespace gets
    up to *few*. So one Namespace alone gets *shared*, and leaves the rest to the others.
    """

    def __init__(self, total: int, shared: int, few: int, excess: str) -> None:
        self._total = total
        self._shared = shared
        self._few = few
        self._excess = excess
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()  # by Namespace

    @contextmanager
    def reserve(self, namespace: str, size: int = 1) -> Iterator[None]:
        """Hold *size* for *namespace*. Raises `Busy`, with the text *excess*: it is not free."""
        with self._lock:
            self._check(namespace, size)
            self._taken[namespace] += size
        try:
            yield
        finally:
            with self._lock:
                self._taken[namespace] -= size
                if not self._taken[namespace]:
                    del self._taken[namespace]

    def _check(self, namespace: str, size: int) -> None:
        all_taken = self._taken.total() + size
        if all_taken > self._total:
            raise Busy(f"{self._excess}.")
        if all_taken > self._shared and self._taken[namespace] + size > self._few:
            mine = self._taken[namespace]
            raise Busy(f'{self._excess}, {mine} of them of Namespace "{namespace}".')
