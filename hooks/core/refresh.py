"""When to renew, retry and look again. Reads no clock."""

import hashlib
import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from hooks.core.model.token import AcrToken, MintFailed

MIN_RETRY_SECONDS: Final = 5
MAX_RETRY_SECONDS: Final = 300  # 5 min
MAX_RESYNC_SECONDS: Final = 86400  # 1 day
MAX_RETRY_AFTER_SECONDS: Final = 3600  # 1 h; a longer wait in a response is cut to this
# MSAL caches a refusal by IMDS with some statuses for this time; acrpull caches every failure. Like
# MSAL, acrpull respects a Retry-After of up to 1 h.
FAILURE_SECONDS: Final = 5


def refresh_at(token: AcrToken, refresh_before: timedelta) -> datetime:
    """Return the instant at which *token* is due, *refresh_before* ahead of its expiry.

    A token is never due in the first half of its life. Otherwise a token with a life shorter than
    *refresh_before* would be due as soon as the registry issues the token.
    """
    life = token.expires_at - token.issued_at
    return token.expires_at - min(refresh_before, life / 2)


def jitter_for(key: str, jitter: timedelta) -> timedelta:
    """Return how much earlier *key* is renewed: less than *jitter*, and constant for a key.

    Bindings created together are then renewed at different times.
    """
    if not jitter:
        return jitter
    fraction = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64
    return fraction * jitter


def resync_after_seconds(at: datetime, now: datetime) -> int:
    """Return the seconds from *now* to *at*, rounded up; at least 1, at most a day.

    Metacontroller counts in int64 nanoseconds, so a far instant would overflow.
    """
    return min(max(1, math.ceil((at - now).total_seconds())), MAX_RESYNC_SECONDS)


def retry_after_seconds(
    failing_since: datetime,
    now: datetime,
    *,
    usable_until: datetime | None,
    life: timedelta | None,
    asked: float | None,
) -> int:
    """Return the seconds to wait after a failed token request.

    1. The wait equals the time since *failing_since*, so the time doubles with each failure.
    2. The wait is at least `MIN_RETRY_SECONDS` and at most `MAX_RETRY_SECONDS`.
    3. The wait is at most a quarter of the *life* of the last token, and a quarter of the time
       until *usable_until*, the expiry of a working token.
    4. The wait is at least the wait that Azure *asked* for, up to half of the time until
       *usable_until*, because pulls fail once the token expires.
    """
    failing = (now - failing_since).total_seconds()
    wait = min(max(failing, MIN_RETRY_SECONDS), MAX_RETRY_SECONDS)
    if life is not None:
        wait = min(wait, life.total_seconds() / 4)
    asked = min(asked or 0, MAX_RETRY_AFTER_SECONDS)
    if usable_until is not None:
        left = (usable_until - now).total_seconds()
        wait, asked = min(wait, left / 4), min(asked, left / 2)
    return max(1, math.ceil(max(wait, asked)))


def negative_ttl_seconds(failed: MintFailed) -> float:
    """Return how long the cache returns *failed* for the same request, in seconds."""
    return max(FAILURE_SECONDS, min(failed.retry_after_seconds or 0, MAX_RETRY_SECONDS))


def recall_failure(failed: MintFailed, age: float) -> MintFailed | None:
    """Return *failed*, cached for *age* seconds, with the rest of its wait; None if too old."""
    return with_wait_left(failed, age) if age < negative_ttl_seconds(failed) else None


def with_wait_left(failed: MintFailed, age: float) -> MintFailed:
    """Return *failed* with its retry delay reduced by *age* seconds, for a cached failure."""
    if failed.retry_after_seconds is None:
        return failed
    return replace(failed, retry_after_seconds=max(0.0, failed.retry_after_seconds - age))
