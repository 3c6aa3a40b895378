"""Decodes a hook's answer as strictly as Metacontroller does for hook version v2.

Source: metacontroller@v4.17.2:pkg/hooks/webhook.go:249 and the structs named below.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.model.errors import MetacontrollerCrashError, SyncError
from tests.model.objects import Object

Fields = dict[str, type[Any]]

_COMPOSITE: Fields = {
    "status": dict,
    "children": list,
    "resyncAfterSeconds": float,
    "finalized": bool,
}
_DECORATOR: Fields = {
    "labels": dict,
    "annotations": dict,
    "status": dict,
    "attachments": list,
    "resyncAfterSeconds": float,
    "finalized": bool,
}
_CUSTOMIZE: Fields = {"relatedResources": list}
_RULE: Fields = {
    "apiVersion": str,
    "resource": str,
    "namespace": str,
    "names": list,
    "labelSelector": dict,
    "namespaceSelector": dict,
}


@dataclass(frozen=True)
class CompositeAnswer:
    """Source: pkg/controller/composite/api/v2/hooks.go (CompositeHookResponse)."""

    status: Object = field(default_factory=dict)
    children: list[Object] = field(default_factory=list)
    resync_after_seconds: float = 0
    finalized: bool = False


@dataclass(frozen=True)
class DecoratorAnswer:
    """Source: pkg/controller/decorator/api/v2/hooks.go (DecoratorHookResponse).

    A None among labels or annotations deletes that key.
    """

    labels: dict[str, str | None] = field(default_factory=dict)
    annotations: dict[str, str | None] = field(default_factory=dict)
    resync_after_seconds: float = 0


def composite_answer(body: object) -> CompositeAnswer:
    """Decode the answer of `/sync` or `/finalize`.

    Raises `SyncError`: the body is invalid; `MetacontrollerCrashError`: a child is null.
    """
    answer = _struct("answer", body, _COMPOSITE)
    return CompositeAnswer(
        status=answer.get("status") or {},
        children=[_object(child) for child in answer.get("children") or []],
        resync_after_seconds=answer.get("resyncAfterSeconds") or 0,
        finalized=answer.get("finalized") or False,
    )


def decorator_answer(body: object) -> DecoratorAnswer:
    """Decode the answer of a decorator's sync. Raises `SyncError`: the body is invalid.

    Attachments and a status are invalid, because the modelled decorator has neither.
    """
    answer = _struct("answer", body, _DECORATOR)
    if answer.get("attachments") or answer.get("status"):
        raise NotImplementedError("attachments and status of a decorator are not modelled")
    for section in ("labels", "annotations"):
        for name, value in (answer.get(section) or {}).items():
            if value is not None and not isinstance(value, str):
                raise SyncError(f"can't unmarshal webhookResponse: {section}.{name}")
    return DecoratorAnswer(
        labels=answer.get("labels") or {},
        annotations=answer.get("annotations") or {},
        resync_after_seconds=answer.get("resyncAfterSeconds") or 0,
    )


def customize_answer(body: object) -> list[Object]:
    """Return the rules of a customize hook's answer. Raises `SyncError`: the body is invalid.

    Source: pkg/controller/common/customize/api/v2 (CustomizeHookResponse) and
    pkg/apis/metacontroller/v1alpha1/types.go (RelatedResourceRule)
    """
    answer = _struct("answer", body, _CUSTOMIZE)
    rules = [_struct("rule", rule, _RULE) for rule in answer.get("relatedResources") or []]
    for rule in rules:
        _check_selection(rule)
    return rules


def _check_selection(rule: Object) -> None:
    """Reject names with a selector, and a namespace with a namespace selector.

    Source: pkg/controller/common/customize/manager.go:399
    """
    by_namespace = rule.get("namespaceSelector") is not None
    if rule.get("names") and (by_namespace or rule.get("labelSelector") is not None):
        raise SyncError(f"related rule cannot have both names and selectors: {rule}")
    if rule.get("namespace") and by_namespace:
        raise SyncError(f"related rule cannot have both namespace and selector: {rule}")


def _struct(what: str, body: object, fields: Fields) -> dict[str, Any]:
    """Return *body* if it has only *fields*, each of its type or null."""
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise SyncError(f"can't unmarshal webhookResponse: {what} is no object")
    unknown = sorted(body.keys() - fields.keys())
    if unknown:
        raise SyncError(f"strict validation failed: unknown field {unknown[0]!r}")
    for name, value in body.items():
        if value is not None and not _is_a(fields[name], value):
            raise SyncError(f"can't unmarshal webhookResponse: {what}.{name}")
    return body


def _is_a(kind: type, value: object) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind)


def _object(child: object) -> Object:
    """Return a desired child.

    Source of the crash: pkg/controller/common/api/v2/common.go:48 (obj.GroupVersionKind of nil)
    """
    if child is None:
        raise MetacontrollerCrashError("nil pointer dereference: a null child")
    if not isinstance(child, dict) or not child.get("kind"):
        raise SyncError("can't unmarshal webhookResponse: Object 'Kind' is missing")
    child.setdefault("apiVersion", "")
    child.setdefault("metadata", {}).setdefault("name", "")
    return child
