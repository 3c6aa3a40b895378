"""The way to a token: an identity's from Entra, and with that the registry's."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from hooks.core.model.identity import FederatedIdentity, Identity
from hooks.core.model.token import AcrToken, MintFailed, TokenRequest
from hooks.limits import SlowPeerLimit
from hooks.mint.credentials import Entra, TokenProvider
from hooks.mint.managed_identity import ManagedIdentities
from hooks.mint.registry import Registry
from hooks.mint.workload_identity import Federation
from hooks.settings.federation_settings import FederationSettings

MINT_SECONDS: Final = 7.0  # for all hops together
# In the line to IMDS the last of them waits for 1.6 s; an exchange takes a tenth of a second, and
# one with a ServiceAccount's token two.
IMDS_PATIENCE_SECONDS: Final = 2.0
REGISTRY_PATIENCE_SECONDS: Final = 1.0
FEDERATION: Final = "workload identity"  # all of them ask the same two: API server and Entra


def new_entra(settings: FederationSettings, clock: Callable[[], datetime]) -> Entra:
    """Return what gets the tokens of all identities that *settings* allow, by UTC's *clock*."""
    ways: dict[type, TokenProvider] = {}
    if settings.workload_identity or settings.own_token:
        ways[FederatedIdentity] = Federation(settings)
    if not settings.own_token:
        ways[Identity] = ManagedIdentities()
    return Entra(ways, clock)


class Source:
    """Goes both hops; safe for threads.

    Whoever is slow has few places, each on the hop to it alone: bindings that share an identity
    don't wait for one another's registries. A place is kept until the hop ends, also where nobody
    waits for it any more: `getaddrinfo` has no deadline.
    """

    def __init__(self, entra: Entra, registry: Registry) -> None:
        self._entra = entra
        self._registry = registry
        self._identities = SlowPeerLimit(IMDS_PATIENCE_SECONDS)
        self._registries = SlowPeerLimit(REGISTRY_PATIENCE_SECONDS)

    def __call__(self, request: TokenRequest) -> AcrToken | MintFailed:
        """Return a token for *request*, or why there is none. Raises `Busy`: too many ask."""
        deadline = time.monotonic() + MINT_SECONDS
        who = request.identity
        with self._identities.place(str(who) if isinstance(who, Identity) else FEDERATION):
            token = self._entra.token(request, deadline)
        if isinstance(token, MintFailed):
            return token
        with self._registries.place(request.server):
            return self._registry.mint(request, token, deadline)
