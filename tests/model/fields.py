"""The owners of fields in server-side apply, without managedFields on the wire.

There are two managers: `APPLY` (Metacontroller's patches) and `UPDATE` (every other write,
including Metacontroller's updates, because the server records updates in another entry).
Source of the rules: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

import copy
from typing import Any

from tests.model.objects import Object, uid_of

APPLY, UPDATE = "apply", "update"

Path = tuple[str, ...]
Holders = dict[Path, frozenset[str]]

_KEYED = ("labels", "annotations")
_LISTED = ("ownerReferences", "finalizers")


def leaves(obj: Object) -> dict[Path, Any]:
    """Return the fields of *obj*, each with a separate owner.

    Granular: labels, annotations, data, ownerReferences by uid (each atomic), finalizers. Every
    other top-level field is atomic, such as `imagePullSecrets`.
    Source: the listType and structType markers in kubernetes v1.36,
    staging/src/k8s.io/api/core/v1/types.go:6374 and apimachinery/pkg/apis/meta/v1/types.go:257,314
    """
    metadata = obj["metadata"]
    found: dict[Path, Any] = {}
    for section in _KEYED:
        for name, value in (metadata.get(section) or {}).items():
            found["metadata", section, name] = value
    for ref in metadata.get("ownerReferences") or []:
        found["metadata", "ownerReferences", ref["uid"]] = ref
    for name in metadata.get("finalizers") or []:
        found["metadata", "finalizers", name] = name
    for name, value in (obj.get("data") or {}).items():
        found["data", name] = value
    for name in obj.keys() - {"apiVersion", "kind", "metadata", "status", "data"}:
        found[name,] = obj[name]
    return found


def _set(obj: Object, path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON
    """Set *path* of *obj* to *value*; None removes the field."""
    parent = obj
    for step in path[:-2]:
        parent = parent.setdefault(step, {})
    if len(path) == 1:
        section, name = obj, path[0]
    elif path[-2] in _LISTED:
        _set_item(parent.setdefault(path[-2], []), path[-1], value)
        return
    else:
        section, name = parent.setdefault(path[-2], {}), path[-1]
    if value is None:
        section.pop(name, None)
    else:
        section[name] = copy.deepcopy(value)


def _set_item(items: list[Any], identity: str, value: Any) -> None:  # noqa: ANN401 - any JSON
    """Replace the entry *identity* of *items* with *value*; None removes the entry."""
    names = [_identity(item) for item in items]
    at = names.index(identity) if identity in names else len(items)
    items[at : at + 1] = [] if value is None else [copy.deepcopy(value)]


def _identity(item: Any) -> str:  # noqa: ANN401 - any JSON
    return str(item["uid"] if isinstance(item, dict) else item)


def _order(merged: Object, live: Object, applied: Object, section: str) -> None:
    """Sort the list *section* of the metadata *merged*, in place, in the order of a merge.

    Entries of the server only keep their place. Common entries come in the order of *applied*,
    after the entries that precede them in *applied*.
    Source: structured-merge-diff@v6.3.3:typed/merge.go (visitListItems)
    """
    waiting = [_identity(item) for item in applied.get(section) or []]
    there = [_identity(item) for item in live.get(section) or []]
    order: list[str] = []
    for name in there:
        if name not in waiting + order:
            order.append(name)
        elif name == next((each for each in waiting if each in there), None):
            until = waiting.index(name) + 1
            order += waiting[:until]
            waiting = waiting[until:]
    order += waiting
    if section in merged:
        merged[section].sort(key=lambda item: order.index(_identity(item)))


class FieldOwners:
    """The managers of the fields of stored objects, by uid."""

    def __init__(self) -> None:
        self._holders: dict[str, Holders] = {}

    def record_update(self, old: Object | None, new: Object) -> None:
        """Record a write other than an apply: `UPDATE` alone owns the changed fields.

        Fields applied as empty do not exist, and stay applied until a write sets the field.
        """
        before, after = leaves(old) if old else {}, leaves(new)
        held = self._holders.get(uid_of(new), {})
        empty = {path: held[path] for path in held.keys() - before.keys() - after.keys()}
        self._holders[uid_of(new)] = empty | {
            path: held[path] if path in held and before.get(path) == value else frozenset({UPDATE})
            for path, value in after.items()
        }

    def merge(self, live: Object, applied: Object) -> tuple[Object, Holders]:
        """Return *live* with *applied* forced, and the managers to record with the result.

        A field of an earlier apply that *applied* lacks is removed, unless `UPDATE` owns it too.
        """
        held = dict(self._holders.get(uid_of(live), {}))
        present, wanted = leaves(live), leaves(applied)
        merged = copy.deepcopy(live)
        for path, value in wanted.items():
            same = path in present and present[path] == value
            shared = held.get(path, frozenset()) if same else frozenset()
            held[path] = shared | {APPLY}
            _set(merged, path, value)
        for section in _LISTED:
            _order(merged["metadata"], live["metadata"], applied["metadata"], section)
        for path in [p for p, holders in held.items() if APPLY in holders and p not in wanted]:
            held[path] -= {APPLY}
            if not held[path]:
                del held[path]
                _set(merged, path, None)
        return merged, held

    def record_apply(self, obj: Object, holders: Holders) -> bool:
        """Record an apply. True if the managers of a field changed."""
        changed = self._holders.get(uid_of(obj)) != holders
        self._holders[uid_of(obj)] = holders
        return changed

    def forget(self, obj: Object) -> None:
        """Remove a deleted object."""
        self._holders.pop(uid_of(obj), None)
