"""Slows down a fight over the entry of a ServiceAccount's imagePullSecrets.

Another client, for example a controller which rewrites the ServiceAccount, may remove the entry
whenever acrpull adds it. Without a brake, both would write the ServiceAccount many times a second.

    The entry disappears after it lasted for `LASTED`: acrpull adds it at once.
    The entry disappears sooner: acrpull adds it at once, and counts the first attempt.
    It disappears again within `LASTED`: acrpull waits for 5 s, then for 10 s, 20 s and so on, up to
    300 s, before it adds the entry. Attached is False/EntryRemoved all the while.
    The entry lasts for `LASTED`: the contest is over.

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
        last_attempt: When acrpull last added the entry again.
        add: Whether the answer lists the entry.
        resync_after_seconds: When the next call is due.
    """

    attempts: int
    last_attempt: datetime
    add: bool
    resync_after_seconds: int

    @property
    def is_fight(self) -> bool:
        """Whether the entry was removed more than once."""
        return self.attempts > 1 or not self.add


def find_contest(binding: Binding, target: ServiceAccount | None, now: datetime) -> Contest | None:
    """Return the contest over *binding*'s entry on *target*; None if there is none at *now*."""
    attached = binding.status.condition("Attached")
    since = parse_time(attached.last_transition_time) if attached is not None else None
    if target is None or attached is None or since is None or _is_new(binding, target, since):
        return None
    listed = binding.secret_name in target.pull_secrets
    attempts, last = binding.status.attach_attempts, parse_time(binding.status.last_attach_time)
    if attempts < 1 or last is None or last > now:
        if listed or attached.status != "True" or now - since >= LASTED:
            return None
        return Contest(1, now, add=True, resync_after_seconds=_left(LASTED, now, now))
    waits = not listed and attached.reason == Reason.ENTRY_REMOVED
    if now - last >= LASTED and not waits:
        return None
    wait = LASTED if listed else min(MIN_WAIT * 2 ** min(attempts - 1, MAX_DOUBLINGS), MAX_WAIT)
    if listed or now - last < wait:
        return Contest(attempts, last, listed, _left(wait, last, now))
    return Contest(attempts + 1, now, add=True, resync_after_seconds=_left(LASTED, now, now))


def _is_new(binding: Binding, target: ServiceAccount, since: datetime) -> bool:
    """True if the condition is about another ServiceAccount, or about an older object."""
    created = parse_time(target.created_at)
    moved = binding.status.service_account_name != target.name
    return moved or (created is not None and created >= since)


def _left(wait: timedelta, last: datetime, now: datetime) -> int:
    """Return the whole seconds that are left of *wait* since *last*."""
    return max(1, math.ceil((wait - (now - last)).total_seconds()))
