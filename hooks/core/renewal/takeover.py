"""Gives a pull Secret of an earlier binding to the new binding, e.g. in a restored Namespace.

A backup keeps the Secret's labels and annotations, and drops its owner references. The restored
binding has another uid, so Metacontroller neither selects the Secret as its child nor may create
another of the same name. The decorator of Secrets sets the label to the uid of the new binding;
then Metacontroller adopts the Secret.
metacontroller@v4.17.2:pkg/third_party/kubernetes/controller_ref_manager.go
"""

from collections.abc import Iterable

from hooks.core.account.decoration import Decoration
from hooks.core.account.relation import binding_of
from hooks.core.apis import OURS, api_of
from hooks.core.apis.api import Api
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import OwnedSecret
from hooks.core.names import UID_LABEL


def is_left(secret: OwnedSecret, binding: Binding) -> bool:
    """True if acrpull made *secret*, no object owns *secret*, and *binding*'s Secret has its name.

    False if the name of the Secret contains a hash: `/secret/sync` can't find the binding of such a
    name.
    """
    if binding.deleting or secret.deleting or secret.owners or not secret.made_here:
        return False
    return api_of(binding.api_version).binding_name(secret.name) == binding.name


def take_over(
    secret: OwnedSecret, bindings: Iterable[Binding], apis: Iterable[Api] = (OURS,)
) -> Decoration:
    """Return the label that gives *secret* to its binding, or to one of the related *bindings*.

    A user may remove the label of a Secret that a binding of *apis* still owns. Without the label,
    Metacontroller releases the Secret. Bindings of two APIs may want the same Secret. Then the
    oldest binding gets the Secret.
    """
    owner = binding_of(secret)
    if owner is not None and not secret.deleting:
        lost = secret.uid_label != owner.uid and owner.api_version in {a.api_version for a in apis}
        return Decoration({UID_LABEL: owner.uid} if lost else {})
    bindings = list(bindings)
    candidates = [binding for binding in bindings if is_left(secret, binding)]
    if not candidates or secret.uid_label in {binding.uid for binding in bindings}:
        return Decoration()
    oldest = min(candidates, key=lambda binding: (binding.created_at, binding.api_version))
    return Decoration({UID_LABEL: oldest.uid})
