"""Who owns a ServiceAccount: a binding, its Namespace as the guard, or another controller."""

from hooks.core.model import Binding, Namespace, Owner, ServiceAccount
from hooks.core.names import GROUP, KIND


def controller_uid(account: ServiceAccount) -> str | None:
    """Return the uid of the binding that holds *account*'s controller reference."""
    return next((o.uid for o in account.owners if o.controller and is_binding(o)), None)


def is_guarded(account: ServiceAccount, namespace: Namespace | None) -> bool:
    """Say whether *account* has the guard; where *namespace* is unknown, any guard will do."""
    return any(
        is_guard(owner, account) and (namespace is None or owner.uid == namespace.uid)
        for owner in account.owners
    )


def is_guard(owner: Owner, account: ServiceAccount) -> bool:
    """Say whether *owner* refers to the Namespace that *account* is in."""
    return (owner.api_version, owner.kind, owner.name) == ("v1", "Namespace", account.namespace)


def is_binding(owner: Owner) -> bool:
    """Say whether *owner* refers to a binding."""
    return owner.kind == KIND and owner.api_version.partition("/")[0] == GROUP


def is_foreign(account: ServiceAccount) -> bool:
    """Say whether *account* is another controller's."""
    return not all(is_binding(owner) or is_guard(owner, account) for owner in account.owners)


def is_ambiguous(binding: Binding, account: ServiceAccount) -> bool:
    """Say whether two of the owners of *account*, when *binding* holds it, have one name."""
    names = {binding.name, binding.namespace}
    others = [o for o in account.owners if o.uid != binding.uid and not is_guard(o, account)]
    return len(names) == 1 or any(owner.name in names for owner in others)


def desire_owners(
    binding: Binding,
    account: ServiceAccount,
    namespace: Namespace | None,
    *,
    dynamic_apply: bool | None,
    taken: bool,
) -> tuple[Owner, ...] | None:
    """Return the binding's own reference and the guard.

    dynamic-apply merges lists of objects by the first key that all have in common, `name` before
    `uid`. Owners of one name would collapse into one entry, so there the binding's own reference is
    the uid alone, which makes `uid` the key. server-side apply refuses a bare uid. So nothing is
    said before the strategy is known. But a guard that is on stays, and a binding that goes, or has
    no Secret to show the strategy, puts it on: alone, it takes the place of the binding's reference
    under the one, and joins it under the other.
    metacontroller@v4.17.2:pkg/dynamic/apply/apply.go:209
    """
    observed = tuple(o for o in account.owners if is_guard(o, account))
    guards = observed
    if namespace is not None:
        guards = (Owner("v1", "Namespace", account.namespace, namespace.uid),)
    if not binding.uid:
        return guards or None
    own = Owner(binding.api_version, binding.kind, binding.name, binding.uid, controller=True)
    if is_ambiguous(binding, account):
        if dynamic_apply is None:
            return (guards if observed or taken or binding.deleting else ()) or None
        if dynamic_apply:
            own = Owner("", "", "", binding.uid)
    return (own, *guards)
