"""Who owns a ServiceAccount: a binding, its Namespace as the guard, or another controller."""

from dataclasses import dataclass
from typing import Any

from hooks.core.account.last_applied import look_up
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import Namespace, Owner, ServiceAccount
from hooks.core.names import BINDING_KINDS


@dataclass(frozen=True, slots=True)
class OwnershipContext:
    """The circumstances under which a binding owns a ServiceAccount.

    Attributes:
        dynamic_apply: Whether Metacontroller's apply strategy is dynamic-apply; None while unknown.
        taken: Whether another owner has the Secret of the binding's name, and so its entry.
        withdrawn: Whether the binding is denied and has no Secret.
        hand_over: Whether another binding may own the ServiceAccount, once nothing is left to do.
        hold_entry: Whether a removed entry is not added again yet: see `contest`.
    """

    namespace: Namespace | None
    dynamic_apply: bool | None
    taken: bool = False
    withdrawn: bool = False
    hand_over: bool = False
    hold_entry: bool = False


def controller_uid(account: ServiceAccount) -> str | None:
    """Return the uid of the binding that holds *account*."""
    holder = controller(account)
    return None if holder is None else holder.uid


def controller(account: ServiceAccount) -> Owner | None:
    """Return the binding that holds *account*'s controller reference."""
    return next((o for o in account.owners if o.controller and is_binding(o)), None)


def is_released(binding: Binding, account: ServiceAccount) -> bool:
    """Say whether *binding* held *account* and let it go, and nobody holds it yet."""
    ours = any(owner.uid == binding.uid for owner in account.owners)
    return ours and not any(owner.controller for owner in account.owners)


def is_protected(account: ServiceAccount, namespace: Namespace | None) -> bool:
    """Say whether *account* has the guard; where *namespace* is unknown, any guard will do."""
    return any(
        is_protective(owner, account) and (namespace is None or owner.uid == namespace.uid)
        for owner in account.owners
    )


def is_protective(owner: Owner, account: ServiceAccount) -> bool:
    """Say whether *owner* refers to the Namespace that *account* is in."""
    return (owner.api_version, owner.kind, owner.name) == ("v1", "Namespace", account.namespace)


def is_binding(owner: Owner) -> bool:
    """Say whether *owner* refers to a binding."""
    return (owner.api_version.partition("/")[0], owner.kind) in BINDING_KINDS


def is_foreign(account: ServiceAccount) -> bool:
    """True if another controller owns *account*."""
    return foreign_controller(account) is not None


def foreign_controller(account: ServiceAccount) -> Owner | None:
    """Return the owner that controls *account* and is no binding, if there is one.

    An owner that does not control it is no obstacle: Metacontroller adopts beside such an owner,
    for example beside the ClusterServiceVersion of the Operator Lifecycle Manager.
    https://kubernetes.io/docs/concepts/architecture/garbage-collection/#owners-dependents
    """
    others = (o for o in account.owners if not (is_binding(o) or is_protective(o, account)))
    return next((owner for owner in others if owner.controller), None)


def is_ambiguous(binding: Binding, account: ServiceAccount) -> bool:
    """Say whether two of the owners of *account*, when *binding* holds it, have one name."""
    names = {binding.name, binding.namespace}
    others = [o for o in account.owners if o.uid != binding.uid and not is_protective(o, account)]
    return len(names) == 1 or any(owner.name in names for owner in others)


def desired_owners(
    binding: Binding, account: ServiceAccount, terms: OwnershipContext, *, control: bool
) -> tuple[Owner, ...] | None:
    """Return the binding's own reference, which holds *account* if *control*, and the guard.

    dynamic-apply merges lists of objects by the first key that all have in common, `name` before
    `uid`. Owners of one name would collapse into one entry, so there the binding's own reference is
    by uid alone, which makes `uid` the key. server-side apply refuses a bare uid. So nothing is
    said before the strategy is known. But a guard that is on stays, and a binding that goes, or has
    no Secret to show the strategy, puts it on: alone, it takes the place of the binding's reference
    under the one, and joins it under the other.
    metacontroller@v4.17.2:pkg/dynamic/apply/apply.go:209
    """
    observed = tuple(o for o in account.owners if is_protective(o, account))
    guards = observed
    if terms.namespace is not None:
        guards = (Owner("v1", "Namespace", account.namespace, terms.namespace.uid),)
    if not binding.uid:
        return guards or None
    own = Owner(binding.api_version, binding.kind, binding.name, binding.uid, control)
    if is_ambiguous(binding, account):
        if terms.dynamic_apply is None:
            alone = terms.taken or terms.withdrawn or binding.deleting
            return (guards if observed or alone else ()) or None
        if terms.dynamic_apply:
            bare = Owner("", "", "", binding.uid, control)
            return guards if guards and _was_named(binding, account) else (bare, *guards)
    return (own, *guards)


def _was_named(binding: Binding, account: ServiceAccount) -> bool:
    """Say whether Metacontroller last wrote *binding*'s reference by name.

    So it did if its strategy was server-side apply before, and that was all we could see. Now
    dynamic-apply would take from the reference what we don't say again, its name too, which the API
    server refuses for ever. The guard alone replaces it, and *binding* adopts *account* once more.
    Not beside other owners: of these it would replace any of the same name.
    """
    if any(o.uid != binding.uid and not is_protective(o, account) for o in account.owners):
        return False

    def named(obj: Any) -> bool:  # noqa: ANN401  any JSON value
        owners = obj["metadata"]["ownerReferences"]
        return any(owner["uid"] == binding.uid and "name" in owner for owner in owners)

    return look_up(account, named, False)
