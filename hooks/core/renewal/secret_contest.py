"""The contest over a Secret: another client deletes or changes the Secret."""

from datetime import datetime

from hooks.core.contest import Contest, judge
from hooks.core.model.binding import Binding, Status
from hooks.core.model.cluster import PullSecret


def find_secret_contest(
    binding: Binding, secret: PullSecret | None, now: datetime
) -> Contest | None:
    """Return the contest at *now* over *binding*'s *secret*; None if no client removes it.

    Another client can delete the Secret, change the data, remove the annotation with the hash, or
    restore an old Secret. A token that expires, or a token for another spec, is not a contest.
    """
    status = binding.status
    fresh = status.condition("TokenFresh")
    since = fresh.last_transition_time if fresh is not None else None
    if fresh is None or since is None:
        return None
    there = secret is not None and _is_as_written(secret, status, now)
    return judge(fresh, since, status.write_attempts, status.last_write_time, there, now)


def _is_as_written(secret: PullSecret, status: Status, now: datetime) -> bool:
    """True unless another client changed *secret* since the last answer, which had *status*.

    A restored token is expired, and older than the token in *status*. In a contest, *status* may
    already have the restored token.
    """
    if not secret.unmodified or (secret.inputs is None and not secret.inherited):
        return False
    token, last = secret.token, status.token_issue_time
    if token is None or token.expires_at > now:
        return True
    return not status.write_attempts and (last is None or last <= token.issued_at)
