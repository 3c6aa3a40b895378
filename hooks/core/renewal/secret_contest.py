"""The contest over a Secret: another client deletes or changes the Secret."""

from datetime import datetime

from hooks.core.contest import Contest, judge
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import PullSecret


def find_secret_contest(
    binding: Binding, secret: PullSecret | None, now: datetime
) -> Contest | None:
    """Return the contest at *now* over *binding*'s *secret*; None if no client removes it.

    Another client can delete the Secret or change the data. An expired token, or a token for
    another spec, is not a contest.
    """
    status = binding.status
    fresh = status.condition("TokenFresh")
    since = fresh.last_transition_time if fresh is not None else None
    if fresh is None or since is None:
        return None
    there = secret is not None and secret.unmodified
    return judge(fresh, since, status.write_attempts, status.last_write_time, there, now)
