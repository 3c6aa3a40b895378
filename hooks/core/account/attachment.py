"""Computes the entries and owner references of a ServiceAccount.

The package's docstring describes the states of a ServiceAccount.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass

from hooks.core.account.last_applied import look_up
from hooks.core.account.ownership import (
    OwnershipContext,
    desired_owners,
)
from hooks.core.account.relation import is_secret_name
from hooks.core.account.release import may_be_handed_over
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import Owner, ServiceAccount


@dataclass(frozen=True, slots=True)
class DesiredServiceAccount:
    """The state of a ServiceAccount that the owner returns to Metacontroller.

    Attributes:
        pull_secrets: The names in `imagePullSecrets`; None stands for an entry without a name.
        attached: The names of acrpull's entries on the observed or the desired list.
        owners: The owner references; None if the response must not contain any.
        had_pull_secrets: Whether the observed list has entries.
    """

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

    An invalid spec can lack the names of the ServiceAccounts. In this case an existing entry stays.

    Args:
        binding: The binding.
        account: The name of the ServiceAccount.
        entries: The names in the list of the ServiceAccount.
        withdrawn: Whether the binding is denied and keeps no Secret.
    """
    if binding.deleting or withdrawn:
        return False
    if binding.targets is None:
        return binding.secret_name in entries
    return account in binding.targets


def desired_service_account(
    binding: Binding, account: ServiceAccount, context: OwnershipContext
) -> DesiredServiceAccount:
    """Return the desired state of *account*, which *binding* owns."""
    hand_over = context.hand_over and may_be_handed_over(binding, account, context)
    owners = desired_owners(binding, account, context, as_controller=not hand_over)
    if owners is None and binding.uid:
        listed, attached = account.pull_secrets, account.attached
    else:
        listed, attached = _desire_list(binding, account, context)
    had = bool(account.pull_secrets)
    return DesiredServiceAccount(account.name, account.namespace, listed, attached, owners, had)


def _desire_list(
    binding: Binding, account: ServiceAccount, context: OwnershipContext
) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """Return the list of *account*, and the names for the annotation `acrpull.dev/attached`.

    The owner's own entry does not wait for the decorator. A user can write any name into the
    annotation, and the admission policy rejects a write that adds such an entry.
    """
    own, taken = binding.secret_name, context.taken
    lists_own = targets(binding, account.name, account.pull_secrets, withdrawn=context.withdrawn)
    lists_own = lists_own and (not taken or own in account.pull_secrets)
    acrpull = filter(is_secret_name, account.wanted)
    wanted = [name for name in acrpull if lists_own or name != own]
    if lists_own and own not in wanted:
        wanted.append(own)
    if lists_own and context.hold_entry:
        entries = set(account.pull_secrets)
        wanted = [name for name in wanted if name in entries]
    managed = {*account.attached, *wanted, own}
    if taken and own not in account.attached:
        managed.remove(own)
    return _pull_secrets(account, wanted, managed, dynamic_apply=context.dynamic_apply)


def _pull_secrets(
    account: ServiceAccount, wanted: Sequence[str], managed: set[str], *, dynamic_apply: bool | None
) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """Return the list of *account*, and the *managed* names on the old or the new list.

    dynamic-apply removes only entries that its last-applied annotation contains. If the
    annotation lacks an entry, the response lists the entry once more. Metacontroller then records
    the entry, and the next response omits it. metacontroller@v4.17.2:pkg/dynamic/apply/apply.go:114
    """
    removable = managed - set(wanted)
    if dynamic_apply and removable & set(account.pull_secrets):
        removable &= _last_applied(account)
    kept = [name for name in account.pull_secrets if name not in removable]
    entries = set(kept)
    listed = (*kept, *(name for name in wanted if name not in entries))
    names = dict.fromkeys((*listed, *account.pull_secrets))
    return listed, tuple(name for name in names if name is not None and name in managed)


def _last_applied(account: ServiceAccount) -> set[str]:
    """Return the names in the list that Metacontroller last applied to *account*."""
    return look_up(
        account.last_applied,
        lambda obj: {entry["name"] for entry in obj["imagePullSecrets"] if "name" in entry},
        set(),
    )
