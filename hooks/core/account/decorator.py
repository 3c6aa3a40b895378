"""Chooses the owner of a ServiceAccount, and the Secrets for the owner to list.

A DecoratorController can set labels and annotations only. The label makes Metacontroller adopt the
ServiceAccount for the owner. The annotation `acrpull.dev/pull-secrets` names the Secrets of all
targeting bindings for the owner. The mode `admission` uses `hooks.core.account.admission` instead.
"""

from collections.abc import Sequence

from hooks.core.account.decoration import Decoration
from hooks.core.account.last_applied import is_readable
from hooks.core.account.ownership import controller, is_foreign
from hooks.core.account.relation import ATTACH, binding_of, relation
from hooks.core.account.release import has_work_left, release
from hooks.core.model.cluster import OwnedSecret, ServiceAccount
from hooks.core.names import (
    LAST_APPLIED_ANNOTATION,
    PULL_SECRETS_ANNOTATION,
    UID_LABEL,
)


def decorate(account: ServiceAccount, secrets: Sequence[OwnedSecret]) -> Decoration:
    """Return the label and annotations of *account*; *secrets* are the related Secrets.

    Metacontroller fails to write a child with an unreadable last-applied annotation. A decorator's
    write does not read the annotation, and therefore can remove the value.
    """
    if account.deleting:
        return Decoration()
    attached = attaching(account, secrets)
    uid = _owner_uid(account, secrets, attached)
    if uid is None:
        return release(account, secrets)
    wanted = ",".join(secret.name for secret in attached)
    annotations: dict[str, str | None] = {PULL_SECRETS_ANNOTATION: wanted}
    if not is_readable(account):
        annotations[LAST_APPLIED_ANNOTATION] = None
    return Decoration({UID_LABEL: uid}, annotations)


def attaching(account: ServiceAccount, secrets: Sequence[OwnedSecret]) -> list[OwnedSecret]:
    """Return the *secrets* that belong on the list of *account*, the oldest first."""
    found = (secret for secret in secrets if relation(secret, account) == ATTACH)
    return sorted(found, key=lambda secret: (secret.created_at, secret.name))


def _owner_uid(
    account: ServiceAccount, secrets: Sequence[OwnedSecret], attached: Sequence[OwnedSecret]
) -> str | None:
    """Return the uid of the binding that must own *account*; *attached* belong on its list.

    The first match wins:
    1. The current owner, if its Secret belongs on the list, or if the owner has work left.
    2. None, if another controller owns *account*.
    3. The binding of the oldest Secret that belongs on the list.
    """
    owners = [owner for s in attached if (owner := binding_of(s)) is not None]
    current = controller(account)
    if current is not None:
        stays = any(owner.uid == current.uid for owner in owners)
        if stays or has_work_left(account, current, secrets, others=bool(owners)):
            return current.uid
    if is_foreign(account) or not owners:
        return None
    return owners[0].uid
