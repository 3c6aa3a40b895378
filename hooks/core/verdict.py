"""What a binding's status says: of its token, of its ServiceAccount, and in sum."""

from dataclasses import dataclass
from datetime import datetime

from hooks.core.cluster import ServiceAccount
from hooks.core.conditions import format_time, set_condition
from hooks.core.decision import Hold, Reject
from hooks.core.model import Binding, Condition, Status
from hooks.core.observed import Observed
from hooks.core.ownership import controller, is_foreign
from hooks.core.reason import Reason
from hooks.core.token import AcrToken, MintFailed

Problem = MintFailed | Hold | Reject

# These pass by themselves, and say nothing about the token that there is.
PASSING = frozenset({Reason.PENDING, Reason.NAMESPACE_TERMINATING, Reason.DELETING})


@dataclass(frozen=True, slots=True)
class Finding:
    """A condition without its bookkeeping."""

    status: str
    reason: str
    message: str = ""


def token_fresh(problem: Problem | None, *, usable: bool) -> Finding:
    """Judge the token in the Secret; *usable* says that it is what the spec asks for and works."""
    if problem is None or (usable and problem.reason in PASSING):
        return Finding("True", Reason.TOKEN_VALID)
    if usable and isinstance(problem, MintFailed):
        return Finding("True", Reason.REFRESH_FAILING, problem.message)
    return Finding("False", problem.reason, problem.message)


def renewal_healthy(problem: Problem | None, previous: Condition | None) -> Finding:
    """Judge the renewal: False from the first failure to the next success, which times the wait."""
    if problem is None:
        return Finding("True", Reason.ON_SCHEDULE)
    if isinstance(problem, MintFailed):
        return Finding("False", problem.reason, problem.message)
    if previous is not None and problem.reason in PASSING:
        return Finding(previous.status, previous.reason, previous.message)
    return Finding("Unknown", problem.reason, problem.message)


def attached(observed: Observed, problem: Problem | None) -> Finding:
    """Judge the observed ServiceAccount."""
    if observed.binding.deleting:
        return Finding("False", Reason.DELETING, _waiting(observed))
    nowhere = observed.binding.service_account_name is None
    if problem is not None and (isinstance(problem, Reject) or nowhere):
        return Finding("False", problem.reason, problem.message)
    if observed.target is not None:
        return _listed(observed.target, observed.binding)
    if observed.related is None:
        return Finding("False", Reason.ATTACHING, "no ServiceAccount was observed")
    name = observed.binding.service_account_name
    text = f"ServiceAccount {name} does not exist; create it, or correct the binding's"
    return Finding("False", Reason.SERVICE_ACCOUNT_NOT_FOUND, text)


def _listed(target: ServiceAccount, binding: Binding) -> Finding:
    secret = binding.secret_name
    if secret in target.pull_secrets:
        return Finding("True", Reason.ATTACHED)
    if is_foreign(target):
        text = (
            f"ServiceAccount {target.name} belongs to another controller and is left alone; "
            f"list Secret {secret} in its imagePullSecrets there"
        )
        return Finding("False", Reason.SERVICE_ACCOUNT_OWNED, text)
    text = f"waiting for ServiceAccount {target.name} to list Secret {secret}"
    holder = controller(target)
    if holder is not None and holder.uid != binding.uid == target.uid_label:
        text = (
            f"{holder.kind} {holder.name} (uid {holder.uid}) has not let ServiceAccount "
            f"{target.name} go; if there is none of this uid, take the ServiceAccount's "
            "ownerReferences off"
        )
    return Finding("False", Reason.ATTACHING, text)


def _waiting(observed: Observed) -> str:
    if observed.unmanaged:
        names = ", ".join(account.name for account in observed.unguarded)
        text = (
            f"ServiceAccount {names} was not guarded before this deletion, and may not be deleted "
            "along: take its ownerReferences off, and this binding goes"
        )
        return text if names else ""
    names = ", ".join(account.name for account in observed.blocking)
    return f"waiting to let go of ServiceAccount {names}" if names else ""


def ready(token: Finding, account: Finding) -> Finding:
    """Sum up: the first of the two that is not True, else what there is to say of the token."""
    if token.status != "True":
        return token
    if account.status != "True":
        return account
    return Finding("True", Reason.READY) if token.reason == Reason.TOKEN_VALID else token


def new_status(
    observed: Observed,
    problem: Problem | None,
    token: AcrToken | None,
    now: datetime,
    *,
    usable: bool,
) -> Status:
    """Return the status of a binding whose Secret holds *token* after this answer."""
    binding = observed.binding
    fresh, listed = token_fresh(problem, usable=usable), attached(observed, problem)
    findings = {
        "Ready": ready(fresh, listed),
        "TokenFresh": fresh,
        "Attached": listed,
        "RenewalHealthy": renewal_healthy(problem, binding.status.condition("RenewalHealthy")),
    }
    return Status(
        tuple(
            set_condition(binding, kind, found.status, found.reason, found.message, now)
            for kind, found in findings.items()
        ),
        None if observed.secret_taken else binding.secret_name,
        binding.service_account_name,
        format_time(token.issued_at) if token else None,
        format_time(token.expires_at) if token else None,
    )
