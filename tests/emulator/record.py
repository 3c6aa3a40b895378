"""A record of a request for assertions, without tokens.

Knows the names of secret fields, and nothing about endpoints.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import jwt

from tests.emulator.fault import Endpoint
from tests.emulator.identity import selectors
from tests.emulator.kubernetes import PATH
from tests.emulator.message import Fields, Request, first

_SECRET = frozenset({"access_token", "refresh_token", "password", "client_assertion"})


@dataclass(frozen=True)
class RequestRecord:
    """A request and the status of its response.

    Attributes:
        endpoint: The endpoint of the request.
        method: The HTTP method.
        path: The path without the query.
        query: Each field's values, joined by a space.
        form: Each field's values, joined by a space; tokens and passwords are `sha256:` and 12
            digits.
        authorization: The scheme and the digest of the credentials; empty without the header.
        host: `host:port` of the Host header.
        identity: At IMDS the selected ID, at Entra the client ID, at the exchange the identity of
            the token, at the API server the ServiceAccount.
        status: The HTTP status of the response; 0 if the connection was reset.
        at: The arrival of the request, an instant of `time.monotonic`.
        cookie: The header Cookie; empty without the header.
    """

    endpoint: Endpoint
    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    authorization: str
    host: str
    identity: str
    status: int
    at: float
    cookie: str


def new_record(endpoint: Endpoint, request: Request, status: int, at: float) -> RequestRecord:
    """Return the record of a request, without secrets."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    return RequestRecord(
        endpoint=endpoint,
        method=request.method,
        path=request.path,
        query=_redacted(request.query),
        form=_redacted(request.form),
        authorization=f"{scheme} {short_digest(credential)}" if credential else scheme,
        host=request.host,
        identity=_identity(endpoint, request),
        status=status,
        at=at,
        cookie=request.headers.get("cookie", ""),
    )


def short_digest(secret: str) -> str:
    """Return a digest to compare secrets without showing them; "" for an empty secret."""
    return "sha256:" + hashlib.sha256(secret.encode()).hexdigest()[:12] if secret else ""


def _redacted(fields: Fields) -> dict[str, str]:
    joined = {name: " ".join(values) for name, values in fields.items()}
    return {n: short_digest(v) if n in _SECRET else v for n, v in joined.items()}


def _identity(endpoint: Endpoint, request: Request) -> str:
    if endpoint == "imds":
        return next((value for _, value in selectors(request.query)), "")
    if endpoint == "entra":
        return first(request.form, "client_id")
    if endpoint == "kubernetes":
        found = PATH.fullmatch(request.path)
        return "/".join(found.groups()) if found else ""
    if endpoint != "exchange":
        return ""
    try:
        claims: dict[str, Any] = jwt.decode(
            first(request.form, "access_token"), options={"verify_signature": False}
        )
    except jwt.InvalidTokenError:
        return ""
    return str(claims.get("appid", ""))
