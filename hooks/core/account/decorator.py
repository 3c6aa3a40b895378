"""Chooses the owner of a ServiceAccount, and the Secrets for the owner to list.

A DecoratorController can set labels and annotations only. The label makes Metacontroller adopt the
ServiceAccount for the owner. The annotation `acrpull.dev/pull-secrets` names the Secrets of all
targeting bindings for the owner.
"""

from collections.abc import Sequence
from datetime import datetime

from hooks.core.account.attachment import targets
from hooks.core.account.decoration import Decoration
from hooks.core.account.last_applied import is_readable
from hooks.core.account.ownership import controller_uid, is_foreign
from hooks.core.account.release import has_work_left, managed_entries, release
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import Namespace, ServiceAccount
from hooks.core.names import (
    LAST_APPLIED_ANNOTATION,
    PULL_SECRETS_ANNOTATION,
    UID_LABEL,
)
from hooks.core.policy.decision_settings import Policy
from hooks.core.policy.permission import is_withdrawn


def decorate(
    account: ServiceAccount,
    bindings: Sequence[Binding],
    policy: Policy,
    namespace: Namespace | None,
) -> Decoration:
    """Return the label and annotations of *account*, given all *bindings* of the Namespace.

    A binding with a taken Secret name owns *account* only if all targeting bindings have taken
    names. Before a binding's first sync, and while the name is taken, an entry of the name can
    belong to the user, or to msi-acrpull. In both cases the name is wanted only if `attached`
    contains the name.

    Metacontroller fails to write a child with an unreadable last-applied annotation. A decorator's
    write does not read the annotation, and therefore can remove the value.
    """
    if account.deleting:
        return Decoration()
    name, entries = account.name, frozenset(account.pull_secrets)
    admitted = [binding for binding in bindings if not _is_withdrawn(binding, policy, namespace)]
    targeting = sorted(
        (b for b in admitted if targets(b, name, entries, withdrawn=False)), key=_age
    )
    eligible = [b for b in targeting if not b.status.secret_taken] or targeting
    owner = _owner(account, bindings, eligible, admitted)
    if owner is None:
        return release(account, bindings)
    listed = managed_entries(account)
    names = (
        b.secret_name
        for b in targeting
        if b is owner or _owns_secret_name(b) or b.secret_name in listed
    )
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
    """Return the owner of *account*; *targeting* is sorted by age, oldest first.

    The first match wins:
    1. The current owner, if the owner targets *account* or has work left.
    2. None, if another controller owns *account*.
    3. The oldest targeting binding.
    4. The oldest binding of all, if entries of acrpull were left, to remove the entries.
    """
    uid = controller_uid(account)
    owner = next((binding for binding in bindings if binding.uid == uid), None)
    if owner is not None and (owner in targeting or has_work_left(account, owner, targeting)):
        return owner
    if is_foreign(account):
        return None
    if not targeting and managed_entries(account):
        targeting = sorted((b for b in admitted if not b.deleting), key=_age)
    return targeting[0] if targeting else None


def _is_withdrawn(binding: Binding, policy: Policy, namespace: Namespace | None) -> bool:
    """True if *binding* is denied, and keeps no Secret according to its status."""
    has_secret = binding.status.secret_name is not None
    return is_withdrawn(binding, policy, namespace, has_secret=has_secret)


def _owns_secret_name(binding: Binding) -> bool:
    """True if the last sync found no other owner's Secret of the name of *binding*'s Secret."""
    return bool(binding.status.conditions) and not binding.status.secret_taken


def _age(binding: Binding) -> tuple[datetime, str, str]:
    """Return the sort key: creation time in whole seconds, then name and API version."""
    return binding.created_at, binding.name, binding.api_version
