"""Reads the owner references of a ServiceAccount, and computes the desired references."""

from dataclasses import dataclass
from typing import Any

from hooks.core.account.last_applied import look_up
from hooks.core.account.relation import is_binding
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import Namespace, Owner, ServiceAccount


@dataclass(frozen=True, slots=True)
class OwnershipContext:
    """The circumstances under which a binding owns a ServiceAccount.

    Attributes:
        namespace: The Namespace; None while unknown.
        dynamic_apply: Whether Metacontroller's apply strategy is dynamic-apply; None while unknown.
        taken: Whether another owner has the Secret of the binding's name, and thus the entry.
        withdrawn: Whether the binding is denied and keeps no Secret.
        hand_over: Whether the binding may hand the ServiceAccount over to another binding.
        hold_entry: Whether a removed entry must stay absent for now; see `hooks.core.contest`.
    """

    namespace: Namespace | None
    dynamic_apply: bool | None
    taken: bool = False
    withdrawn: bool = False
    hand_over: bool = False
    hold_entry: bool = False


def controller_uid(account: ServiceAccount) -> str | None:
    """Return the uid of the binding that owns *account*; None if no binding does."""
    owner = controller(account)
    return None if owner is None else owner.uid


def controller(account: ServiceAccount) -> Owner | None:
    """Return *account*'s controller reference if the reference points to a binding."""
    return next((o for o in account.owners if o.controller and is_binding(o)), None)


def is_handed_over(binding: Binding, account: ServiceAccount) -> bool:
    """True if *binding* handed *account* over, and no controller has adopted *account* yet."""
    referenced = any(owner.uid == binding.uid for owner in account.owners)
    return referenced and not any(owner.controller for owner in account.owners)


def is_protected(account: ServiceAccount, namespace: Namespace | None) -> bool:
    """True if *account* has a protective owner reference.

    While *namespace* is None, the uid of the Namespace is not compared.
    """
    return any(
        is_protective(owner, account) and (namespace is None or owner.uid == namespace.uid)
        for owner in account.owners
    )


def is_protective(owner: Owner, account: ServiceAccount) -> bool:
    """True if *owner* refers to a Namespace with the name of *account*'s Namespace."""
    return (owner.api_version, owner.kind, owner.name) == ("v1", "Namespace", account.namespace)


def is_foreign(account: ServiceAccount) -> bool:
    """True if a controller other than a binding owns *account*."""
    return foreign_controller(account) is not None


def foreign_controller(account: ServiceAccount) -> Owner | None:
    """Return *account*'s controller reference unless the reference points to a binding.

    Owners without `controller: true` are no obstacle to an adoption, for example the
    ClusterServiceVersion of the Operator Lifecycle Manager.
    https://kubernetes.io/docs/concepts/architecture/garbage-collection/#owners-dependents
    """
    others = (o for o in account.owners if not (is_binding(o) or is_protective(o, account)))
    return next((owner for owner in others if owner.controller), None)


def is_ambiguous(binding: Binding, account: ServiceAccount) -> bool:
    """True if two owners of *account*, once *binding* is an owner, have the same name."""
    names = {binding.name, binding.namespace}
    others = [o for o in account.owners if o.uid != binding.uid and not is_protective(o, account)]
    return len(names) == 1 or any(owner.name in names for owner in others)


def desired_owners(
    binding: Binding, account: ServiceAccount, context: OwnershipContext, *, as_controller: bool
) -> tuple[Owner, ...] | None:
    """Return *binding*'s owner reference and the protective owner reference.

    None if the response must not contain owner references.

    dynamic-apply merges lists by the first key common to all entries, and tries `name` before
    `uid`. Two owners of the same name would become a single entry.
    metacontroller@v4.17.2:pkg/dynamic/apply/apply.go:209

    In this ambiguous case, the apply strategy decides:
    - dynamic-apply: the binding's reference has only a uid, which makes `uid` the key.
    - server-side apply: the binding's reference is complete, because a bare uid is invalid.
    - unknown: the response contains at most the protective reference. dynamic-apply replaces the
      binding's reference with the protective reference; server-side apply adds the protective
      reference. An observed protective reference stays in the response. A new protective reference
      is added only if the binding is deleted, or has no Secret to show the strategy.

    Args:
        binding: The owner.
        account: The observed ServiceAccount.
        context: The circumstances.
        as_controller: Whether *binding* stays the controller of *account*.
    """
    observed = tuple(o for o in account.owners if is_protective(o, account))
    protective = observed
    if context.namespace is not None:
        protective = (Owner("v1", "Namespace", account.namespace, context.namespace.uid),)
    if not binding.uid:
        return protective or None
    own = Owner(binding.api_version, binding.kind, binding.name, binding.uid, as_controller)
    if is_ambiguous(binding, account):
        if context.dynamic_apply is None:
            alone = context.taken or context.withdrawn or binding.deleting
            return (protective if observed or alone else ()) or None
        if context.dynamic_apply:
            bare = Owner("", "", "", binding.uid, as_controller)
            replaces = bool(protective) and _was_applied_by_name(binding, account)
            return protective if replaces else (bare, *protective)
    return (own, *protective)


def _was_applied_by_name(binding: Binding, account: ServiceAccount) -> bool:
    """True if the protective reference must replace *binding*'s reference under dynamic-apply.

    acrpull returned a complete reference while the cluster still showed server-side apply, and
    dynamic-apply recorded the name as applied. A bare uid would now make dynamic-apply remove the
    name, and the API server would reject each such write. The protective reference alone replaces
    the complete reference, and *binding* adopts *account* again. If *account* has other owners, the
    protective reference could replace an owner of the same name, and the result is False.
    """
    if any(o.uid != binding.uid and not is_protective(o, account) for o in account.owners):
        return False

    def named(obj: Any) -> bool:  # noqa: ANN401  any JSON value
        owners = obj["metadata"]["ownerReferences"]
        return any(owner["uid"] == binding.uid and "name" in owner for owner in owners)

    return look_up(account.last_applied, named, False)
