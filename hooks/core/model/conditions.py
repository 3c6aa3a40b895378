"""Conditions by the conventions of the Kubernetes API. Reads no clock.

https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties
"""

from datetime import UTC, datetime

from hooks.core.model.binding import Binding, Condition


def format_time(at: datetime) -> str:
    """Return *at* as RFC 3339 in UTC, whole seconds: "2026-11-23T08:59:19Z"."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def parse_time(text: str | None) -> datetime | None:
    """Return the instant in UTC of *text* in RFC 3339; None if *text* is not a time."""
    try:
        at = datetime.fromisoformat(text or "")
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def set_condition(
    binding: Binding, kind: str, status: str, reason: str, message: str, now: datetime
) -> Condition:
    """Return the condition of type *kind*; its transition time moves only when *status* flips.

    A transition time in the future becomes *now*: a clock was wrong, and waits start at this time.
    """
    previous = binding.status.condition(kind)
    since = format_time(now)
    if previous is not None and previous.status == status and previous.last_transition_time:
        before = parse_time(previous.last_transition_time)
        if before is None or before <= now:
            since = previous.last_transition_time
    return Condition(kind, status, reason, message, binding.generation, since)
