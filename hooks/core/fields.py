"""Reads typed values from decoded JSON. An error names the path of the wrong value."""

from datetime import datetime
from typing import Any, Final, TypeVar

from hooks.core.errors import BadRequest
from hooks.core.rfc3339 import parse_time

JSON = dict[str, Any]
T = TypeVar("T", str, bool, int, JSON, list[Any])

KINDS: Final[dict[type, str]] = {
    str: 'a string, e.g. "app"',
    bool: "a boolean, e.g. true",
    int: "an integer, e.g. 1",
    dict: "an object, e.g. {}",
    list: "a list, e.g. []",
}


def check(value: object, kind: type[T], path: str) -> T:
    """Return *value*. Raises `BadRequest` with *path* if the type is not *kind*."""
    if type(value) is not kind:
        raise BadRequest(f"{path}: expected {KINDS[kind]}")
    return value


def get(parent: JSON, key: str, kind: type[T], path: str) -> T | None:
    """Return the optional field *key* of *parent*, or None. *path* is the path of *parent*."""
    value = parent.get(key)
    if value is None or type(value) is kind:  # builds the path only for errors, to save time
        return value
    return check(value, kind, f"{path}.{key}" if path else key)


def get_object(parent: JSON, key: str, path: str) -> JSON:
    """Return the optional object *key* of *parent*, or an empty object."""
    return get(parent, key, dict, path) or {}


def get_text(parent: JSON, key: str, path: str) -> str:
    """Return the optional string *key* of *parent*, or an empty string."""
    return get(parent, key, str, path) or ""


def get_time(parent: JSON, key: str, path: str) -> datetime | None:
    """Return the optional time *key* of *parent*, or None; None for a text that is not a time."""
    return parse_time(get(parent, key, str, path))


def require(parent: JSON, key: str, kind: type[T], path: str) -> T:
    """Return the required field *key* of *parent*. Raises `BadRequest` if the field is absent."""
    return check(parent.get(key), kind, f"{path}.{key}" if path else key)
