"""An HTTP request after reading, and an HTTP response before writing.

Knows nothing about sockets, Azure or faults.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

JSON_UTF8 = "application/json; charset=utf-8"

Fields = Mapping[str, list[str]]


@dataclass(frozen=True)
class Request:
    """A complete request. Header names are in lower case; `form` is empty for other content.

    *target* is the unparsed path and query of the request line.
    """

    method: str
    target: str
    path: str
    query: Fields
    form: Fields
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def host(self) -> str:
        """The Host header: the server and port, e.g. `127.0.0.1:8443`."""
        return self.headers.get("host", "").lower()

    def basic(self) -> tuple[str, str] | None:
        """User and password of Basic authorization; `None` if absent or malformed."""
        try:
            user, colon, password = (
                base64.b64decode(self._credential("Basic")).decode().partition(":")
            )
        except (binascii.Error, UnicodeDecodeError):
            return None
        return (user, password) if colon else None

    def bearer(self) -> str:
        """The token of Bearer authorization, or the empty string."""
        return self._credential("Bearer")

    def _credential(self, scheme: str) -> str:
        sent, _, credential = self.headers.get("authorization", "").partition(" ")
        return credential.strip() if sent.lower() == scheme.lower() else ""


@dataclass(frozen=True)
class Response:
    """A response, before the headers for length and connection are added."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def parse_request(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    """Return the request, with *target* and a form in *body* parsed; blank values are kept."""
    parts = urlsplit(target)
    is_form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    form = parse_qs(body.decode("latin-1"), keep_blank_values=True) if is_form else {}
    query = parse_qs(parts.query, keep_blank_values=True)
    return Request(method, target, parts.path, query, form, headers, body)


def first(fields: Fields, name: str) -> str:
    """Return the first value of the field *name*, "" without the field."""
    return fields.get(name, [""])[0]


def compact(value: Any) -> bytes:  # noqa: ANN401 - json.dumps itself takes anything
    """Return JSON as Azure writes JSON: without spaces, keys in the order of *value*."""
    return json.dumps(value, separators=(",", ":")).encode()
