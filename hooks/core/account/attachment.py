"""How a pull Secret is listed on a ServiceAccount that is the user's, and stays the user's.

A ServiceAccount belongs to one binding at a time, its *owner*: the one whose uid the decorator put
in the label, and which Metacontroller therefore let adopt it. The owner lists the Secrets of all
bindings that target the ServiceAccount. The *guard*, an owner reference to the Namespace, keeps the
garbage collector from ever deleting the ServiceAccount along with a binding: an object with one
living owner stays.
https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass

from hooks.core.account.last_applied import look_up
from hooks.core.account.ownership import (
    OwnershipContext,
    controller_uid,
    desired_owners,
    is_protected,
    is_protective,
    is_released,
)
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import Namespace, Owner, ServiceAccount
from hooks.core.names import PULL_SECRETS_ANNOTATION


@dataclass(frozen=True, slots=True)
class DesiredServiceAccount:
    """What the owner answers for a ServiceAccount; *owners* is None where it must stay unsaid."""

    name: str
    namespace: str
    pull_secrets: tuple[str | None, ...]
    attached: tuple[str, ...]
    owners: tuple[Owner, ...] | None
    had_pull_secrets: bool


def targets(
    binding: Binding, account: str, entries: Container[str | None], *, withdrawn: bool
) -> bool:
    """True if the Secret of *binding* belongs on the ServiceAccount named *account*.

    *entries* are the names in the list of the ServiceAccount. *withdrawn*: the binding is denied.
    A binding with an invalid spec that names no ServiceAccount keeps its entry.
    """
    if binding.deleting or withdrawn:
        return False
    if binding.service_account_name is None:
        return binding.secret_name in entries
    return binding.service_account_name == account


def blocks_deletion(
    binding: Binding,
    account: ServiceAccount,
    namespace: Namespace | None,
    *,
    taken: bool = False,
    can_release: bool = True,
) -> bool:
    """Say whether *account* would be lost, or keep an entry of ours, if *binding* went now.

    That is so while the binding holds it and it is unguarded or lists the Secret. A fresh adoption
    may not show yet; then the label does on what nobody holds, until the decorator takes it off. A
    label without its annotation, which somebody took away, the decorator knows for ours by the
    binding alone. To what is being deleted Metacontroller writes nothing.

    Entries of other bindings are the holder's to take off, for a binding that goes can't adopt. So
    it stays until there are none, or until it has let go and another binding has taken over, unless
    it can't (not *can_release*). One that somebody else's finalizer keeps lets go first, too.
    """
    if account.deleting:
        return False
    unmarked = PULL_SECRETS_ANNOTATION not in account.annotations
    free = all(is_protective(owner, account) for owner in account.owners)
    if account.uid_label == binding.uid and (unmarked or free):
        return True
    entries, wanted = managed_entries(account), set(account.wanted)
    if controller_uid(account) != binding.uid:
        return is_released(binding, account) and bool(entries & wanted)
    own = binding.secret_name
    listed = own in account.pull_secrets and (not taken or own in account.attached)
    if listed or not is_protected(account, namespace):
        return True
    if can_release:
        return bool(entries or binding.other_finalizers)
    return bool(entries) and (own in wanted or not entries <= wanted)


def managed_entries(account: ServiceAccount) -> set[str]:
    """Return the entries on *account*'s list that are ours to take off one day."""
    return set(account.attached).intersection(account.pull_secrets)


def desired_service_account(
    binding: Binding, account: ServiceAccount, terms: OwnershipContext
) -> DesiredServiceAccount:
    """Return the desired state of *account*, which *binding* owns."""
    control = not (terms.hand_over and _may_be_handed_over(binding, account, terms))
    owners = desired_owners(binding, account, terms, control=control)
    if owners is None and binding.uid:
        listed, attached = account.pull_secrets, account.attached
    else:
        listed, attached = _desire_list(binding, account, terms)
    had = bool(account.pull_secrets)
    return DesiredServiceAccount(account.name, account.namespace, listed, attached, owners, had)


def _may_be_handed_over(binding: Binding, account: ServiceAccount, terms: OwnershipContext) -> bool:
    """Say whether nothing is to be done but for other bindings, those to come among them."""
    others = managed_entries(account).intersection(account.wanted) - {binding.secret_name}
    return bool(others or binding.other_finalizers) and not blocks_deletion(
        binding, account, terms.namespace, taken=terms.taken, can_release=False
    )


def _desire_list(
    binding: Binding, account: ServiceAccount, terms: OwnershipContext
) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """Return the list that *account* should have, and the observed entries of acrpull."""
    own, taken = binding.secret_name, terms.taken
    mine = targets(binding, account.name, account.pull_secrets, withdrawn=terms.withdrawn)
    mine = mine and (not taken or own in account.pull_secrets)
    wanted = [name for name in account.wanted if mine or name != own]
    if mine and own not in wanted:
        wanted.append(own)
    if mine and terms.hold_entry:
        entries = set(account.pull_secrets)
        wanted = [name for name in wanted if name in entries]
    ours = {*account.attached, *wanted, own}
    if taken and own not in account.attached:
        ours.remove(own)
    return _pull_secrets(account, wanted, ours, dynamic_apply=terms.dynamic_apply)


def _pull_secrets(
    account: ServiceAccount, wanted: Sequence[str], ours: set[str], *, dynamic_apply: bool | None
) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """Return the list that *account* should have, and which of the entries it has are *ours*.

    The owner's own Secret does not wait for the decorator: it comes and goes at once. But
    dynamic-apply removes only what it finds in its annotation, so an entry that is not there (the
    annotation was taken off) is listed once more, and goes with the next answer.
    metacontroller@v4.17.2:pkg/dynamic/apply/apply.go:114
    """
    removable = ours - set(wanted)
    if dynamic_apply and removable & set(account.pull_secrets):
        removable &= _last_applied(account)
    kept = [name for name in account.pull_secrets if name not in removable]
    entries = set(kept)
    listed = (*kept, *(name for name in wanted if name not in entries))
    names = dict.fromkeys((*listed, *account.pull_secrets))
    return listed, tuple(name for name in names if name is not None and name in ours)


def _last_applied(account: ServiceAccount) -> set[str]:
    """Return the names in the list that Metacontroller last wrote to *account*."""
    return look_up(
        account,
        lambda obj: {entry["name"] for entry in obj["imagePullSecrets"] if "name" in entry},
        set(),
    )
