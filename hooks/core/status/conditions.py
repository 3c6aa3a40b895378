"""The status of a binding: the conditions of its token and its ServiceAccount, and the sum of both.

Every condition describes the observed cluster. `Ready` has the whole message of a problem, *What
happened. What to do.* The condition with the problem has the first sentence only.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hooks.core.contest import Contest
from hooks.core.model.binding import Binding, Condition, Status
from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed
from hooks.core.observed import Observed
from hooks.core.policy.permission import Reject
from hooks.core.renewal.secret import Unwritten
from hooks.core.renewal.secret_contest import UNWRITTEN
from hooks.core.rfc3339 import format_time
from hooks.core.status.attached import attached
from hooks.core.status.condition_state import ConditionState, Problem, new_state

# These problems end without an action, and do not concern the observed token.
PASSING: Final = frozenset(
    {Reason.PENDING, Reason.NAMESPACE_TERMINATING, Reason.DELETING, Reason.WRITING_SECRET}
)
# These problems end when a user changes the binding, a setting or an object. kstatus reports Failed
# as soon as `Stalled` is True. A missing role assignment or federated credential is not among these
# problems, because a new role assignment or credential takes minutes to propagate.
# https://github.com/kubernetes-sigs/cli-utils/blob/v0.37.2/pkg/kstatus/README.md#conditions
STALLED: Final = frozenset(
    {
        Reason.INVALID_SPEC,
        Reason.SERVER_NOT_ALLOWED,
        Reason.IDENTITY_NOT_ALLOWED,
        Reason.SECRET_NAME_TAKEN,
        Reason.SERVICE_ACCOUNT_OWNED,
        Reason.AUDIENCE_REFUSED,
        Reason.SCOPE_REFUSED,
    }
)


@dataclass(frozen=True, slots=True)
class Freshness:
    """The token in the observed Secret.

    Attributes:
        works: Whether the token works, and covers all that the spec asks for.
        due: When the renewal is due; None if the token does not work.
    """

    works: bool
    due: datetime | None = None


def token_fresh(problem: Problem | None, fresh: Freshness, expiry: str) -> ConditionState:
    """Return the state of the token in the observed Secret; the token expires at *expiry*."""
    if fresh.works and (problem is None or problem.reason in PASSING):
        return ConditionState("True", Reason.TOKEN_VALID, f"The token expires at {expiry}.")
    if problem is None:
        return ConditionState("False", Reason.PENDING, "The Secret has no token that works.")
    if not fresh.works or problem.reason == Reason.SECRET_REMOVED:
        return new_state("False", problem.reason, problem.message)
    if isinstance(problem, Reject):
        found = new_state("True", problem.reason, problem.message)
        message = f"{found.message} The token works until {expiry}."
        return ConditionState("True", Reason.REFRESH_FAILING, message, found.remedy)
    return new_state("True", Reason.REFRESH_FAILING, problem.message)


def renewal_healthy(
    observed: Observed, problem: Problem | None, fresh: Freshness, previous: Condition | None
) -> ConditionState:
    """Return the state of the renewal: False from the first failure to the next success.

    The transition time is the start of the failures; the wait for the next request depends on it.
    """
    if problem is None:
        due = f"The next renewal is due at {format_time(fresh.due)}." if fresh.due else ""
        return ConditionState("True", Reason.ON_SCHEDULE, due)
    if isinstance(problem, MintFailed) or problem.reason in UNWRITTEN:
        return new_state("False", problem.reason, problem.message)
    if isinstance(problem, Reject) and fresh.works:
        return ConditionState("False", problem.reason, "The token is not renewed.")
    if observed.secret_taken:
        return ConditionState("Unknown", Reason.SECRET_NAME_TAKEN, "No token is requested.")
    writes = problem.reason == Reason.WRITING_SECRET
    kept = {"True"} if writes else {"True", "False"}
    if previous is not None and previous.status in kept and problem.reason in PASSING:
        return ConditionState(previous.status, previous.reason, previous.message)
    text = problem.message if writes else "No token is requested."
    return ConditionState("Unknown", problem.reason, text)


def ready(
    problem: Problem | None, token: ConditionState, account: ConditionState
) -> ConditionState:
    """Return the sum of both: the first state that is not True, with the token before the account.

    The denial of a binding comes before both.
    """
    if isinstance(problem, Reject):
        return new_state("False", problem.reason, problem.message)
    if account.reason == Reason.DELETING:
        return account
    if token.status != "True":
        return token
    if account.status != "True":
        return account
    if token.reason == Reason.REFRESH_FAILING:
        return token
    return ConditionState("True", Reason.READY, "Image pulls are authorized.")


def new_status(
    observed: Observed,
    problem: Problem | None,
    fresh: Freshness,
    now: datetime,
    *,
    secret_contest: Contest | None = None,
    entry_contest: Contest | None = None,
) -> Status:
    """Return the status of the binding in *observed*, with *problem* if there is one.

    *secret_contest* is the contest over the Secret, *entry_contest* the contest over the entry.
    """
    binding, secret = observed.binding, observed.secret
    token = secret.token if secret is not None else None
    expiry = format_time(token.expires_at) if token else ""
    tokens = token_fresh(problem, fresh, expiry)
    listed = attached(observed, problem, entry_contest, now)
    total = ready(problem, tokens, listed)
    whole = ConditionState(total.status, total.reason, f"{total.message} {total.remedy}".strip())
    findings = {
        "Ready": whole,
        "TokenFresh": tokens,
        "Attached": listed,
        "RenewalHealthy": renewal_healthy(
            observed, problem, fresh, binding.status.condition("RenewalHealthy")
        ),
    }
    if total.reason in STALLED:
        findings["Stalled"] = ConditionState("True", total.reason, total.message)
    listing, desired = _counts(observed)
    return Status(
        tuple(
            set_condition(binding, kind, found.status, found.reason, found.message, now)
            for kind, found in findings.items()
        ),
        secret.name if secret is not None else None,
        binding.targets,
        token.issued_at if token else None,
        token.expires_at if token else None,
        attached_accounts=listing,
        desired_accounts=desired,
        secret_pending_time=problem.since if isinstance(problem, Unwritten) else None,
        write_attempts=secret_contest.attempts if secret_contest is not None else 0,
        last_write_time=secret_contest.last_attempt if secret_contest is not None else None,
        attach_attempts=entry_contest.attempts if entry_contest is not None else 0,
        last_attach_time=entry_contest.last_attempt if entry_contest is not None else None,
    )


def _counts(observed: Observed) -> tuple[int | None, int | None]:
    """Return how many ServiceAccounts list the Secret, and how many must; None without a list."""
    targets = observed.binding.targets
    if targets is None or not targets.is_list:
        return None, None
    desired = len(observed.targets) if targets.every else len(targets.names)
    return len(observed.listing), desired


def set_condition(
    binding: Binding, kind: str, status: str, reason: str, message: str, now: datetime
) -> Condition:
    """Return the condition of type *kind* of *binding*."""
    since = transition_time(binding.status.condition(kind), status, now)
    return Condition(kind, status, reason, message, binding.generation, since)


def transition_time(previous: Condition | None, status: str, now: datetime) -> datetime:
    """Return the transition time of a condition, which moves only when *status* flips.

    https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties

    A transition time in the future becomes *now*: a clock was wrong, and waits start at this time.
    """
    if previous is None or previous.status != status:
        return now
    return min(previous.last_transition_time or now, now)
