"""Reads and decodes the body of a request, within limits on memory."""

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

MAX_BODY_BYTES: Final = 8 * 1024 * 1024  # about 4,000 related objects
# Small bodies need no reservation: with 32 threads, all of them together have at most 2 MiB.
SMALL_BYTES: Final = 64 * 1024
# Of all larger bodies together. A decoded body needs up to 32 times its size in memory: a list of
# empty objects does.
BYTES_AT_ONCE: Final = MAX_BODY_BYTES * 3 // 2
SHARED_BYTES: Final = MAX_BODY_BYTES + 1024 * 1024
FEW_BYTES: Final = 1024 * 1024  # of a Namespace while all together have SHARED_BYTES
DECODER: Final = json.JSONDecoder()
SEPARATOR: Final = re.compile(r"\s*[{:,]?\s*")


def new_bulkhead() -> Bulkhead:
    """Return the limit on the bytes of all larger bodies being processed."""
    return Bulkhead(BYTES_AT_ONCE, SHARED_BYTES, FEW_BYTES, "Too many bytes are at work")


@contextmanager
def received(bulkhead: Bulkhead, key: str) -> Iterator[JSON]:
    """Yield the decoded body of the request; a larger body reserves its bytes in *bulkhead*.

    *key* is the key of the parent object in the body, "parent" or "object". The bytes count for the
    Namespace of the parent.

    Raises:
        BadRequest: The body is not a JSON object.
        HTTPException: The body is too large or has no length.
        Busy: *bulkhead* has no room.
    """
    size = _announced_size()
    begin = request.stream.read(min(size, SMALL_BYTES))
    if size <= SMALL_BYTES:
        yield _decode(begin)
        return
    with bulkhead.reserve(_namespace(begin, key), size):
        yield _decode(begin + request.stream.read())


def _announced_size() -> int:
    """Return the Content-Length.

    Raises:
        LengthRequired: The body is sent in chunks.
        RequestEntityTooLarge: The body is larger than `MAX_BODY_BYTES`.
    """
    if request.content_length is None and request.headers.get("Transfer-Encoding"):
        raise LengthRequired
    size = request.content_length or 0
    if size > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    return size


def _namespace(begin: bytes, key: str) -> str:
    """Return the Namespace of the parent object *key*; "" if *begin* does not contain the parent.

    Metacontroller sends the controller, then the parent, then the children and related objects.
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
    """Return the JSON value at *at*, and its end. Raises `ValueError` for an incomplete value."""
    separator = SEPARATOR.match(text, at)
    return DECODER.raw_decode(text, separator.end() if separator else at)


def _decode(data: bytes) -> JSON:
    try:
        body = json.loads(data)
    except ValueError as error:
        example = '{"parent": {...}, "children": {}, "related": {}}'
        raise BadRequest(f"body: not JSON; e.g. {example}") from error
    return check(body, dict, "body")
