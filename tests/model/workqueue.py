"""The queue of a controller. Source, also of the lines: client-go v0.36, util/workqueue."""

from collections import Counter
from datetime import datetime, timedelta

from tests.model.clock import Clock

QueueKey = tuple[str, str]
"""Namespace and name of a parent."""

_FIRST_RETRY_SECONDS = 0.005
_LONGEST_RETRY_SECONDS = 1000.0
"""default_rate_limiters.go:52; the overall limit of 10 a second (line 54) is left out."""


class WorkQueue:
    """Keys to sync now, once each and in order, and keys to sync later."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ready: dict[QueueKey, None] = {}
        self._waiting: dict[QueueKey, datetime] = {}
        self._failures: Counter[QueueKey] = Counter()

    def __bool__(self) -> bool:
        """True if a key is ready."""
        return bool(self._ready)

    def add(self, key: QueueKey) -> None:
        """Queue *key*; a queued key keeps its place."""
        self._ready.setdefault(key)

    def add_after(self, key: QueueKey, seconds: float) -> None:
        """Queue *key* in *seconds*; a pending earlier time wins (delaying_queue.go:355)."""
        if seconds <= 0:
            self.add(key)
            return
        at = self._clock.now() + timedelta(seconds=seconds)
        self._waiting[key] = min(at, self._waiting.get(key, at))

    def add_rate_limited(self, key: QueueKey) -> None:
        """Queue *key* after a wait that doubles with each failure since the last success."""
        doubled = _FIRST_RETRY_SECONDS * 2.0 ** min(self._failures[key], 30)
        self._failures[key] += 1
        self.add_after(key, min(doubled, _LONGEST_RETRY_SECONDS))

    def forget(self, key: QueueKey) -> None:
        """Reset the failures of *key* after a success."""
        del self._failures[key]

    def pop(self) -> QueueKey:
        """Return the first ready key, and remove the key."""
        key = next(iter(self._ready))
        del self._ready[key]
        return key

    def promote(self) -> None:
        """Make every due key ready, earliest first."""
        due = [key for key, at in self._waiting.items() if at <= self._clock.now()]
        for key in sorted(due, key=lambda key: self._waiting[key]):
            del self._waiting[key]
            self.add(key)

    def next_due(self) -> datetime | None:
        """Return the time of the next waiting key, or None."""
        return min(self._waiting.values(), default=None)
