"""Slows down a contest: another client removes acrpull's entry, or the Secret, again and again.

A controller can rewrite the ServiceAccount after each write of acrpull, and drop the entry. A
cleaner can delete the Secret after each write. Without a limit, both sides would write many times
a second. The rules are the same for an entry and for a Secret, called the *item* here:

1. Another client removes an item older than `LASTED`: acrpull writes the item at once.
2. Another client removes a newer item: acrpull writes the item at once, at most twice, and counts
   the attempts.
3. Another client removes the item again within `LASTED`: acrpull waits for 5 s, then 10 s, 20 s and
   more, up to 300 s, before the next write. Meanwhile Attached is False with the reason
   EntryRemoved, or TokenFresh is False with the reason SecretRemoved.
4. The item lasts for `LASTED`: the contest ends.

Another client can also undo each write of the Secret before acrpull observes the write. To acrpull,
such a client looks like an API server that refuses the write: the returned token does not appear.
The contest then begins with the reason SecretNotWritten, keeps this reason, and ends as soon as
acrpull observes the token.

acrpull is stateless, therefore the binding's status carries attempts and times to the next call.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from hooks.core.model.binding import Condition
from hooks.core.model.reason import Reason

LASTED: Final = timedelta(seconds=60)
AT_ONCE: Final = 2  # attempts; the adoption of a rewritten ServiceAccount uses the first
MIN_WAIT: Final = timedelta(seconds=5)
MAX_WAIT: Final = timedelta(seconds=300)
MAX_DOUBLINGS: Final = 6  # MIN_WAIT * 2**6 exceeds MAX_WAIT
MAX_ATTEMPTS: Final = 1000
# A write counts as refused, or as undone, if the cluster does not show the item after this time.
WRITE_GRACE: Final = timedelta(seconds=10)
# The longest wait of a binding that writes no entry itself, and counts an attempt after each wait.
WATCH_WAIT: Final = timedelta(seconds=40)
NAMED: Final = frozenset({Reason.ENTRY_REMOVED, Reason.SECRET_REMOVED, Reason.SECRET_NOT_WRITTEN})


@dataclass(frozen=True, slots=True)
class Contest:
    """A contest over the Secret or the entry of one binding.

    Attributes:
        attempts: How often acrpull wrote the item again, at most `MAX_ATTEMPTS`.
        last_attempt: When acrpull last wrote the item again.
        add: Whether the response contains the item.
        resync_after_seconds: When the next call is due.
        named: Whether the status already has a reason in `NAMED`. Then the contest goes on, even
            if a stale status has too few attempts.
        quiet: Whether the status does not name the contest. For an entry: the binding's own entry
            is in place, and the contest is over entries of other bindings. For a Secret: perhaps
            only the settings of acrpull changed.
    """

    attempts: int
    last_attempt: datetime
    add: bool
    resync_after_seconds: int
    named: bool = False
    quiet: bool = False

    @property
    def is_fight(self) -> bool:
        """Whether another client removes the binding's own item again and again."""
        return not self.quiet and (self.named or not self.add)


def judge(
    condition: Condition,
    attempts: int,
    last_attempt: datetime | None,
    there: bool,
    now: datetime,
    *,
    watching: bool = False,
) -> Contest | None:
    """Return the contest at *now*; None if there is none.

    A time in the future counts as now, because each wait must end.

    Args:
        condition: Attached or TokenFresh.
        attempts: The attempts in the status.
        last_attempt: The time of the last attempt in the status.
        there: Whether the item exists.
        now: The current time.
        watching: Whether another binding writes the item. The attempts are then its attempts.
    """
    if attempts < 1 or last_attempt is None:
        since = condition.last_transition_time
        if there or condition.status != "True" or since is None or now - since >= LASTED:
            return None
        return _new_attempt(1, now, watching=watching)
    attempts, last = min(attempts, MAX_ATTEMPTS), min(last_attempt, now)
    named = condition.reason in NAMED
    wait = min(_wait(attempts), WATCH_WAIT) if watching else _wait(attempts)
    if there and named and now - last >= wait > LASTED:
        # The status may be older than the last attempt, and the item may not last.
        return _new_attempt(attempts, now, named=named)
    # The last attempt can be older than the return of an item that another binding writes.
    lasted = LASTED + WATCH_WAIT if watching and named else LASTED
    if now - last >= lasted and (there or not named):
        return None
    if there or now - last < wait:
        left = math.ceil((last + (lasted if there else wait) - now).total_seconds())
        return Contest(attempts, last, there, left, named=named)
    return _new_attempt(min(attempts + 1, MAX_ATTEMPTS), now, named=named, watching=watching)


def beginning(condition: Condition, now: datetime) -> Condition:
    """Return *condition* as True since *now*. A contest begins only with such a condition."""
    return replace(condition, status="True", last_transition_time=now)


def _new_attempt(
    attempts: int, now: datetime, *, named: bool = False, watching: bool = False
) -> Contest:
    """Return a contest with an attempt at *now*."""
    resync = WATCH_WAIT if watching else LASTED
    add = not watching or attempts <= AT_ONCE
    return Contest(attempts, now, add, int(resync.total_seconds()), named=named)


def _wait(attempts: int) -> timedelta:
    """Return the wait before the next write, after *attempts*."""
    return timedelta(0) if attempts < AT_ONCE else doubled(MIN_WAIT, attempts - AT_ONCE)


def doubled(wait: timedelta, times: int) -> timedelta:
    """Return *wait*, doubled *times* times, and at most `MAX_WAIT`."""
    factor: int = 2 ** min(times, MAX_DOUBLINGS)
    return min(wait * factor, MAX_WAIT)
