"""A request's body: how much of it is taken, and what it decodes to."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flask import request
from werkzeug.exceptions import LengthRequired, RequestEntityTooLarge

from hooks.core.errors import BadRequest
from hooks.core.fields import JSON, check
from hooks.turnstile import Budget

MAX_BODY_BYTES: Final = 8 * 1024 * 1024  # some 4,000 related objects
# Decoded, the worst of them takes 25 times as much.
BYTES_AT_ONCE: Final = MAX_BODY_BYTES * 3 // 2
# What a caller has to send before room for the rest is kept.
EARNEST_BYTES: Final = 64 * 1024


@contextmanager
def received(budget: Budget) -> Iterator[JSON]:
    """Decode the request's body; within, its bytes are taken off *budget*.

    Raises `BadRequest` or `HTTPException` for what is not taken, `Busy` when there is no room.
    """
    size = _announced_size()
    begin = request.stream.read(min(size, EARNEST_BYTES))
    with budget.reserve(size):
        yield _decode(begin + request.stream.read())


def _announced_size() -> int:
    """Return the Content-Length. Raises `HTTPException`: there is none, or it is too much."""
    if request.content_length is None and request.headers.get("Transfer-Encoding"):
        raise LengthRequired
    size = request.content_length or 0
    if size > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    return size


def _decode(data: bytes) -> JSON:
    try:
        body = json.loads(data)
    except ValueError as error:
        example = '{"parent": {...}, "children": {}, "related": {}}'
        raise BadRequest(f"body: not JSON; e.g. {example}") from error
    return check(body, dict, "body")
