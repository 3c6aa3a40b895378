"""What is kept of a request: enough to assert on, and no token.

Knows the names of secret fields; nothing of endpoints.
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
    """One request and what became of it.

    Attributes:
        endpoint: Which part of Azure it reached.
        method: Of HTTP.
        path: Without the query.
        query: Each field's values, joined by a space.
        form: Likewise; tokens and passwords as `sha256:` and 12 digits.
        authorization: The scheme, and the digest of what follows it; empty if none was sent.
        host: `host:port` as the client named it.
        identity: The ID selected at IMDS; the client ID sent to Entra; at the exchange the one its
            token names; at the API server the ServiceAccount.
        status: Of the answer; 0 if the connection was reset.
        at: When it came in, an instant of `time.monotonic`.
        cookie: The header of that name; empty if none was sent.
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
    """Keep what is not secret."""
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
    """Tells one secret from another without showing it; that of an empty one is empty."""
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
