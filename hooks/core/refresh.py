"""When to act, as arithmetic on instants. Reads no clock."""

import hashlib
import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from hooks.core.model.token import AcrToken, MintFailed

MIN_RETRY_SECONDS: Final = 5
MAX_RETRY_SECONDS: Final = 300  # 5 min
MAX_RESYNC_SECONDS: Final = 86400  # 1 day
MAX_RETRY_AFTER_SECONDS: Final = 3600  # 1 h; a registry that asks for more is asked again then
# As long as MSAL answers from memory after IMDS has refused with some statuses, here with all. MSAL
# heeds a Retry-After of up to 1 h, and so do we.
FAILURE_SECONDS: Final = 5


def refresh_at(token: AcrToken, refresh_before: timedelta) -> datetime:
    """Return the instant from which *token* is due for renewal.

    That is *refresh_before* ahead of its expiry, but never in the first half of its life: else a
    token that lives no longer than *refresh_before* would be due as soon as it is made.
    """
    life = token.expires_at - token.issued_at
    return token.expires_at - min(refresh_before, life / 2)


def jitter_for(key: str, jitter: timedelta) -> timedelta:
    """Return how much earlier than others *key* is renewed: always the same, less than *jitter*.

    So bindings that were made together are not renewed together.
    """
    if not jitter:
        return jitter
    fraction = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64
    return fraction * jitter


def resync_after_seconds(at: datetime, now: datetime) -> int:
    """Return the whole seconds from *now* that land at or after *at*; at least 1, at most a day.

    More would not fit what Metacontroller counts in: int64 nanoseconds.
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
    """Return the seconds to wait after a failed mint.

    As long as it has been failing, so that each wait doubles the time since *failing_since*,
    within `MIN_RETRY_SECONDS` and `MAX_RETRY_SECONDS`; at most a quarter of the *life* of the last
    token, and of what is left of one that works until *usable_until*. Not less than Azure *asked*
    for, but half of what is left at most: a wait must not cost the last pulls.
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
    """Return how long *failed* answers for all who ask for the same, without a call to Azure."""
    return max(FAILURE_SECONDS, min(failed.retry_after_seconds or 0, MAX_RETRY_SECONDS))


def with_wait_left(failed: MintFailed, age: float) -> MintFailed:
    """Return *failed* for who hears of it *age* seconds later: of a wait asked for, the rest."""
    if failed.retry_after_seconds is None:
        return failed
    return replace(failed, retry_after_seconds=max(0.0, failed.retry_after_seconds - age))
