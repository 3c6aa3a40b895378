"""Which documents of a file are bindings, and Namespaces that say what is allowed in them.

Lists, as `kubectl get -o json` gives, are opened.
"""

from dataclasses import dataclass
from typing import Any

from hooks.core.errors import BadRequest
from hooks.core.fields import JSON
from hooks.core.model import Namespace
from hooks.core.names import BINDING_KINDS, KIND
from hooks.core.objects import parse_namespace


@dataclass(frozen=True, slots=True)
class Selection:
    """What a file holds. *problems* are those of documents that are no object of Kubernetes."""

    bindings: tuple[JSON, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    passed_over: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def others(self) -> tuple[str, ...]:
        """What there is but bindings."""
        return (*(f"Namespace {found.name}" for found in self.namespaces), *self.passed_over)


def select(documents: list[Any]) -> Selection:
    """Return what *documents* hold."""
    bindings, namespaces, passed_over, problems = [], [], [], []
    for number, document in enumerate(documents, 1):
        for item in _items(document):
            if not isinstance(item, dict):
                problems.append(f"document {number}: not an object; e.g. kind: {KIND}")
            elif _is_ours(item):
                bindings.append(item)
            elif not isinstance(item.get("kind"), str):
                problems.append(f"document {number}: kind: missing; e.g. {KIND}")
            elif (item["kind"], item.get("apiVersion")) == ("Namespace", "v1"):
                try:
                    namespaces.append(_namespace(item))
                except BadRequest as error:
                    problems.append(f"document {number}: {error}")
            else:
                passed_over.append(_name(item))
    return Selection(tuple(bindings), tuple(namespaces), tuple(passed_over), tuple(problems))


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
