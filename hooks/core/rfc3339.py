"""Converts instants to RFC 3339, the format of times in Kubernetes, and back.

https://www.rfc-editor.org/rfc/rfc3339
"""

from datetime import UTC, datetime
from typing import Final

EARLIEST: Final = datetime.min.replace(tzinfo=UTC)  # in place of an unknown time


def format_time(at: datetime) -> str:
    """Return *at* as RFC 3339 in UTC, whole seconds: "2026-11-23T08:59:19Z"."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def parse_time(text: str | None) -> datetime | None:
    """Return the instant in UTC of *text* in RFC 3339; None if *text* is not a time."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
