"""Which ServiceAccounts a pull Secret belongs to: one label of the Secret for each ServiceAccount.

The Secret is a child of its binding, and only the binding's answers set the labels. The decorator
selects the Secrets of a ServiceAccount by the label's key, so the cost of a ServiceAccount does not
grow with the other bindings of the Namespace. The label's value shows the wish of the binding:

    attach   the Secret belongs on the list
    release  the binding targets others now, and still owns this ServiceAccount
    deleted  the binding is being deleted

The value of the label `ALL_TARGETS_LABEL` counts for each ServiceAccount without a label of its
own. If a binding targets every ServiceAccount of the Namespace, its Secret has this label only.
Then a ServiceAccount that a user creates later is attached without a change of the Secret.
Otherwise a Secret has at most `MAX_TARGETS` labels with `attach`, and as many with `release`.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from hooks.core.apis.api import HASH_LENGTH, MAX_TARGETS, name_hash
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import OwnedSecret, Owner, ServiceAccount
from hooks.core.model.targets import Targets
from hooks.core.names import (
    ALL_TARGETS_LABEL,
    BINDING_KINDS,
    SECRET_PREFIX,
    TARGET_LABEL_PREFIX,
    UPSTREAM_SECRET_SUFFIX,
)

ATTACH: Final = "attach"
RELEASE: Final = "release"
DELETED: Final = "deleted"
# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
MAX_LABEL_NAME: Final = 63  # characters


def target_label(account: str) -> str:
    """Return the key of the label for the ServiceAccount named *account*.

    A name that is too long for a label is truncated, and ends with a hash.
    """
    name = account
    if len(account) > MAX_LABEL_NAME:
        name = f"{account[: MAX_LABEL_NAME - HASH_LENGTH - 1]}-{name_hash(account)}"
    return TARGET_LABEL_PREFIX + name


def desired_targets(binding: Binding, children: Collection[ServiceAccount]) -> dict[str, str]:
    """Return the labels for the Secret of *binding*, which owns the ServiceAccounts *children*.

    The Secret of a binding with an empty list has a label, too, because a Secret without any label
    counts as written by an earlier release of acrpull.
    """
    targets = binding.targets or Targets(frozenset())
    wish, other = (DELETED, DELETED) if binding.deleting else (ATTACH, RELEASE)
    if targets.every:
        return {ALL_TARGETS_LABEL: wish}
    left = {account.name for account in children} - targets.names
    labels = {}
    if len(left) > MAX_TARGETS or (targets.is_list and not targets.names):
        labels, left = {ALL_TARGETS_LABEL: other}, set()
    names = {name: wish if name in targets else other for name in sorted({*targets.names, *left})}
    return {**labels, **{target_label(name): value for name, value in names.items()}}


def relation(secret: OwnedSecret, account: ServiceAccount) -> str | None:
    """Return the wish of *secret*'s binding for *account*; None without a relation.

    A Secret without any of these labels was written by an earlier release of acrpull, or another
    client removed the labels. Then the annotation of *account* counts.

    If another client removed the label with the uid of the binding, Metacontroller releases the
    Secret. A deleted binding releases no Secret, and Metacontroller no longer writes this Secret.
    metacontroller@v4.17.2:pkg/third_party/kubernetes/controller_ref_manager.go:77
    """
    owner = binding_of(secret)
    if secret.deleting or owner is None:
        return None
    if not secret.targets:
        return ATTACH if secret.name in account.wanted else None
    all_targets = secret.targets.get(ALL_TARGETS_LABEL)
    found = secret.targets.get(target_label(account.name), all_targets)
    return found if found is None or secret.uid_label == owner.uid else DELETED


def binding_of(secret: OwnedSecret) -> Owner | None:
    """Return the controller reference of *secret* if the reference points to a binding."""
    return next((o for o in secret.owners if o.controller and is_binding(o)), None)


def binding_uids(secrets: Iterable[OwnedSecret]) -> set[str]:
    """Return the uids of the bindings of *secrets*, from the references and the labels.

    An orphaning deletion removes the reference of a Secret, and a user may change the label.
    """
    owners = ((secret.uid_label, binding_of(secret)) for secret in secrets)
    uids = {uid for label, owner in owners for uid in (label, owner and owner.uid)}
    return {uid for uid in uids if uid}


def is_binding(owner: Owner) -> bool:
    """True if *owner* refers to a binding of any API."""
    group, slash, _ = owner.api_version.partition("/")
    return bool(slash) and (group, owner.kind) in BINDING_KINDS


def is_secret_name(name: str) -> bool:
    """True if *name* looks like a name that `hooks.core.apis` returns.

    A user can write any name into the annotations. The admission policies make the same comparison.
    """
    return name.startswith(SECRET_PREFIX) or name.endswith(UPSTREAM_SECRET_SUFFIX)


def targets_of(labels: Mapping[str, object]) -> dict[str, str]:
    """Return the labels of this module among *labels*."""
    return {
        key: value
        for key, value in labels.items()
        if key.startswith(TARGET_LABEL_PREFIX) and isinstance(value, str)
    }
