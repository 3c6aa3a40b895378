"""Slows down a fight over the entry of a ServiceAccount's imagePullSecrets.

Another client, for example a controller which rewrites the ServiceAccount, may remove the entry
whenever acrpull adds it. Without a brake, both would write the ServiceAccount many times a second.

    Attached=True    The entry disappears after it lasted for `LASTED`: acrpull adds it at once.
    Attached=True    The entry disappears sooner: the contest begins, Attached=False/EntryRemoved.
    EntryRemoved     acrpull adds the entry after 5 s, then after 10 s, 20 s and so on up to 300 s.
    EntryRemoved     The entry lasted for `LASTED`: the contest ends, Attached=True.

The status of the binding holds what the next call must know, because the service is stateless.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hooks.core.cluster import ServiceAccount
from hooks.core.conditions import parse_time
from hooks.core.model import Binding
from hooks.core.reason import Reason

LASTED: Final = timedelta(seconds=60)
MIN_WAIT: Final = timedelta(seconds=5)
MAX_WAIT: Final = timedelta(seconds=300)
MAX_DOUBLINGS: Final = 6  # 5 s * 2**6 is over MAX_WAIT


@dataclass(frozen=True, slots=True)
class Contest:
    """A fight over the entry of one binding.

    Attributes:
        attempts: How often acrpull added the entry again.
        last_attempt: When acrpull last added the entry, or first found it removed.
        add: Whether the answer lists the entry.
        resync_after_seconds: When the next call is due.
    """

    attempts: int
    last_attempt: datetime
    add: bool
    resync_after_seconds: int


def find_contest(binding: Binding, target: ServiceAccount, now: datetime) -> Contest | None:
    """Return the contest over *binding*'s entry on *target*; None if there is none at *now*.

    The entry belongs on *target*. A time in the future counts as now, so that a wait always ends.
    """
    attached = binding.status.condition("Attached")
    since = parse_time(attached.last_transition_time) if attached is not None else None
    if attached is None or since is None or _is_new(binding, target, since):
        return None
    listed = binding.secret_name in target.pull_secrets
    if attached.reason != Reason.ENTRY_REMOVED:
        if listed or attached.status != "True" or now - since >= LASTED:
            return None
        return Contest(0, now, add=False, resync_after_seconds=_left(MIN_WAIT, now, now))
    last = min(parse_time(binding.status.last_attach_time) or since, now)
    attempts = max(0, binding.status.attach_attempts)
    wait = LASTED if listed else min(MIN_WAIT * 2 ** min(attempts, MAX_DOUBLINGS), MAX_WAIT)
    if now - last < wait:
        return Contest(attempts, last, listed, _left(wait, last, now))
    if listed:
        return None
    return Contest(attempts + 1, now, add=True, resync_after_seconds=_left(LASTED, now, now))


def _is_new(binding: Binding, target: ServiceAccount, since: datetime) -> bool:
    """True if the condition is about another ServiceAccount, or about an older object."""
    created = parse_time(target.created_at)
    moved = binding.status.service_account_name != target.name
    return moved or (created is not None and created >= since)


def _left(wait: timedelta, last: datetime, now: datetime) -> int:
    """Return the whole seconds left of *wait*, which began at *last*."""
    return math.ceil((last + wait - now).total_seconds())
