"""The condition Attached: whether the observed ServiceAccount lists the binding's Secret."""

import math
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from hooks.core.account.ownership import controller, foreign_controller
from hooks.core.contest import Contest
from hooks.core.model.binding import Binding, Spec
from hooks.core.model.cluster import Owner, ServiceAccount
from hooks.core.model.reason import Reason
from hooks.core.names import ADMISSION_POLICY
from hooks.core.observed import Observed
from hooks.core.policy.permission import Reject
from hooks.core.status.condition_state import ConditionState, Problem, new_state

NOT_ADDED: Final = frozenset({Reason.ATTACHING, Reason.SERVICE_ACCOUNT_NOT_WRITTEN})
# An entry counts as refused after this time. At Metacontroller's default of 5 requests a second,
# attaching 30 bindings took 66 s.
ATTACH_GRACE: Final = timedelta(seconds=120)


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
        text = "Waiting for Metacontroller to report the ServiceAccount."
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
    # Only a binding with a valid spec gets a Secret without a token.
    secretless = observed.secret is None and not isinstance(binding.spec, Spec)
    unwanted = observed.secret_taken or isinstance(problem, Reject) or secretless
    if problem is not None and unwanted and not listed:
        text = f'ServiceAccount "{target.name}" does not list Secret "{secret}".'
        return ConditionState("False", problem.reason, text)
    if listed:
        return ConditionState("True", Reason.ATTACHED, lists)
    if observed.missing_policies is None:
        return _unlisted(binding, target, overdue=overdue)
    return _unlisted_by_policy(observed.missing_policies, secret, target.name, overdue=overdue)


def _unlisted(binding: Binding, target: ServiceAccount, *, overdue: bool) -> ConditionState:
    """Return why *target* does not list the Secret, in the mode `adoption`."""
    secret, foreign, holder = binding.secret_name, foreign_controller(target), controller(target)
    if foreign is not None:
        text = (
            f'ServiceAccount "{target.name}" is managed by {_named(foreign)}, so acrpull does not '
            f'change it. Add "{secret}" to imagePullSecrets in the configuration of that '
            "controller."
        )
        return new_state("False", Reason.SERVICE_ACCOUNT_OWNED, text)
    if holder is not None and holder.uid != binding.uid == target.uid_label:
        text = (
            f'ServiceAccount "{target.name}" is still owned by {_named(holder)} (uid '
            f"{holder.uid}). If that object no longer exists, remove it from the ownerReferences "
            "of the ServiceAccount."
        )
        return new_state("False", Reason.ATTACHING, text)
    return _waiting_for_write(secret, target.name, overdue=overdue)


def _unlisted_by_policy(
    missing: Collection[str], secret: str, account: str, *, overdue: bool
) -> ConditionState:
    """Return why *account* does not list *secret*, in the mode `admission`."""
    if not missing:
        return _waiting_for_write(secret, account, overdue=overdue)
    text = (
        f'ServiceAccount "{account}" does not list Secret "{secret}": there is no '
        f'{" and no ".join(missing)} "{ADMISSION_POLICY}". Install the component '
        "metacontroller/admission, or set ATTACHMENT=adoption."
    )
    return new_state("False", Reason.POLICY_MISSING, text)


def _waiting_for_write(secret: str, account: str, *, overdue: bool) -> ConditionState:
    if overdue:
        text = (
            f'Secret "{secret}" could not be added to ServiceAccount "{account}". See the '
            "events of the binding and of the ServiceAccount for the reason."
        )
        return new_state("False", Reason.SERVICE_ACCOUNT_NOT_WRITTEN, text)
    text = f'Waiting for Secret "{secret}" to be added to ServiceAccount "{account}".'
    return new_state("False", Reason.ATTACHING, text)


def _named(owner: Owner) -> str:
    return f'{owner.kind} "{owner.name}"'


def _waiting(observed: Observed) -> str:
    """Return the text for a binding in deletion, with the reason for a wait."""
    accounts = observed.unprotected if observed.unmanaged else observed.blocking
    names = ", ".join(f'"{account.name}"' for account in accounts)
    if names and observed.unmanaged:
        return (
            f"Deletion is blocked because it would also delete ServiceAccount {names}. Remove this "
            "binding from the ownerReferences of the ServiceAccount to continue."
        )
    text = "The binding is being deleted."
    if names:
        text = f"Waiting for ServiceAccount {names} to be released."
    terminating = observed.namespace is not None and observed.namespace.terminating
    if observed.secret is None or terminating:
        return text
    return f'{text} Afterwards, recreate running Pods that name Secret "{observed.secret.name}".'
