"""Whose a Secret in a file is. Nothing else of it is read."""

from dataclasses import dataclass

from hooks.core.apis.api import DEFAULT_NAME
from hooks.core.fields import JSON, get_text, require
from hooks.core.objects import parse_owners
from hooks.core.ownership import is_binding


@dataclass(frozen=True, slots=True)
class Holder:
    """A Secret; *owner* is the kind and the name of the binding that holds it, if one does."""

    namespace: str
    name: str
    owner: tuple[str, str] | None


def parse_holder(secret: JSON) -> Holder:
    """Return what *secret*, as from `kubectl get -o json`, says of itself. Raises `BadRequest`."""
    meta, path = require(secret, "metadata", dict, "Secret"), "Secret.metadata"
    held = (o for o in parse_owners(meta, path) if o.controller and is_binding(o))
    owner = next(((o.kind, o.name) for o in held), None)
    namespace = get_text(meta, "namespace", path) or DEFAULT_NAME
    return Holder(namespace, require(meta, "name", str, path), owner)
