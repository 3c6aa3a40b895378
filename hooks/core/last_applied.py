"""What Metacontroller last wrote to a ServiceAccount under dynamic-apply, as it noted on it."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from hooks.core.cluster import ServiceAccount

Found = TypeVar("Found")


def look_up(account: ServiceAccount, find: Callable[[Any], Found], otherwise: Found) -> Found:
    """Return what *find* finds in it; *otherwise* where it is not there, or of another shape."""
    try:
        return find(json.loads(account.last_applied or "{}"))
    except (ValueError, LookupError, TypeError, RecursionError):
        return otherwise
