"""Gives a pull Secret of an earlier binding to the new binding, e.g. in a restored Namespace.

A backup keeps the Secret's labels and annotations, and drops its owner references. The restored
binding has another uid, so Metacontroller neither selects the Secret as its child nor may create
another of the same name. The decorator of Secrets sets the label to the uid of the new binding;
then Metacontroller adopts the Secret.
metacontroller@v4.17.2:pkg/third_party/kubernetes/controller_ref_manager.go
"""

from collections.abc import Iterable

from hooks.core.account.decoration import Decoration
from hooks.core.apis import api_of
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import OwnedSecret
from hooks.core.names import UID_LABEL


def is_left(secret: OwnedSecret, binding: Binding) -> bool:
    """True if acrpull made *secret*, no object owns *secret*, and *binding*'s Secret has its name.

    A hash in the Secret's name hides the binding's name, so `/secret/sync` would not find the
    binding.
    """
    if binding.deleting or secret.deleting or secret.owners or not secret.made_here:
        return False
    return api_of(binding.api_version).binding_name(secret.name) == binding.name


def take_over(secret: OwnedSecret, bindings: Iterable[Binding]) -> Decoration:
    """Return the label that gives *secret* to one of the related *bindings*.

    Bindings of two APIs may want the same Secret. Then the oldest binding gets the Secret.
    """
    bindings = list(bindings)
    candidates = [binding for binding in bindings if is_left(secret, binding)]
    if not candidates or secret.uid_label in {binding.uid for binding in bindings}:
        return Decoration()
    oldest = min(candidates, key=lambda binding: (binding.created_at, binding.api_version))
    return Decoration({UID_LABEL: oldest.uid})
