"""The condition Attached: whether the observed ServiceAccounts list the binding's Secret."""

import math
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from hooks.core.account.ownership import controller, foreign_controller
from hooks.core.contest import Contest
from hooks.core.model.binding import Binding, Spec
from hooks.core.model.cluster import Owner, ServiceAccount
from hooks.core.model.reason import Reason
from hooks.core.model.targets import Targets
from hooks.core.names import ADMISSION_POLICY
from hooks.core.observed import Observed
from hooks.core.policy.permission import Reject
from hooks.core.status.condition_state import ConditionState, Problem, new_state

NOT_ADDED: Final = frozenset({Reason.ATTACHING, Reason.SERVICE_ACCOUNT_NOT_WRITTEN})
# An entry counts as refused after this time. At Metacontroller's default of 5 requests a second,
# attaching 30 bindings took 66 s.
ATTACH_GRACE: Final = timedelta(seconds=120)
SHOWN: Final = 3  # names of ServiceAccounts in a message
# A list shows the first of these reasons. While an entry waits to be added, other entries may be
# missing for longer.
WORST_FIRST: Final = (
    Reason.SERVICE_ACCOUNT_NOT_WRITTEN,
    Reason.ATTACHING,
    Reason.POLICY_MISSING,
    Reason.SERVICE_ACCOUNT_OWNED,
    Reason.SERVICE_ACCOUNT_NOT_FOUND,
)
UNREPORTED: Final = "Waiting for Metacontroller to report the ServiceAccount."


def attached(
    observed: Observed, problem: Problem | None, contest: Contest | None, now: datetime
) -> ConditionState:
    """Return the state of the observed ServiceAccounts."""
    binding = observed.binding
    if binding.deleting:
        return new_state("False", Reason.DELETING, _waiting(observed))
    if binding.targets is None and problem is not None:
        return ConditionState("False", problem.reason, "The spec names no ServiceAccount.")
    if binding.targets is not None and binding.targets.is_list:
        return _of_list(observed, binding.targets, problem, contest, now)
    if observed.targets:
        return _of_account(observed, observed.targets[0], problem, contest, now)
    if observed.related is None:
        return ConditionState("False", Reason.ATTACHING, UNREPORTED)
    name = binding.targets.only if binding.targets is not None else None
    return _not_found(name, "serviceAccountName")


def _of_list(
    observed: Observed,
    targets: Targets,
    problem: Problem | None,
    contest: Contest | None,
    now: datetime,
) -> ConditionState:
    """Return the state of all *targets*: the number with the entry, and the worst of the others."""
    if not (targets.names or targets.every):
        text = "spec.serviceAccountNames is empty, so no ServiceAccount lists the Secret."
        return ConditionState("True", Reason.NO_SERVICE_ACCOUNT, text)
    if observed.related is None and not observed.targets:
        return ConditionState("False", Reason.ATTACHING, UNREPORTED)
    if not observed.targets and targets.every:
        text = "The Namespace has no ServiceAccount. Create one."
        return new_state("False", Reason.SERVICE_ACCOUNT_NOT_FOUND, text)
    if contest is not None and contest.is_fight:
        return _removed_from_list(observed)
    states = {a.name: _of_account(observed, a, problem, None, now) for a in observed.unlisting}
    absent = targets.names - {account.name for account in observed.targets}
    states |= {name: _not_found(name, "serviceAccountNames") for name in absent}
    secret, total = observed.binding.secret_name, len(observed.targets) + len(absent)
    text = f'{total - len(states)} of {total} ServiceAccounts list Secret "{secret}".'
    if not states:
        return ConditionState("True", Reason.ATTACHED, text)
    worst = min(sorted(states), key=lambda name: _rank(states[name].reason))
    shown = ", ".join(f'"{name}"' for name in sorted(states)[:SHOWN])
    more = f" and {len(states) - SHOWN} more" if len(states) > SHOWN else ""
    found = states[worst]
    remedy = f"{found.message} {found.remedy}".strip()
    return ConditionState("False", found.reason, f"{text} Missing from: {shown}{more}.", remedy)


def _rank(reason: str) -> int:
    """Return the place of *reason* among the reasons for a missing entry; the first is shown."""
    return WORST_FIRST.index(reason) if reason in WORST_FIRST else -1


def _removed_from_list(observed: Observed) -> ConditionState:
    """Return the state during a contest over the entry of several ServiceAccounts."""
    names = [f'"{account.name}"' for account in observed.unlisting[:SHOWN]]
    account = f"ServiceAccount {', '.join(names)}" if names else "a ServiceAccount"
    text = (
        f'Another client removes Secret "{observed.binding.secret_name}" from {account} as soon as '
        "acrpull adds it. Find the client with kubectl get serviceaccounts -n "
        f"{observed.binding.namespace} -o yaml --show-managed-fields, and exclude imagePullSecrets "
        "from its changes."
    )
    return new_state("False", Reason.ENTRY_REMOVED, text)


def _not_found(name: str | None, field: str) -> ConditionState:
    """Return the state of the missing ServiceAccount *name*, which *field* of the spec names."""
    text = f'ServiceAccount "{name}" not found. Create it, or fix spec.{field}.'
    return new_state("False", Reason.SERVICE_ACCOUNT_NOT_FOUND, text)


def attach_seconds(observed: Observed, target: ServiceAccount | None, now: datetime) -> int:
    """Return the seconds until *target*'s missing entry counts as refused; 0 if it does at *now*.

    *target* is None if the ServiceAccount is unknown. A time in the future counts as now.
    """
    since, before = now, observed.binding.status.condition("Attached")
    if before is not None and before.reason in NOT_ADDED:
        since = min(before.last_transition_time or now, now)
    if target is not None and target.created_at is not None:
        since = min(max(since, target.created_at), now)
    return max(0, math.ceil((since + ATTACH_GRACE - now).total_seconds()))


def _of_account(
    observed: Observed,
    target: ServiceAccount,
    problem: Problem | None,
    contest: Contest | None,
    now: datetime,
) -> ConditionState:
    """Return the state of the ServiceAccount *target*."""
    binding, overdue = observed.binding, attach_seconds(observed, target, now) == 0
    secret, listed = binding.secret_name, binding.secret_name in target.pull_secrets
    lists = f'ServiceAccount "{target.name}" lists Secret "{secret}".'
    if contest is not None and contest.is_fight:
        text = (
            f'Another client removes Secret "{secret}" from ServiceAccount "{target.name}" as soon '
            "as acrpull adds it. Find the client with kubectl get serviceaccount -n "
            f"{target.namespace} {target.name} -o yaml --show-managed-fields, and exclude "
            "imagePullSecrets from its changes."
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
        reason = Reason.SERVICE_ACCOUNT_NOT_WRITTEN if overdue else Reason.ATTACHING
        return new_state("False", reason, text)
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
