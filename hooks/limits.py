"""Limits the rate of requests to Azure, the callers of a slow peer, and the share of a Namespace.

Two limits cover a request for a token, because neither does the other's job. `SlowPeerLimit` keeps
one slow peer, used in many Namespaces, from holding all threads. `Bulkhead` keeps one Namespace,
with many peers, from holding all threads. `FairShare` divides the memory for large bodies.
`hooks/server/body.py` limits the size of a body.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

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
    """Limits the requests that are in progress at once, by Namespace.

    Up to *total* requests may be in progress. Once more than *shared* are in progress, a Namespace
    may have at most *few*. A single Namespace therefore gets *shared*, and leaves the rest to the
    others.
    """

    def __init__(self, total: int, shared: int, few: int, excess: str) -> None:
        self._total = total
        self._shared = shared
        self._few = few
        self._excess = excess
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()  # by Namespace

    @contextmanager
    def place(self, namespace: str) -> Iterator[None]:
        """Hold a place for a request of *namespace*.

        Raises:
            Busy: No place is free. The message starts with *excess*.
        """
        with self._lock:
            self._check(namespace)
            self._taken[namespace] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[namespace] -= 1
                if not self._taken[namespace]:
                    del self._taken[namespace]

    def _check(self, namespace: str) -> None:
        taken = self._taken[namespace]
        if self._taken.total() >= self._total:
            raise Busy(f"{self._excess}.")
        if self._taken.total() >= self._shared and taken >= self._few:
            raise Busy(f'{self._excess}, {taken} of them from Namespace "{namespace}".')


class FairShare:
    """Shares *total* units among Namespaces. A Namespace may use at most *most* units at once.

    A caller waits for its turn, up to *patience* seconds, while other Namespaces use the units. The
    next turn belongs to the waiting Namespace with the oldest last turn. A Namespace with few calls
    therefore never waits behind the second call of a Namespace with many calls. A Namespace may
    have one waiting caller, and all Namespaces together `MAX_WAITING`.
    """

    MAX_WAITING = 8
    MAX_TURNS = 1000  # remembered turns

    def __init__(self, total: int, most: int, patience: float, excess: str) -> None:
        self._total = total
        self._most = most
        self._patience = patience
        self._excess = excess
        self._changed = threading.Condition()
        self._taken: Counter[str] = Counter()  # by Namespace
        self._waiting: dict[str, None] = {}  # Namespaces
        self._turns: dict[str, int] = {}  # the last turn by Namespace, the oldest first
        self._numbers = count(1)

    @contextmanager
    def reserve(self, namespace: str, size: int) -> Iterator[None]:
        """Wait for a turn of *namespace*, and hold *size* units.

        Raises:
            Busy: There is no turn in time. The message starts with *excess*.
        """
        with self._changed:
            taken = self._taken[namespace]
            if taken + size > self._most:
                raise Busy(f'{self._excess}, {taken} of them from Namespace "{namespace}".')
            self._wait(namespace, size)
            self._taken[namespace] += size
        try:
            yield
        finally:
            with self._changed:
                self._taken[namespace] -= size
                if not self._taken[namespace]:
                    del self._taken[namespace]
                self._changed.notify_all()

    def _wait(self, namespace: str, size: int) -> None:
        if namespace in self._waiting or len(self._waiting) >= self.MAX_WAITING:
            raise Busy(f"{self._excess}.")
        self._waiting[namespace] = None
        try:
            if not self._changed.wait_for(lambda: self._is_next(namespace, size), self._patience):
                raise Busy(f"{self._excess}.")
            self._remember(namespace)
        finally:
            del self._waiting[namespace]
            self._changed.notify_all()

    def _is_next(self, namespace: str, size: int) -> bool:
        first = min(self._waiting, key=lambda waiting: self._turns.get(waiting, 0))
        return first == namespace and self._taken.total() + size <= self._total

    def _remember(self, namespace: str) -> None:
        self._turns.pop(namespace, None)
        self._turns[namespace] = next(self._numbers)
        if len(self._turns) > self.MAX_TURNS:
            del self._turns[next(iter(self._turns))]
