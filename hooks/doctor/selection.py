"""Which documents of a file are bindings, and which say what counts for them.

Those are Namespaces, for what they allow, ServiceAccounts, for the identities that trust them, and
Secrets, for their names.
Lists, as `kubectl get -o json` gives, are opened.
"""

from dataclasses import dataclass, replace
from typing import Any

from hooks.core.cluster import Namespace, ServiceAccount
from hooks.core.errors import BadRequest
from hooks.core.fields import JSON
from hooks.core.names import BINDING_KINDS, KIND
from hooks.core.objects import parse_namespace, parse_service_account
from hooks.doctor.holder import Holder, parse_holder


@dataclass(frozen=True, slots=True)
class Selection:
    """What a file holds. *problems* are those of documents that are no object of Kubernetes."""

    bindings: tuple[JSON, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    accounts: tuple[ServiceAccount, ...] = ()
    secrets: tuple[Holder, ...] = ()
    passed_over: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def others(self) -> tuple[str, ...]:
        """What there is but bindings."""
        accounts = (f"ServiceAccount {a.namespace}/{a.name}" for a in self.accounts)
        namespaces = (f"Namespace {found.name}" for found in self.namespaces)
        return (*namespaces, *accounts, *self.passed_over)


def select(documents: list[Any]) -> Selection:
    """Return what *documents* hold."""
    found = Selection()
    for number, document in enumerate(documents, 1):
        for item in _items(document):
            found = _with(found, item, f"document {number}")
    return found


def _with(found: Selection, item: Any, where: str) -> Selection:  # noqa: ANN401  any JSON value
    """Return *found* and *item*, an object in the document *where*."""
    if not isinstance(item, dict):
        text = f"{where}: not an object; e.g. kind: {KIND}"
        return replace(found, problems=(*found.problems, text))
    if _is_ours(item):
        return replace(found, bindings=(*found.bindings, item))
    if not isinstance(item.get("kind"), str):
        text = f"{where}: kind: missing; e.g. {KIND}"
        return replace(found, problems=(*found.problems, text))
    try:
        return _with_other(found, item)
    except BadRequest as error:
        return replace(found, problems=(*found.problems, f"{where}: {error}"))


def _with_other(found: Selection, item: JSON) -> Selection:
    """Return *found* and *item*, an object that is no binding. Raises `BadRequest`."""
    match item["kind"], item.get("apiVersion"):
        case "Namespace", "v1":
            return replace(found, namespaces=(*found.namespaces, _namespace(item)))
        case "ServiceAccount", "v1":
            account = parse_service_account(item, "ServiceAccount")
            return replace(found, accounts=(*found.accounts, account))
        case "Secret", "v1":
            found = replace(found, secrets=(*found.secrets, parse_holder(item)))
    return replace(found, passed_over=(*found.passed_over, _name(item)))


def _items(document: Any) -> list[Any]:  # noqa: ANN401  any JSON value
    if isinstance(document, dict) and str(document.get("kind")).endswith("List"):
        items = document.get("items")
        if isinstance(items, list):
            return items
    return [document]


def _is_ours(item: JSON) -> bool:
    """Say whether *item* is meant as a binding, be its kind or its version misspelt."""
    group, kind = str(item.get("apiVersion")).partition("/")[0], item.get("kind")
    return any(group == known or kind == name for known, name in BINDING_KINDS)


def _namespace(item: JSON) -> Namespace:
    """Return what *item* allows; one that is yet to be made has no uid. Raises `BadRequest`."""
    meta = item.get("metadata")
    if isinstance(meta, dict):
        item = {"metadata": {**meta, "uid": "to be given", "deletionTimestamp": None}}
    return parse_namespace(item, "Namespace")


def _name(item: JSON) -> str:
    meta = item.get("metadata")
    parts = (meta.get("namespace"), meta.get("name")) if isinstance(meta, dict) else ()
    return f"{item['kind']} {'/'.join(str(part) for part in parts if part)}".strip()
