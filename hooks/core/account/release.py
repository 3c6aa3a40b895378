"""Decides when a binding may release a ServiceAccount, and removes the label and the annotations.

Metacontroller releases the ServiceAccount as soon as the label names another binding, or no
binding. A deleted binding stays until `blocks_deletion` is False for each ServiceAccount. The
package's docstring describes the states.
"""

from collections.abc import Sequence

from hooks.core.account.decoration import Decoration
from hooks.core.account.ownership import (
    OwnershipContext,
    controller_uid,
    is_foreign,
    is_handed_over,
    is_protected,
    is_protective,
)
from hooks.core.account.relation import DELETED, binding_of, binding_uids, relation
from hooks.core.apis import api_of
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import Namespace, OwnedSecret, Owner, ServiceAccount
from hooks.core.names import (
    ATTACHED_ANNOTATION,
    LAST_APPLIED_ANNOTATION,
    PULL_SECRETS_ANNOTATION,
    UID_LABEL,
)


def managed_entries(account: ServiceAccount) -> set[str]:
    """Return the entries of acrpull on *account*'s list."""
    return set(account.attached).intersection(account.pull_secrets)


def blocks_deletion(
    binding: Binding,
    account: ServiceAccount,
    namespace: Namespace | None,
    *,
    taken: bool = False,
    can_release: bool = True,
) -> bool:
    """True if deleting *binding* now would delete *account*, or leave an entry of acrpull.

    The states "labeled", "adopted", "listed", "shared" and "handed over" block the deletion; the
    package's docstring has the reasons. Metacontroller never writes an *account* under deletion.

    Args:
        binding: The binding.
        account: A ServiceAccount that the binding names or owns.
        namespace: The Namespace; None while unknown.
        taken: Whether another owner has the Secret of the binding's name.
        can_release: Whether the binding can hand *account* over.
    """
    if account.deleting:
        return False
    unmarked = PULL_SECRETS_ANNOTATION not in account.annotations
    unowned = all(is_protective(owner, account) for owner in account.owners)
    if account.uid_label == binding.uid and (unmarked or unowned):
        return True
    entries, wanted = managed_entries(account), set(account.wanted)
    if controller_uid(account) != binding.uid:
        return is_handed_over(binding, account) and bool(entries & wanted)
    own = binding.secret_name
    listed = own in account.pull_secrets and (not taken or own in account.attached)
    if listed or not is_protected(account, namespace):
        return True
    if can_release:
        return bool(entries or binding.other_finalizers)
    return bool(entries) and (own in wanted or not entries <= wanted)


def has_unknown_label(binding: Binding, account: ServiceAccount) -> bool:
    """True if *account* blocks the deletion of *binding* only by a label of unknown origin.

    If a user removed `pull-secrets` and the owner references, and the Secret is gone, the decorator
    can't know that the label is acrpull's, and keeps the label.
    """
    return (
        PULL_SECRETS_ANNOTATION not in account.annotations
        and controller_uid(account) != binding.uid
    )


def may_be_handed_over(
    binding: Binding, account: ServiceAccount, context: OwnershipContext
) -> bool:
    """True if the only remaining work is for other bindings, including future bindings."""
    others = managed_entries(account).intersection(account.wanted) - {binding.secret_name}
    return bool(others or binding.other_finalizers) and not blocks_deletion(
        binding, account, context.namespace, taken=context.taken, can_release=False
    )


def has_work_left(
    account: ServiceAccount, owner: Owner, secrets: Sequence[OwnedSecret], *, others: bool
) -> bool:
    """True if *owner*, whose Secret does not belong on the list, must stay the owner.

    *owner* protects *account* and removes the own entry. *owner* also removes the entries of other
    bindings if there are no *others* to attach. A deleted *owner* stays the owner while such
    entries exist: Metacontroller releases no child of a deleted parent, and `/finalize` hands over.
    metacontroller@v4.17.2:pkg/third_party/kubernetes/controller_ref_manager.go:77

    Without a Secret of *owner*, another object may have the Secret's name, and only an entry in
    `attached` is acrpull's. Then *owner* may be deleted, and counts as deleted.
    """
    if not is_protected(account, None):
        return True
    secret = next((s for s in secrets if (b := binding_of(s)) and b.uid == owner.uid), None)
    name = secret.name if secret else api_of(owner.api_version).secret_name(owner.name)
    listed = account.pull_secrets if secret else managed_entries(account)
    if name in listed:
        return True
    deleted = secret is None or relation(secret, account) == DELETED
    return bool(managed_entries(account)) and (deleted or not others)


def release(account: ServiceAccount, secrets: Sequence[OwnedSecret]) -> Decoration:
    """Return the removal of acrpull's label and annotations from *account*.

    `attached` stays while entries of acrpull are listed. A label of another client stays: the
    label is acrpull's if `pull-secrets` exists, or if the value is the uid of the binding of one of
    *secrets* or of the controller reference. A user may remove the annotation after the Secret of a
    deleted binding is gone. Then the protective owner reference shows that the label is acrpull's.
    """
    removed = {PULL_SECRETS_ANNOTATION, ATTACHED_ANNOTATION} & account.annotations
    labeled = account.uid_label is not None and (
        PULL_SECRETS_ANNOTATION in removed
        or account.uid_label in {*binding_uids(secrets), controller_uid(account)}
        or (any(is_protective(o, account) for o in account.owners) and not is_foreign(account))
    )
    if not removed and not labeled:
        return Decoration()
    if managed_entries(account):
        removed -= {ATTACHED_ANNOTATION}
    if (labeled or removed) and not is_foreign(account):
        removed |= {LAST_APPLIED_ANNOTATION} & account.annotations
    return Decoration({UID_LABEL: None} if labeled else {}, dict.fromkeys(sorted(removed)))
