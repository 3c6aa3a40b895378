"""ACR's own tokens: a refresh token for an identity, an access token for scopes.

Claims and their order: the samples of Azure/acr@81b818e:docs/AAD-OAuth.md. `nbf` equals `iat`: ACR
does not back-date. ACR's `sub` for a managed identity is not known; the emulator uses the client
ID.
"""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from tests.emulator.imds import TENANT
from tests.emulator.scope import Scope
from tests.emulator.settings import Settings
from tests.emulator.signer import Signer, TokenRefused

ISSUER = "Azure Container Registry"
REFRESH = "refresh_token"
ACCESS = "access_token"


class AcrTokens:
    """Issues and opens ACR's tokens; a token is for a single login server."""

    def __init__(self, settings: Settings, signer: Signer) -> None:
        self._settings = settings
        self._signer = signer

    def new_refresh(self, client_id: str, server: str) -> str:
        """Return a refresh token for the identity *client_id* on *server*."""
        return self._signer.sign(
            {
                **self._common(client_id, server, self._settings.refresh_lifetime),
                "grant_type": REFRESH,
                "tenant": TENANT,
                "permissions": {"actions": ["read"], "notActions": []},
                "roles": [],
            }
        )

    def new_access(self, client_id: str, server: str, scopes: Iterable[Scope]) -> str:
        """Return an access token for *scopes* on *server*."""
        return self._signer.sign(
            {
                **self._common(client_id, server, self._settings.access_lifetime),
                "access": [scope.claim() for scope in scopes],
                "roles": [],
                "grant_type": ACCESS,
            }
        )

    def open(self, token: str, server: str, *grant_types: str) -> dict[str, Any]:
        """Return the claims of *token*, valid now, for *server* and of *grant_types*.

        Raises:
            TokenRefused: The token is not valid, or for another server or grant type.
        """
        claims = self._signer.verify(token, audiences=[server], now=self._settings.clock())
        if claims["grant_type"] not in grant_types:
            raise TokenRefused(f"token: a {claims['grant_type']}, expected {grant_types}")
        return claims

    def _common(self, client_id: str, server: str, lifetime: float) -> dict[str, Any]:
        issued = int(self._settings.clock().timestamp() - self._settings.token_age)
        return {
            "jti": str(uuid4()),
            "sub": client_id,
            "nbf": issued,
            "exp": int(issued + lifetime),
            "iat": issued,
            "iss": ISSUER,
            "aud": server,
            "version": "1.0",
        }
