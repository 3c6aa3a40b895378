"""The MutatingAdmissionPolicy of metacontroller/admission/policy.yaml, with the rules in Python.

tests/admission_cases.py checks that both have the same results.
"""

import copy

from hooks.core.names import (
    ADMISSION_KINDS,
    ADMISSION_POLICY,
    ATTACHED_ANNOTATION,
    BINDING_KINDS,
    PULL_SECRETS_ANNOTATION,
    REMOVE,
    UID_LABEL,
)
from tests.model.objects import Object, annotations_of, labels_of, owners_of
from tests.model.resources import ADMISSION_VERSION, SERVICE_ACCOUNT

MAX_ANNOTATION = 16_384
MAX_ENTRIES = 500
POLICY = tuple(
    {"apiVersion": ADMISSION_VERSION, "kind": kind, "metadata": {"name": ADMISSION_POLICY}}
    for kind in ADMISSION_KINDS
)
_GROUPS = tuple(sorted({group for group, _ in BINDING_KINDS}))


def admit(old: Object | None, new: Object) -> Object:
    """Return the ServiceAccount to store for a write of *new* over *old*; other kinds stay."""
    if new["kind"] != SERVICE_ACCOUNT.kind or not _matches(old, new):
        return new
    stored = copy.deepcopy(new)
    before = annotations_of(old).get(PULL_SECRETS_ANNOTATION, "") if old else ""
    restored = _is_restored(old, new, before)
    text = before if restored else annotations_of(new).get(PULL_SECRETS_ANNOTATION, "")
    names = [name for name in text.split(",") if _is_name(name)]
    wanted = [name for name in names if not name.startswith(REMOVE)]
    entries = _entries(new)
    kept = [name for name in entries if f"{REMOVE}{name}" not in names]
    desired = [*kept, *(name for name in wanted if name not in kept)]
    if desired != entries:
        stored["imagePullSecrets"] = [{"name": name} if name else {} for name in desired]
    if restored:
        stored["metadata"].setdefault("annotations", {})[PULL_SECRETS_ANNOTATION] = before
    if UID_LABEL not in labels_of(new):
        stored["metadata"]["ownerReferences"] = [r for r in owners_of(new) if not _is_ours(r)]
        stored["metadata"].get("annotations", {}).pop(ATTACHED_ANNOTATION, None)
    return stored


def _matches(old: Object | None, new: Object) -> bool:
    """Return the result of the matchConditions."""
    states = [obj for obj in (old, new) if obj is not None]
    said = [annotations_of(obj) for obj in states]
    sizes = (
        sum(len(each.get(key, "")) for key in (PULL_SECRETS_ANNOTATION, ATTACHED_ANNOTATION))
        for each in said
    )
    return (
        any(PULL_SECRETS_ANNOTATION in each for each in said)
        and max(sizes) <= MAX_ANNOTATION
        and max(len(_entries(obj)) for obj in states) <= MAX_ENTRIES
    )


def _is_restored(old: Object | None, new: Object, before: str) -> bool:
    """True if a user removed the annotation *before*, which wants a name."""
    if old is None or PULL_SECRETS_ANNOTATION in annotations_of(new):
        return False
    wants = any(name and not name.startswith(REMOVE) for name in before.split(","))
    return wants and UID_LABEL not in labels_of(old)


def _is_name(name: str) -> bool:
    own = name.startswith(("acr-pull-", f"{REMOVE}acr-pull-"))
    return own or name.endswith("-msi-acrpull-secret")


def _is_ours(ref: Object) -> bool:
    """True if *ref* is an owner reference of the mode `adoption`."""
    api_version, kind = ref["apiVersion"], ref["kind"]
    return api_version.partition("/")[0] in _GROUPS or (api_version, kind) == ("v1", "Namespace")


def _entries(account: Object) -> list[str]:
    return [entry.get("name", "") for entry in account.get("imagePullSecrets", [])]
