"""Gets a registry token in two steps: an Entra token of the identity, then the registry's token."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from hooks.core.model.identity import FederatedIdentity, Identity
from hooks.core.model.token import MintFailed, Outcome, TokenRequest
from hooks.limits import SlowPeerLimit
from hooks.mint.budget import (
    IDENTITY_SLOW_AFTER_SECONDS,
    MINT_SECONDS,
    REGISTRY_SLOW_AFTER_SECONDS,
)
from hooks.mint.credentials import EntraTokens, TokenProvider
from hooks.mint.managed_identity import ManagedIdentities
from hooks.mint.registry import Registry
from hooks.mint.workload_identity import WorkloadIdentities
from hooks.settings.federation_settings import FederationSettings

# All workload identities are one peer, because they share the API server and Entra.
WORKLOAD_IDENTITY_PEER: Final = "workload identity"


def new_entra_tokens(settings: FederationSettings, clock: Callable[[], datetime]) -> EntraTokens:
    """Return Entra tokens of the identities that *settings* allow; *clock* is in UTC."""
    providers: dict[type, TokenProvider] = {}
    if settings.workload_identity or settings.own_token:
        providers[FederatedIdentity] = WorkloadIdentities(settings)
    if not settings.own_token:
        providers[Identity] = ManagedIdentities()
    return EntraTokens(providers, clock)


class TokenChain:
    """Requests an Entra token, then a registry token; safe for threads.

    Each step has its own `SlowPeerLimit`, so bindings with one identity do not wait for each
    other's registries. A step keeps its place until its request ends, even if the hook has given
    up, because `getaddrinfo` has no deadline.
    """

    def __init__(self, entra_tokens: EntraTokens, registry: Registry) -> None:
        self._entra_tokens = entra_tokens
        self._registry = registry
        self._identities = SlowPeerLimit(IDENTITY_SLOW_AFTER_SECONDS)
        self._registries = SlowPeerLimit(REGISTRY_SLOW_AFTER_SECONDS)

    def __call__(self, request: TokenRequest) -> Outcome:
        """Return a token for *request*, or why there is none.

        Raises:
            Busy: Too many requests wait for the same identity or registry.
        """
        deadline = time.monotonic() + MINT_SECONDS
        identity = request.identity
        peer = str(identity) if isinstance(identity, Identity) else WORKLOAD_IDENTITY_PEER
        with self._identities.place(peer):
            token = self._entra_tokens.get(request, deadline)
        if isinstance(token, MintFailed):
            return token
        with self._registries.place(request.server):
            return self._registry.mint(request, token, deadline)
