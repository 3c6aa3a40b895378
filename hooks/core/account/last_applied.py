"""What Metacontroller last wrote to a ServiceAccount under dynamic-apply, as it noted on it."""

import json
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from hooks.core.model.cluster import ServiceAccount

Found = TypeVar("Found")


def look_up(account: ServiceAccount, find: Callable[[Any], Found], otherwise: Found) -> Found:
    """Return what *find* finds in it; *otherwise* where it is not there, or of another shape."""
    try:
        return find(json.loads(account.last_applied or "{}"))
    except (ValueError, LookupError, TypeError, RecursionError):
        return otherwise


def is_readable(account: ServiceAccount) -> bool:
    """True if Metacontroller can read what it last wrote to *account*.

    Metacontroller fails on a value that is no JSON object, and writes none with a number in it:
    Go does not read every number that Python reads.
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
