"""Slows down a fight over the entry of a ServiceAccount's imagePullSecrets.

Another client, for example a controller which rewrites the ServiceAccount, may remove the entry
whenever acrpull adds it. Without a brake, both would write the ServiceAccount many times a second.

    The entry disappears after it lasted for `LASTED`: acrpull adds it at once.
    The entry disappears sooner: acrpull adds it at once, twice, and counts the attempts.
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
AT_ONCE: Final = 2  # attempts; adopting a rewritten ServiceAccount again takes the first
MIN_WAIT: Final = timedelta(seconds=5)
MAX_WAIT: Final = timedelta(seconds=300)
MAX_DOUBLINGS: Final = 6  # 5 s * 2**6 is over MAX_WAIT
MAX_ATTEMPTS: Final = 1000


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
        """Whether the entry was removed again and again."""
        return self.attempts > AT_ONCE or not self.add


def find_contest(binding: Binding, target: ServiceAccount, now: datetime) -> Contest | None:
    """Return the contest over *binding*'s entry on *target*; None if there is none at *now*.

    The entry belongs on *target*. A time in the future counts as now, so that a wait always ends.
    """
    attached = binding.status.condition("Attached")
    since = parse_time(attached.last_transition_time) if attached is not None else None
    if attached is None or since is None or _is_new(binding, target, since):
        return None
    listed = binding.secret_name in target.pull_secrets
    attempts, last = binding.status.attach_attempts, parse_time(binding.status.last_attach_time)
    if attempts < 1 or last is None:
        if listed or attached.status != "True" or now - since >= LASTED:
            return None
        return _add(1, now)
    attempts, last = min(attempts, MAX_ATTEMPTS), min(last, now)
    fought = attached.reason == Reason.ENTRY_REMOVED
    if now - last >= LASTED and (listed or not fought):
        return None
    wait = LASTED if listed else _wait(attempts)
    if listed or now - last < wait:
        return Contest(attempts, last, listed, math.ceil((last + wait - now).total_seconds()))
    return _add(min(attempts + 1, MAX_ATTEMPTS), now)


def _add(attempts: int, now: datetime) -> Contest:
    return Contest(attempts, now, add=True, resync_after_seconds=int(LASTED.total_seconds()))


def _wait(attempts: int) -> timedelta:
    """Return the wait after *attempts*."""
    if attempts < AT_ONCE:
        return timedelta(0)
    factor: int = 2 ** min(attempts - AT_ONCE, MAX_DOUBLINGS)
    return min(MIN_WAIT * factor, MAX_WAIT)


def _is_new(binding: Binding, target: ServiceAccount, since: datetime) -> bool:
    """True if the condition is about another ServiceAccount, or about an older object."""
    created = parse_time(target.created_at)
    moved = binding.status.service_account_name != target.name
    return moved or (created is not None and created >= since)
