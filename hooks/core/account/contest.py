"""Slows down a fight with another client over a Secret, or over its entry on a ServiceAccount.

A controller which rewrites the ServiceAccount may remove the entry whenever acrpull adds it. A
cleaner of Secrets may delete the Secret whenever acrpull writes it. Without a brake, both sides
would write many times a second. The rules are the same for an entry and for a Secret:

    It disappears after it lasted for `LASTED`: acrpull writes it at once.
    It disappears sooner: acrpull writes it at once, twice, and counts the attempts.
    It disappears again within `LASTED`: acrpull waits for 5 s, then for 10 s, 20 s and so on, up to
    300 s, before it writes again. Attached is False/EntryRemoved all the while, or TokenFresh is
    False/SecretRemoved.
    It lasts for `LASTED`: the contest is over.

The status of the binding holds what the next call must know, because the service is stateless.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hooks.core.model.binding import Binding, Condition
from hooks.core.model.cluster import PullSecret, ServiceAccount
from hooks.core.model.conditions import parse_time
from hooks.core.model.reason import Reason

LASTED: Final = timedelta(seconds=60)
AT_ONCE: Final = 2  # attempts; adopting a rewritten ServiceAccount again takes the first
MIN_WAIT: Final = timedelta(seconds=5)
MAX_WAIT: Final = timedelta(seconds=300)
MAX_DOUBLINGS: Final = 6  # 5 s * 2**6 is over MAX_WAIT
MAX_ATTEMPTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Contest:
    """A fight over the Secret or the entry of one binding.

    Attributes:
        attempts: How often acrpull wrote it again.
        last_attempt: When acrpull last wrote it again.
        add: Whether the answer contains it.
        resync_after_seconds: When the next call is due.
        named: Whether the status names the fight. A status can be older than the last answer, and
            then its attempts are too few.
    """

    attempts: int
    last_attempt: datetime
    add: bool
    resync_after_seconds: int
    named: bool = False

    @property
    def is_fight(self) -> bool:
        """Whether it was removed again and again."""
        return self.named or self.attempts > AT_ONCE or not self.add


def find_contest(binding: Binding, target: ServiceAccount, now: datetime) -> Contest | None:
    """Return the contest over *binding*'s entry on *target*; None if there is none at *now*.

    The entry belongs on *target*.
    """
    status = binding.status
    attached = status.condition("Attached")
    since = parse_time(attached.last_transition_time) if attached is not None else None
    if attached is None or since is None or _is_new(binding, target, since):
        return None
    there = binding.secret_name in target.pull_secrets
    return _judge(attached, since, status.attach_attempts, status.last_attach_time, there, now)


def find_secret_contest(
    binding: Binding, secret: PullSecret | None, now: datetime
) -> Contest | None:
    """Return the contest over *binding*'s *secret*; None if there is none at *now*.

    Another client can delete the Secret or change what it holds. A Secret whose token expired or
    is for another spec is intact, and no contest.
    """
    status = binding.status
    fresh = status.condition("TokenFresh")
    since = parse_time(fresh.last_transition_time) if fresh is not None else None
    if fresh is None or since is None:
        return None
    there = secret is not None and secret.unmodified
    return _judge(fresh, since, status.write_attempts, status.last_write_time, there, now)


def _judge(
    condition: Condition,
    since: datetime,
    attempts: int,
    last_attempt: str | None,
    there: bool,
    now: datetime,
) -> Contest | None:
    """Return the contest that *condition* shows, which has its status *since*.

    A time in the future counts as now, so that a wait always ends.
    """
    last = parse_time(last_attempt)
    if attempts < 1 or last is None:
        if there or condition.status != "True" or now - since >= LASTED:
            return None
        return _add(1, now)
    attempts, last = min(attempts, MAX_ATTEMPTS), min(last, now)
    fought = condition.reason in {Reason.ENTRY_REMOVED, Reason.SECRET_REMOVED}
    if now - last >= LASTED and (there or not fought):
        return None
    wait = LASTED if there else _wait(attempts)
    if there or now - last < wait:
        left = math.ceil((last + wait - now).total_seconds())
        return Contest(attempts, last, there, left, named=fought)
    return _add(min(attempts + 1, MAX_ATTEMPTS), now, named=fought)


def _add(attempts: int, now: datetime, *, named: bool = False) -> Contest:
    lasted = int(LASTED.total_seconds())
    return Contest(attempts, now, add=True, resync_after_seconds=lasted, named=named)


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
