"""The status of a binding: the conditions of its token and its ServiceAccount, and the sum of both.

Every condition describes the observed cluster. `Ready` has the whole message of a problem, *What
happened. What to do.* The condition with the problem has the first sentence only.
"""

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hooks.core.account.ownership import controller, foreign_controller
from hooks.core.contest import Contest
from hooks.core.model.binding import Binding, Condition, Status
from hooks.core.model.cluster import Owner, ServiceAccount
from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed
from hooks.core.observed import Observed
from hooks.core.policy.permission import Reject
from hooks.core.renewal.resolve import Hold
from hooks.core.renewal.secret import Unwritten
from hooks.core.rfc3339 import format_time

Problem = MintFailed | Hold | Reject | Unwritten

NOT_ADDED: Final = frozenset({Reason.ATTACHING, Reason.SERVICE_ACCOUNT_NOT_WRITTEN})
# These problems end without an action, and do not concern the observed token.
PASSING: Final = frozenset(
    {Reason.PENDING, Reason.NAMESPACE_TERMINATING, Reason.DELETING, Reason.WRITING_SECRET}
)
UNWRITTEN: Final = frozenset({Reason.SECRET_NOT_WRITTEN, Reason.SECRET_REMOVED})
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
# An entry counts as refused after this time. At Metacontroller's default of 5 requests a second,
# attaching 30 bindings took 66 s.
ATTACH_GRACE: Final = timedelta(seconds=120)
# A first sentence: a period ends the sentence before a space and a capital, but not in quotes.
SENTENCE: Final = re.compile(r'((?:"[^"]*"|[^".]|"|\.(?! [A-Z]))*\.?) ?')


@dataclass(frozen=True, slots=True)
class ConditionState:
    """A condition without its bookkeeping.

    Attributes:
        remedy: What to do; only `Ready` shows it.
    """

    status: str
    reason: str
    message: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Freshness:
    """The token in the observed Secret.

    Attributes:
        works: Whether the token works, and covers all that the spec asks for.
        due: When the renewal is due; None if the token does not work.
    """

    works: bool
    due: datetime | None = None


def new_state(status: str, reason: str, text: str) -> ConditionState:
    """Return a state; *text* is split into the first sentence, the message, and the remedy."""
    remedy = SENTENCE.sub("", text, count=1)
    return ConditionState(status, reason, text.removesuffix(remedy).rstrip(), remedy)


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


def attached(
    observed: Observed, problem: Problem | None, contest: Contest | None, now: datetime
) -> ConditionState:
    """Return the state of the observed ServiceAccount."""
    binding = observed.binding
    if binding.deleting:
        return new_state("False", Reason.DELETING, _waiting(observed))
    if binding.service_account_name is None and problem is not None:
        return ConditionState("False", problem.reason, "The spec names no ServiceAccount.")
    if observed.target is not None:
        overdue = attach_seconds(observed, now) == 0
        return _listed(observed, observed.target, problem, contest, overdue=overdue)
    if observed.related is None:
        text = "Waiting for Metacontroller to report the ServiceAccounts of this Namespace."
        return ConditionState("False", Reason.ATTACHING, text)
    text = (
        f'ServiceAccount "{binding.service_account_name}" not found. Create it, or fix '
        "spec.serviceAccountName."
    )
    return new_state("False", Reason.SERVICE_ACCOUNT_NOT_FOUND, text)


def attach_seconds(observed: Observed, now: datetime) -> int:
    """Return the seconds until a missing entry counts as refused; 0 if it does at *now*.

    A time in the future counts as now.
    """
    since, before = now, observed.binding.status.condition("Attached")
    if before is not None and before.reason in NOT_ADDED:
        since = min(before.last_transition_time or now, now)
    created = observed.target.created_at if observed.target is not None else None
    if created is not None:
        since = min(max(since, created), now)
    return max(0, math.ceil((since + ATTACH_GRACE - now).total_seconds()))


def _listed(
    observed: Observed,
    target: ServiceAccount,
    problem: Problem | None,
    contest: Contest | None,
    *,
    overdue: bool,
) -> ConditionState:
    binding = observed.binding
    secret, listed = binding.secret_name, binding.secret_name in target.pull_secrets
    lists = f'ServiceAccount "{target.name}" lists Secret "{secret}".'
    if contest is not None and contest.is_fight:
        text = (
            f'Another client removes Secret "{secret}" from ServiceAccount "{target.name}" as soon '
            "as acrpull adds it. Find the client with kubectl get serviceaccount -n "
            f"{target.namespace} {target.name} -o yaml --show-managed-fields, and let it keep "
            "imagePullSecrets."
        )
        return new_state("False", Reason.ENTRY_REMOVED, text)
    if (
        problem is not None
        and (observed.secret_taken or isinstance(problem, Reject))
        and not listed
    ):
        text = f'ServiceAccount "{target.name}" does not list Secret "{secret}".'
        return ConditionState("False", problem.reason, text)
    if listed:
        return ConditionState("True", Reason.ATTACHED, lists)
    foreign = foreign_controller(target)
    if foreign is not None:
        text = (
            f'ServiceAccount "{target.name}" is managed by {_named(foreign)}, so acrpull does not '
            f'change it. Add "{secret}" to imagePullSecrets in the configuration of that '
            "controller."
        )
        return new_state("False", Reason.SERVICE_ACCOUNT_OWNED, text)
    holder = controller(target)
    if holder is not None and holder.uid != binding.uid == target.uid_label:
        text = (
            f'ServiceAccount "{target.name}" is still owned by {_named(holder)} (uid '
            f"{holder.uid}). If that object no longer exists, remove it from the ownerReferences "
            "of the ServiceAccount."
        )
    elif overdue:
        text = (
            f'Secret "{secret}" could not be added to ServiceAccount "{target.name}". See the '
            "events of the binding and of the ServiceAccount for the reason."
        )
        return new_state("False", Reason.SERVICE_ACCOUNT_NOT_WRITTEN, text)
    else:
        text = f'Waiting for Secret "{secret}" to be added to ServiceAccount "{target.name}".'
    return new_state("False", Reason.ATTACHING, text)


def _named(owner: Owner) -> str:
    return f'{owner.kind} "{owner.name}"'


def _waiting(observed: Observed) -> str:
    """Return the text for a binding in deletion, with the reason for a wait."""
    accounts = observed.unprotected if observed.unmanaged else observed.blocking
    names = ", ".join(f'"{account.name}"' for account in accounts)
    if not names:
        return "The binding is being deleted."
    if not observed.unmanaged:
        return f"Waiting for ServiceAccount {names} to be released."
    return (
        f"Deletion is blocked because it would also delete ServiceAccount {names}. Remove this "
        "binding from the ownerReferences of the ServiceAccount to continue."
    )


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
    writes: Contest | None = None,
    contest: Contest | None = None,
) -> Status:
    """Return the status of the binding in *observed*, with *problem* if there is one.

    *writes* is the contest over the Secret, *contest* the contest over the entry.
    """
    binding, secret = observed.binding, observed.secret
    token = secret.token if secret is not None else None
    expiry = format_time(token.expires_at) if token else ""
    tokens = token_fresh(problem, fresh, expiry)
    listed = attached(observed, problem, contest, now)
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
    return Status(
        tuple(
            set_condition(binding, kind, found.status, found.reason, found.message, now)
            for kind, found in findings.items()
        ),
        secret.name if secret is not None else None,
        binding.service_account_name,
        token.issued_at if token else None,
        token.expires_at if token else None,
        secret_pending_time=problem.since if isinstance(problem, Unwritten) else None,
        write_attempts=writes.attempts if writes is not None else 0,
        last_write_time=writes.last_attempt if writes is not None else None,
        attach_attempts=contest.attempts if contest is not None else 0,
        last_attach_time=contest.last_attempt if contest is not None else None,
    )


def set_condition(
    binding: Binding, kind: str, status: str, reason: str, message: str, now: datetime
) -> Condition:
    """Return the condition of type *kind*; its transition time moves only when *status* flips.

    https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties

    A transition time in the future becomes *now*: a clock was wrong, and waits start at this time.
    """
    previous = binding.status.condition(kind)
    since = now
    if previous is not None and previous.status == status:
        since = min(previous.last_transition_time or now, now)
    return Condition(kind, status, reason, message, binding.generation, since)
