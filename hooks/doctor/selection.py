"""Sorts the objects in a file: bindings, and objects that influence a binding.

These are its Namespace (allow-lists), ServiceAccounts (identities, owners) and Secrets (names).
The items of a List, as from `kubectl get -o json`, count like documents.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from hooks.core.account.relation import is_binding
from hooks.core.apis.api import DEFAULT_NAME
from hooks.core.errors import BadRequest
from hooks.core.fields import JSON, get_text, require
from hooks.core.model.cluster import Namespace, ServiceAccount
from hooks.core.names import BINDING_KINDS, KIND
from hooks.core.wire.objects import parse_namespace, parse_owners, parse_service_account
from hooks.doctor.hints import ANNOTATIONS, ineffective_annotations


@dataclass(frozen=True, slots=True)
class SecretOwner:
    """A Secret, and kind and name of the binding in its controller owner reference, if any."""

    namespace: str
    name: str
    owner: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Selection:
    """The objects in a file. *ignored* has the names of all other objects."""

    bindings: tuple[JSON, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    accounts: tuple[ServiceAccount, ...] = ()
    secrets: tuple[SecretOwner, ...] = ()
    ignored: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def others(self) -> tuple[str, ...]:
        """The names of all objects except bindings."""
        namespaces = (f"Namespace {found.name}" for found in self.namespaces)
        accounts = (f"ServiceAccount {a.namespace}/{a.name}" for a in self.accounts)
        secrets = (f"Secret {s.namespace}/{s.name}" for s in self.secrets)
        return (*namespaces, *accounts, *secrets, *self.ignored)


def select(documents: list[Any]) -> Selection:
    """Return the objects in *documents*."""
    found = Selection()
    items = [
        (item, number) for number, document in enumerate(documents, 1) for item in _items(document)
    ]
    for item, number in items:
        found = _with(found, item, f"document {number}")
    return replace(found, problems=(*found.problems, *_duplicates(items)))


def _with(found: Selection, item: Any, place: str) -> Selection:  # noqa: ANN401  any JSON value
    """Return *found* with *item*. *place* is its document, for messages."""
    if not isinstance(item, dict):
        text = f"{place}: not an object. Use, for example, kind: {KIND}"
        return replace(found, problems=(*found.problems, text))
    kind = item.get("kind")
    if not _is_binding(item) and not isinstance(kind, str):
        text = f"{place}: kind is missing. Set it, for example kind: {KIND}"
        return replace(found, problems=(*found.problems, text))
    if _is_binding(item) or (kind in ANNOTATIONS and item.get("apiVersion") == "v1"):
        texts = ineffective_annotations(str(kind), item.get("metadata"))
        problems = (f"{_name(item)}: {text}" for text in texts)
        found = replace(found, problems=(*found.problems, *problems))
    if _is_binding(item):
        return replace(found, bindings=(*found.bindings, item))
    try:
        return _with_other(found, item)
    except BadRequest as error:
        return replace(found, problems=(*found.problems, f"{place}: {error}"))


def _with_other(found: Selection, item: JSON) -> Selection:
    """Return *found* with *item*, an object of another kind. Raises `BadRequest`."""
    match item["kind"], item.get("apiVersion"):
        case "Namespace", "v1":
            return replace(found, namespaces=(*found.namespaces, _namespace(item)))
        case "ServiceAccount", "v1":
            account = parse_service_account(item, "ServiceAccount")
            return replace(found, accounts=(*found.accounts, account))
        case "Secret", "v1":
            return replace(found, secrets=(*found.secrets, _secret_owner(item)))
    return replace(found, ignored=(*found.ignored, _name(item)))


def _items(document: Any) -> list[Any]:  # noqa: ANN401  any JSON value
    if isinstance(document, dict) and str(document.get("kind")).endswith("List"):
        items = document.get("items")
        if isinstance(items, list):
            return items
    return [document]


def _is_binding(item: JSON) -> bool:
    """True if *item* is a binding, even with a misspelled kind or version."""
    group, kind = str(item.get("apiVersion")).partition("/")[0], item.get("kind")
    return any(group == known or kind == name for known, name in BINDING_KINDS)


def _namespace(item: JSON) -> Namespace:
    """Return the Namespace *item*. Raises `BadRequest`.

    The parser requires a uid, and a manifest has none before its creation.
    """
    meta = item.get("metadata")
    if isinstance(meta, dict):
        item = {"metadata": {**meta, "uid": "to be given", "deletionTimestamp": None}}
    return parse_namespace(item, "Namespace")


def _secret_owner(secret: JSON) -> SecretOwner:
    """Return the owner of *secret*, without reading the data. Raises `BadRequest`."""
    meta, path = require(secret, "metadata", dict, "Secret"), "Secret.metadata"
    controllers = (o for o in parse_owners(meta, path) if o.controller and is_binding(o))
    owner = next(((o.kind, o.name) for o in controllers), None)
    namespace = get_text(meta, "namespace", path) or DEFAULT_NAME
    return SecretOwner(namespace, require(meta, "name", str, path), owner)


def _duplicates(items: Iterable[tuple[Any, int]]) -> Iterator[str]:
    """Yield a problem for each object with several manifests in *items* (object, document number).

    The version does not distinguish objects: the API server stores one object for all versions.
    """
    numbers: defaultdict[tuple[str, str, str, str], list[int]] = defaultdict(list)
    names = {}
    for item, number in items:
        meta = item.get("metadata") if isinstance(item, dict) else None
        if isinstance(meta, dict) and isinstance(meta.get("name"), str) and "kind" in item:
            group = str(item.get("apiVersion")).rpartition("/")[0]
            namespace = str(meta.get("namespace") or DEFAULT_NAME)
            key = (group, str(item["kind"]), namespace, meta["name"])
            numbers[key].append(number)
            names[key] = _name(item)
    for key, found in numbers.items():
        if len(found) > 1:
            where = " and ".join(f"document {number}" for number in dict.fromkeys(found))
            yield (
                f"{names[key]} occurs {len(found)} times ({where}). kubectl apply keeps only the "
                "last. Delete or rename the others."
            )


def _name(item: JSON) -> str:
    meta = item.get("metadata")
    parts = (meta.get("namespace"), meta.get("name")) if isinstance(meta, dict) else ()
    return f"{item.get('kind')} {'/'.join(str(part) for part in parts if part)}".strip()
