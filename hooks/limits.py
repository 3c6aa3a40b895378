"""Limits the rate of requests to Azure, the callers of a slow peer, and the share of a Namespace.

Two limits cover a request for a token, because neither does the other's job. `SlowPeerLimit` keeps
one slow peer, used in many Namespaces, from holding all threads. `Bulkhead` keeps one Namespace,
with many peers, from holding all threads.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from hooks.core.errors import Busy


class RateLimiter:
    """Lets *places* callers in at once, and the next caller *seconds* after the last."""

    def __init__(self, places: int, seconds: float) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._seconds = seconds
        self._lock = threading.Lock()
        self._next = 0.0

    @contextmanager
    def turn(self, start_by: float) -> Iterator[None]:
        """Wait for a turn, and hold a place.

        Raises:
            TimeoutError: There is no turn by *start_by*, in `time.monotonic` seconds.
        """
        if not self._places.acquire(timeout=max(0.0, start_by - time.monotonic())):
            raise TimeoutError
        try:
            time.sleep(self._reserve(start_by))
            yield
        finally:
            self._places.release()

    def _reserve(self, start_by: float) -> float:
        """Return the seconds until this caller's turn."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            if at > start_by:
                raise TimeoutError
            self._next = at + self._seconds
            return at - now


class SlowPeerLimit:
    """Limits the callers of a slow peer, so that callers of other peers find a thread.

    A peer is slow if a caller has waited for more than *slow_after* seconds, or if the previous
    caller did. The previous caller counts, because callers often come together and leave together.
    A slow peer gets no new caller beyond `MAX_CALLERS`. A fast peer has no limit.
    """

    MAX_CALLERS = 4
    MAX_SLOW = 1000  # remembered slow peers

    def __init__(self, slow_after: float) -> None:
        self._slow_after = slow_after
        self._lock = threading.Lock()
        self._since: dict[str, dict[object, float]] = {}
        self._slow: dict[str, None] = {}

    @contextmanager
    def place(self, peer: str) -> Iterator[None]:
        """Hold a place among the callers of *peer*.

        Raises:
            Busy: The peer is slow, and all its places are taken.
        """
        caller = object()
        with self._lock:
            now = time.monotonic()
            if self._is_full(peer, now):
                raise Busy(f"Too many requests wait for {peer}.")
            self._since.setdefault(peer, {})[caller] = now
        try:
            yield
        finally:
            with self._lock:
                since = self._since[peer].pop(caller)
                if not self._since[peer]:
                    del self._since[peer]
                self._remember(peer, slow=time.monotonic() - since > self._slow_after)

    def _is_full(self, peer: str, now: float) -> bool:
        since = self._since.get(peer, {})
        if len(since) < self.MAX_CALLERS:
            return False
        return peer in self._slow or now - next(iter(since.values())) > self._slow_after

    def _remember(self, peer: str, *, slow: bool) -> None:
        self._slow.pop(peer, None)
        if slow:
            self._slow[peer] = None
            if len(self._slow) > self.MAX_SLOW:
                del self._slow[next(iter(self._slow))]


class Bulkhead:
    """Limits the requests, or their bytes, that are in progress at once, by Namespace.

    Up to *total* units may be in use. Once more than *shared* are in use, a Namespace may use at
    most *few*. A single Namespace therefore gets *shared*, and leaves the rest to the others.
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
        """Hold *size* for *namespace*.

        Raises:
            Busy: *size* is not free. The message starts with *excess*.
        """
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
            taken = self._taken[namespace]
            raise Busy(f'{self._excess}, {taken} of them of Namespace "{namespace}".')
