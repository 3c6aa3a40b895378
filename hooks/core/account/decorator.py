"""The DecoratorController's hooks: which binding owns a ServiceAccount, and what it is to list.

The decorator may set labels and annotations only. The label makes Metacontroller let the owner
adopt the ServiceAccount; the annotation tells the owner about the other bindings' Secrets.
"""

from collections.abc import Sequence

from hooks.core.account.attachment import managed_entries, targets
from hooks.core.account.decoration import Decoration
from hooks.core.account.last_applied import is_readable
from hooks.core.account.ownership import controller_uid, is_foreign, is_protected
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import Namespace, ServiceAccount
from hooks.core.names import (
    ATTACHED_ANNOTATION,
    LAST_APPLIED_ANNOTATION,
    PULL_SECRETS_ANNOTATION,
    UID_LABEL,
)
from hooks.core.policy.permission import is_withdrawn
from hooks.core.policy.policy import Policy


def decorate(
    account: ServiceAccount,
    bindings: Sequence[Binding],
    policy: Policy,
    namespace: Namespace | None,
) -> Decoration:
    """Return how *account* is to be decorated, given all *bindings* of its Namespace.

    A binding whose Secret's name is taken does not own beside others: one of them may have that
    name. Whether it is taken, its first answer tells. Before that, and where it is, an entry of
    that name may be the user's, or upstream's and in use: only one that we listed is ours.

    Metacontroller fails to write a child whose annotation it can't read. It does not read this
    annotation of an object that a decorator sets labels of, so the decorator removes the value.
    """
    if account.deleting:
        return Decoration()
    name, entries = account.name, frozenset(account.pull_secrets)
    admitted = [binding for binding in bindings if not _is_withdrawn(binding, policy, namespace)]
    targeting = sorted(
        (b for b in admitted if targets(b, name, entries, withdrawn=False)), key=_age
    )
    having = [b for b in targeting if not _is_taken(b)] or targeting
    owner = _owner(account, bindings, having, admitted)
    if owner is None:
        return _undecorate(account, bindings)
    listed = managed_entries(account)
    names = (b.secret_name for b in targeting if b is owner or _has(b) or b.secret_name in listed)
    wanted = ",".join(dict.fromkeys(names))
    annotations: dict[str, str | None] = {PULL_SECRETS_ANNOTATION: wanted}
    if not is_readable(account):
        annotations[LAST_APPLIED_ANNOTATION] = None
    return Decoration({UID_LABEL: owner.uid}, annotations)


def _owner(
    account: ServiceAccount,
    bindings: Sequence[Binding],
    targeting: Sequence[Binding],
    admitted: Sequence[Binding],
) -> Binding | None:
    """Return the binding that owns *account*; *targeting* is oldest first.

    1. Whoever holds the controller reference, while it targets the ServiceAccount.
    2. Still the holder until the guard is on, for the garbage collector would delete an unguarded
       ServiceAccount, and until its Secret is off the list; all of ours, where no binding comes
       after it, and where it is being deleted, for then Metacontroller would not let it go.
       metacontroller@v4.17.2:pkg/third_party/kubernetes/controller_ref_manager.go:77
    3. The oldest that targets it, unless it is another controller's.
    4. The oldest of all, where entries of ours were left: it takes them off.
    """
    uid = controller_uid(account)
    holder = next((binding for binding in bindings if binding.uid == uid), None)
    if holder is not None and (holder in targeting or _held(account, holder, targeting)):
        return holder
    if is_foreign(account):
        return None
    if not targeting and managed_entries(account):
        targeting = sorted((b for b in admitted if not b.deleting), key=_age)
    return targeting[0] if targeting else None


def _is_withdrawn(binding: Binding, policy: Policy, namespace: Namespace | None) -> bool:
    """True if *binding* is denied, and its status names no Secret that stays."""
    has_secret = binding.status.secret_name is not None
    return is_withdrawn(binding, policy, namespace, has_secret=has_secret)


def _held(account: ServiceAccount, holder: Binding, targeting: Sequence[Binding]) -> bool:
    if not is_protected(account, None):
        return True
    ours = account.attached if _is_taken(holder) else account.pull_secrets
    if holder.secret_name in ours and holder.secret_name in account.pull_secrets:
        return True
    return bool(managed_entries(account)) and (holder.deleting or not targeting)


def _has(binding: Binding) -> bool:
    """True if the last answer found no other owner's Secret under the name of *binding*'s."""
    return bool(binding.status.conditions) and not binding.status.secret_taken


def _is_taken(binding: Binding) -> bool:
    """True if the last answer found another owner's Secret under the name of *binding*'s."""
    return binding.status.secret_taken


def _age(binding: Binding) -> tuple[str, str, str]:
    """Sort the oldest first: by seconds, which is all there is, then by name and kind."""
    return binding.created_at, binding.name, binding.api_version


def _undecorate(account: ServiceAccount, bindings: Sequence[Binding]) -> Decoration:
    """Return *account* as nobody's, but for the names of entries of ours still on its list.

    A label that we did not set is not removed: somebody else may use the key.
    """
    ours = {PULL_SECRETS_ANNOTATION, ATTACHED_ANNOTATION} & account.annotations
    labelled = account.uid_label is not None and (
        PULL_SECRETS_ANNOTATION in ours
        or account.uid_label in {binding.uid for binding in bindings}
    )
    if not ours and not labelled:
        return Decoration()
    if managed_entries(account):
        ours -= {ATTACHED_ANNOTATION}
    if (labelled or ours) and not is_foreign(account):
        ours |= {LAST_APPLIED_ANNOTATION} & account.annotations
    return Decoration({UID_LABEL: None} if labelled else {}, dict.fromkeys(sorted(ours)))
