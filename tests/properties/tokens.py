"""Tokens that look like a registry's tokens, their source, and a search for leaks."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hooks.core.exchange.registry_protocol import parse_token
from hooks.core.model.identity import FederatedIdentity, Identity
from hooks.core.model.token import AcrToken, MintFailed, TokenRequest

MARK = "planted-signature"


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def new_jwt(claims: object) -> str:
    """Return an RS256 JWT with *claims*, any JSON value, and an invented signature."""
    header = _segment(json.dumps({"alg": "RS256", "typ": "JWT", "kid": "T:X"}).encode())
    payload = json.dumps(claims).encode()
    filler = _segment(hashlib.sha512(payload).digest() * 4)  # 256 bytes, as RS256's
    return f"{header}.{_segment(payload)}.{MARK}{filler[len(MARK) :]}"


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a JWT."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims


def _needles() -> tuple[str, ...]:
    """Return texts; each of these tokens contains at least one text, plain or in base64."""
    found = [MARK, "eyJ", "ZXlK"]  # "ZXlK" is the base64 of "eyJ", and "eyJ" the base64 of '{"'
    for shift in range(3):
        text = base64.b64encode(b"x" * shift + MARK.encode()).decode()
        found.append(text[4 if shift else 0 : 20])
    return tuple(found)


NEEDLES = _needles()


def shows_token(text: str) -> bool:
    """True if *text* contains a token, or a part of a token, plain or in base64."""
    return any(needle in text for needle in NEEDLES)


def granted(scope: str) -> dict[str, Any]:
    """Return the entry of the claim `access` for all of *scope*."""
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return {"type": kind, "name": name, "actions": actions.split(",")}


def subject_of(identity: Identity | FederatedIdentity) -> str:
    """Return *identity* as text, without the uid of a ServiceAccount: Entra trusts the name."""
    if isinstance(identity, FederatedIdentity) and identity.account is not None:
        identity = replace(identity, account=replace(identity.account, uid=""))
    return repr(identity)


class ScriptedMint:
    """Issues tokens with a fixed lifetime, or fails; the same call returns the same token.

    Attributes:
        life: The lifetime of later tokens.
        failure: The answer instead of a token, if any.
        times: The times of the calls.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.life = timedelta(hours=3)
        self.failure: MintFailed | None = None
        self.times: list[datetime] = []
        self._now = now

    def __call__(
        self, request: TokenRequest, newer_than: datetime | None, _namespace: str = ""
    ) -> AcrToken | MintFailed:
        """Return a token issued now; its id differs from the token issued *newer_than*."""
        now = self._now()
        self.times.append(now)
        if self.failure is not None:
            return self.failure
        issued = int(now.timestamp())
        assert newer_than is None or newer_than <= datetime.fromtimestamp(issued, UTC)
        claims: dict[str, Any] = {
            "jti": f"{request}{newer_than}",
            "sub": subject_of(request.identity),
            "iss": "Azure Container Registry",
            "aud": request.server,
            "grant_type": "refresh_token",
            "iat": issued,
            "nbf": issued,
            "exp": issued + int(self.life.total_seconds()),
        }
        if request.scope is not None:
            claims["access"] = [granted(scope) for scope in request.scope.split()]
        return parse_token(new_jwt(claims))
