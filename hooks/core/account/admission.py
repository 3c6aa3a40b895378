"""The mode `admission`: one annotation names the Secrets of a ServiceAccount.

A MutatingAdmissionPolicy (metacontroller/admission/policy.yaml) changes imagePullSecrets within the
request that writes the annotation, and within each later request of a user. So no binding owns the
ServiceAccount. A name after "-" leaves the list.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from hooks.core.account.decoration import Decoration
from hooks.core.account.decorator import attaching
from hooks.core.account.ownership import is_foreign, is_protective
from hooks.core.account.relation import binding_uids, is_binding, is_secret_name
from hooks.core.contest import MAX_WAIT, doubled
from hooks.core.model.cluster import OwnedSecret, ServiceAccount
from hooks.core.names import (
    ATTACHED_ANNOTATION,
    LAST_APPLIED_ANNOTATION,
    PULL_SECRETS_ANNOTATION,
    REMOVE,
    REPEATED,
    UID_LABEL,
)
from hooks.core.rfc3339 import format_time

REPEAT_WAIT: Final = timedelta(seconds=60)  # after the first write


def annotate(account: ServiceAccount, secrets: Sequence[OwnedSecret], now: datetime) -> Decoration:
    """Return the annotation of *account*, and the removal of the marks of the mode `adoption`.

    The policy acts on a write. If the policy is missing or fails, the annotation is right and the
    list is not. Then the annotation is written again with a mark, which the policy ignores. The
    mark has the number and the time of the write, because acrpull is stateless: the waits between
    the writes grow from `REPEAT_WAIT` to `MAX_WAIT`.
    """
    if account.deleting:
        return Decoration()
    wanted = [secret.name for secret in attaching(account, secrets)]
    removable = set(filter(is_secret_name, _marked(account))).difference(wanted)
    leaving = [name for name in dict.fromkeys(account.pull_secrets) if name in removable]
    names = [*wanted, *(f"{REMOVE}{name}" for name in leaving)]
    labels = _label_to_remove(account, secrets)
    annotations: dict[str, str | None] = _annotations_to_remove(account, labels)
    if not names and PULL_SECRETS_ANNOTATION not in account.annotations and not annotations:
        return Decoration(labels)
    # The policy removes acrpull's owner references once the label is absent.
    owned = _is_owned(account) and (account.uid_label is None or bool(labels))
    settled = not leaving and set(wanted) <= set(account.pull_secrets) and not owned
    observed = [*account.wanted, *(f"{REMOVE}{name}" for name in account.unwanted)]
    if settled and not names:  # the policy restores an annotation that wants a name
        emptied = "" if account.wanted else None
        return Decoration(labels, {**annotations, PULL_SECRETS_ANNOTATION: emptied})
    if settled and observed == names:
        return Decoration(labels, annotations)
    if observed == names and not labels and not annotations:  # the last write had no effect
        return _repeat(account, names, now)
    annotations[PULL_SECRETS_ANNOTATION] = ",".join(names)
    return Decoration(labels, annotations, math.ceil(REPEAT_WAIT.total_seconds()))


def _repeat(account: ServiceAccount, names: Sequence[str], now: datetime) -> Decoration:
    """Return the write of *names* with the next mark, or the wait for this write.

    A mark with an old time, or with a time in the future, does not count.
    """
    repeats, written = account.repeats, account.repeated_at
    if written is None or abs(now - written) > 2 * MAX_WAIT:
        repeats, left = 0, timedelta(0)
    else:
        left = written + _wait(repeats) - now
    if left > timedelta(0):
        return Decoration(resync_after_seconds=math.ceil(left.total_seconds()))
    text = ",".join([*names, f"{REPEATED}{repeats + 1}{REPEATED}{format_time(now)}"])
    wait = math.ceil(_wait(repeats + 1).total_seconds())
    return Decoration({}, {PULL_SECRETS_ANNOTATION: text}, wait)


def _wait(repeats: int) -> timedelta:
    """Return the wait after the repeated write with the number *repeats*, counted from 1."""
    return doubled(REPEAT_WAIT, max(repeats - 1, 0))


def _marked(account: ServiceAccount) -> set[str]:
    """Return the names that the annotations of *account* contain."""
    return {*account.attached, *account.wanted, *account.unwanted}


def _is_owned(account: ServiceAccount) -> bool:
    """True if *account* has an owner reference of acrpull."""
    return any(is_binding(owner) or is_protective(owner, account) for owner in account.owners)


def _label_to_remove(
    account: ServiceAccount, secrets: Sequence[OwnedSecret]
) -> dict[str, str | None]:
    """Return the removal of a label that acrpull set.

    Another CompositeController labels its children with the same key.
    """
    marked = not account.annotations.isdisjoint({PULL_SECRETS_ANNOTATION, ATTACHED_ANNOTATION})
    left = account.uid_label is not None and marked and not is_foreign(account)
    return {UID_LABEL: None} if left or account.uid_label in binding_uids(secrets) else {}


def _annotations_to_remove(
    account: ServiceAccount, labels: dict[str, str | None]
) -> dict[str, str | None]:
    """Return the removal of the annotations of the mode `adoption`; *labels* leave with them."""
    if not labels and ATTACHED_ANNOTATION not in account.annotations:
        return {}
    removed = {ATTACHED_ANNOTATION, LAST_APPLIED_ANNOTATION} & account.annotations
    return dict.fromkeys(sorted(removed))
