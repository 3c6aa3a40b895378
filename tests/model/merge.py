"""The three-way merge of dynamic-apply.

Source, also of the lines: metacontroller@v4.17.2:pkg/dynamic/apply/apply.go
"""

import copy
import json
from typing import Any

from tests.model.objects import Object, annotations_of

LAST_APPLIED = "metacontroller.k8s.io/last-applied-configuration"
"""apply.go:36"""

MERGE_KEYS = ("containerPort", "port", "mountPath", "name", "uid", "ip", "path")
"""Guessed keys of lists of objects, the first that fits wins (line 209)."""

_SYSTEM_FIELDS = (
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
)
"""metacontroller@v4.17.2:pkg/controller/common/manage_children.go:79"""


def without_last_applied(obj: Object) -> Object:
    """Return a copy without the annotation. Source: pkg/controller/common/diff.go:48."""
    copied = copy.deepcopy(obj)
    (copied["metadata"].get("annotations") or {}).pop(LAST_APPLIED, None)
    return copied


def without_system_fields(obj: Object) -> Object:
    """Return a copy without the server's fields, `status` and last-applied.

    Source: metacontroller@v4.17.2:pkg/controller/common/manage_children.go:320
    """
    copied = without_last_applied(obj)
    copied.pop("status", None)
    for name in _SYSTEM_FIELDS:
        copied["metadata"].pop(name, None)
    return copied


def set_last_applied(obj: Object, applied: Object) -> None:
    """Write the whole *applied* to an annotation of *obj* (line 39), in place."""
    annotations = obj["metadata"].get("annotations") or {}
    annotations[LAST_APPLIED] = json.dumps(applied, sort_keys=True, separators=(",", ":"))
    obj["metadata"]["annotations"] = annotations


def updated(observed: Object, desired: Object) -> Object:
    """Return *observed* with the changes of *desired* since the last apply.

    Source: metacontroller@v4.17.2:pkg/controller/common/manage_children.go:41
    """
    wanted = without_last_applied(desired)
    last = json.loads(annotations_of(observed).get(LAST_APPLIED) or "{}")
    merged: Object = merge(copy.deepcopy(observed), last, copy.deepcopy(wanted))
    _revert(merged["metadata"], observed["metadata"], _SYSTEM_FIELDS)
    _revert(merged, observed, ("status",))
    set_last_applied(merged, wanted)
    return merged


def _revert(merged: Object, observed: Object, names: tuple[str, ...]) -> None:
    for name in names:
        merged.pop(name, None)
        if name in observed:
            merged[name] = copy.deepcopy(observed[name])


def merge(destination: Any, last: Any, desired: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return *destination* changed in place by the difference of *last* and *desired* (line 81).

    A *desired* of another type than *destination* counts as empty: the check for it (lines 87
    and 91) never fires.
    """
    if isinstance(destination, dict):
        return _merge_objects(destination, _as(dict, last), _as(dict, desired))
    if isinstance(destination, list):
        return _merge_lists(destination, _as(list, last), _as(list, desired))
    return desired


def _as(kind: type, value: Any) -> Any:  # noqa: ANN401 - any JSON
    return value if isinstance(value, kind) else kind()


def _merge_objects(destination: Object, last: Object, desired: Object) -> Object:
    """Remove fields of the last apply that *desired* lacks, then set the rest (line 114)."""
    for name in last.keys() - desired.keys():
        destination.pop(name, None)
    for name, value in desired.items():
        destination[name] = merge(destination.get(name), last.get(name), value)
    return destination


def _merge_lists(destination: list[Any], last: list[Any], desired: list[Any]) -> list[Any]:
    """Merge lists of objects by a common key, or return *desired* (line 134)."""
    key = merge_key(destination + last + desired)
    if key is None:
        return desired
    by_key = {str(item[key]): item for item in destination}
    lasts = {str(item[key]): item for item in last}
    wanted = {str(item[key]): item for item in desired}
    _merge_objects(by_key, lasts, wanted)
    kept = [str(item[key]) for item in destination if str(item[key]) in by_key]
    added = [name for name in wanted if name not in kept]
    return [copy.deepcopy(by_key[name]) for name in kept + added]


def merge_key(items: list[Any]) -> str | None:
    """Return the presumed key field of a list of objects, or None (line 223)."""
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    common = set.intersection(*(set(item) for item in items))
    return next((key for key in MERGE_KEYS if key in common), None)
