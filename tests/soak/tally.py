"""Counts from many threads."""

import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from math import ceil


class Tally:
    """Counts by name, and times of hooks by path."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._times: defaultdict[str, list[float]] = defaultdict(list)
        self._notes: list[str] = []

    def count(self, name: str, number: int = 1) -> None:
        """Add *number* to *name*."""
        with self._lock:
            self._counts[name] += number

    def time(self, path: str, seconds: float) -> None:
        """Note how long a hook took."""
        with self._lock:
            self._times[path].append(seconds)

    def note(self, text: str) -> None:
        """Note *text*, a violation."""
        with self._lock:
            self._notes.append(text)

    def __getitem__(self, name: str) -> int:
        """Return a count."""
        return self._counts[name]

    def statuses(self) -> set[int]:
        """Return the HTTP statuses counted."""
        names = [name for name in list(self._counts) if name.startswith("status ")]
        return {int(name.removeprefix("status ")) for name in names}

    @property
    def notes(self) -> list[str]:
        """The violations."""
        with self._lock:
            return list(self._notes)

    def times(self, path: str) -> list[float]:
        """Return the times of a hook, sorted."""
        with self._lock:
            return sorted(self._times[path])


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the least of the sorted *values* that *percent* of them do not exceed; 0 if empty."""
    return values[max(0, ceil(len(values) * percent / 100) - 1)] if values else 0.0
