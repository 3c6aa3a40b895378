"""Reads and decodes the body of a request, within limits on memory."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from flask import request
from werkzeug.exceptions import LengthRequired, RequestEntityTooLarge

from hooks.budget import TURN_SECONDS
from hooks.core.errors import BadRequest, Busy
from hooks.core.fields import JSON, check
from hooks.limits import FairShare

MAX_BODY_BYTES: Final = 8 * 1024 * 1024  # about 4,000 related objects
# Small bodies need no reservation: with 32 threads, all small bodies have at most 2 MiB.
SMALL_BYTES: Final = 64 * 1024
# Of all larger bodies together. A decoded body, for example a list of empty objects, needs up to 32
# times its size in memory: 384 MiB of the limit in metacontroller/deployment.yaml.
BYTES_AT_ONCE: Final = MAX_BODY_BYTES * 3 // 2
DISCARD_BYTES: Final = 64 * 1024
DECODER: Final = json.JSONDecoder()
SEPARATOR: Final = re.compile(r"\s*[{:,]?\s*")
UNKNOWN: Final = "?"  # no name of a Namespace


def new_share() -> FairShare:
    """Return the limit on the bytes of all large bodies being processed."""
    return FairShare(BYTES_AT_ONCE, MAX_BODY_BYTES, TURN_SECONDS, "Large calls use too many bytes")


def is_large() -> bool:
    """True if the body of the request needs a reservation."""
    return (request.content_length or 0) > SMALL_BYTES


@contextmanager
def received(share: FairShare, key: str) -> Iterator[JSON]:
    """Yield the decoded body of the request. A large body reserves its bytes in *share*.

    *key* is the key of the parent object in the body, "parent" or "object". The bytes count for the
    Namespace of the parent.

    Raises:
        BadRequest: The body is incomplete, or not a JSON object.
        HTTPException: The body is too large or has no length.
        Busy: *share* has no room.
    """
    size = _announced_size()
    begin = request.stream.read(min(size, SMALL_BYTES))
    if not is_large():
        yield _decode(_text(begin, size))
        return
    try:
        with share.reserve(_namespace(begin, key), size):
            yield _decode(_text(begin, size))
    except Busy:
        _discard()
        raise


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
    """Return the Namespace of the parent object *key*; "" for a parent without a Namespace.

    `UNKNOWN` if *begin* does not contain the parent. Users can enlarge the objects of a Namespace,
    and these calls must not use the bytes of ClusterACRPullBindings.

    Metacontroller sends the controller, then the parent, then the children and related objects.
    metacontroller@v4.17.2:pkg/controller/composite/api/v1/hooks.go:31
    """
    text, at, name, value = begin.decode("utf-8", "replace"), 0, None, None
    try:
        while name != key:
            name, at = _next(text, at)
            value, at = _next(text, at)
    except (ValueError, RecursionError):
        return UNKNOWN
    meta = value.get("metadata") if isinstance(value, dict) else None
    namespace = meta.get("namespace") if isinstance(meta, dict) else None
    return namespace if isinstance(namespace, str) else ""


def _next(text: str, at: int) -> tuple[Any, int]:
    """Return the JSON value at *at*, and its end. Raises `ValueError` for an incomplete value."""
    separator = SEPARATOR.match(text, at)
    return DECODER.raw_decode(text, separator.end() if separator else at)


def _text(begin: bytes, size: int) -> str:
    """Return *begin* and the rest of the body. The bytes are free before `_decode` needs memory.

    Raises:
        BadRequest: The body has fewer bytes than *size*, or is not UTF-8.
    """
    data = begin + request.stream.read()
    if len(data) < size:
        sent = f"{len(data)} of {size} bytes arrived"
        raise BadRequest(f"body: incomplete, {sent}. Send as many bytes as Content-Length says.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadRequest("body: not UTF-8. Send JSON in UTF-8.") from error


def _discard() -> None:
    """Read the rest of the body of a rejected request.

    The caller then reads the response, and uses the connection again. Unread bytes would reset the
    connection.
    """
    while request.stream.read(DISCARD_BYTES):
        pass


def _decode(text: str) -> JSON:
    try:
        body = json.loads(text)
    except ValueError as error:
        example = '{"parent": {...}, "children": {}, "related": {}}'
        raise BadRequest(f"body: not JSON; e.g. {example}") from error
    return check(body, dict, "body")
