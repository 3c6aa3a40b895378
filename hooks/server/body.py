"""A request's body: how much of it is taken, and what it decodes to."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from flask import request
from werkzeug.exceptions import LengthRequired, RequestEntityTooLarge

from hooks.core.errors import BadRequest
from hooks.core.fields import JSON, check
from hooks.limits import Bulkhead

MAX_BODY_BYTES: Final = 8 * 1024 * 1024  # some 4,000 related objects
# Bodies this small need no reservation: all 32 threads together decode 2 MiB of them.
SMALL_BYTES: Final = 64 * 1024
# A decoded body takes up to 25 times as much memory.
BYTES_AT_ONCE: Final = MAX_BODY_BYTES * 3 // 2
SHARED_BYTES: Final = MAX_BODY_BYTES + 1024 * 1024
FEW_BYTES: Final = 1024 * 1024  # of a Namespace while the others have SHARED_BYTES
DECODER: Final = json.JSONDecoder()
SEPARATOR: Final = re.compile(r"\s*[{:,]?\s*")


def new_bulkhead() -> Bulkhead:
    """Return the limit on the bytes of all larger bodies at work."""
    return Bulkhead(BYTES_AT_ONCE, SHARED_BYTES, FEW_BYTES, "Too many bytes are at work")


@contextmanager
def received(bulkhead: Bulkhead, key: str) -> Iterator[JSON]:
    """Decode the request's body; within, a larger body has its bytes of *bulkhead*.

    The hook is called for the object *key* of the body. Raises `BadRequest` or `HTTPException` for
    a body that is not taken, `Busy` if there is no room.
    """
    size = _announced_size()
    begin = request.stream.read(min(size, SMALL_BYTES))
    if size <= SMALL_BYTES:
        yield _decode(begin)
        return
    with bulkhead.reserve(_namespace(begin, key), size):
        yield _decode(begin + request.stream.read())


def _announced_size() -> int:
    """Return the Content-Length. Raises `HTTPException`: there is none, or it is too much."""
    if request.content_length is None and request.headers.get("Transfer-Encoding"):
        raise LengthRequired
    size = request.content_length or 0
    if size > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    return size


def _namespace(begin: bytes, key: str) -> str:
    """Return the Namespace of the object *key* of a body; "" if *begin* does not contain it.

    Metacontroller sends the controller, then this object, then the children and related objects.
    metacontroller@v4.17.2:pkg/controller/composite/api/v1/hooks.go:31
    """
    text, at, name, value = begin.decode("utf-8", "replace"), 0, None, None
    try:
        while name != key:
            name, at = _next(text, at)
            value, at = _next(text, at)
    except (ValueError, RecursionError):
        return ""
    meta = value.get("metadata") if isinstance(value, dict) else None
    namespace = meta.get("namespace") if isinstance(meta, dict) else None
    return namespace if isinstance(namespace, str) else ""


def _next(text: str, at: int) -> tuple[Any, int]:
    """Return the JSON value at *at*, and where it ends. Raises `ValueError`: it is not whole."""
    separator = SEPARATOR.match(text, at)
    return DECODER.raw_decode(text, separator.end() if separator else at)


def _decode(data: bytes) -> JSON:
    try:
        body = json.loads(data)
    except ValueError as error:
        example = '{"parent": {...}, "children": {}, "related": {}}'
        raise BadRequest(f"body: not JSON; e.g. {example}") from error
    return check(body, dict, "body")
