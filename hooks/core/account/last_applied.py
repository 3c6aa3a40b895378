"""Reads the annotation in which dynamic-apply records the last write to an object."""

import json
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from hooks.core.model.cluster import ServiceAccount

Found = TypeVar("Found")


def look_up(text: str | None, find: Callable[[Any], Found], otherwise: Found) -> Found:
    """Return the result of *find* on the last-applied configuration *text*.

    *otherwise* is returned if the configuration is absent, or has an unexpected shape.
    """
    try:
        return find(json.loads(text or "{}"))
    except (ValueError, LookupError, TypeError, RecursionError):
        return otherwise


def is_readable(account: ServiceAccount) -> bool:
    """True if Metacontroller can read *account*'s last-applied configuration.

    Metacontroller fails unless the value is a JSON object. Metacontroller writes no numbers for
    acrpull, and a value with numbers counts as unreadable, because Go rejects some numbers of
    Python.
    metacontroller@v4.17.2:pkg/dynamic/apply/apply.go (GetLastApplied)
    """
    text = account.last_applied or "{}"
    try:
        found = json.loads(
            text,
            parse_int=_refuse_number,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict)


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(text)
