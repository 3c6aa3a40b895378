"""The virtual clock, the only clock of the model."""

from datetime import datetime, timedelta


class Clock:
    """An instant that moves only by calls of its methods.

    Args:
        start: An aware datetime in UTC.
    """

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the current instant (aware, UTC)."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward by *seconds*."""
        self._now += timedelta(seconds=seconds)

    def advance_to(self, instant: datetime) -> None:
        """Move forward to *instant*; a past instant changes nothing."""
        self._now = max(self._now, instant)

    def stamp(self) -> str:
        """Return the instant as in metadata: RFC 3339, whole seconds.

        Source: kubernetes:staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/time.go (MarshalJSON)
        """
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")
