"""The virtual clock; nothing in the model reads another one."""

from datetime import datetime, timedelta


class Clock:
    """An instant that moves only when told to.

    Args:
        start: aware datetime in UTC
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
        """Move forward to *instant*; an instant that has passed changes nothing."""
        self._now = max(self._now, instant)

    def stamp(self) -> str:
        """Return now as metadata carries it: RFC 3339, whole seconds.

        Source: kubernetes:staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/time.go (MarshalJSON)
        """
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")
