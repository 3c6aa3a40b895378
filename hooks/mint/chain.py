"""Gets a registry token: takes the steps of `hooks.core.exchange.steps`, within the time budget."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Final, cast

from hooks.budget import (
    IDENTITY_SLOW_AFTER_SECONDS,
    MINT_SECONDS,
    REGISTRY_SLOW_AFTER_SECONDS,
)
from hooks.core.exchange.steps import EntraStep, Step, StepOutcome, take_steps
from hooks.core.model.identity import FederatedIdentity, Identity
from hooks.core.model.token import Hop, Outcome, TokenRequest
from hooks.limits import SlowPeerLimit
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

    Identities and registries have separate limits, so bindings with one identity do not wait for
    each other's registries. A request keeps its place until it ends, even if the hook has given up,
    because `getaddrinfo` has no deadline.
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
        *_, (_, outcome) = self.run(request)
        return cast("Outcome", outcome)  # the last step is the registry's

    def run(self, request: TokenRequest) -> Iterator[tuple[Step, StepOutcome]]:
        """Yield each step with its outcome, up to the first failure or the token for *request*.

        Raises:
            Busy: Too many requests wait for the same identity or registry.
        """
        deadline = time.monotonic() + MINT_SECONDS
        with ExitStack() as registry_place:

            def take(step: Step) -> StepOutcome:
                if isinstance(step, EntraStep):
                    with self._identities.place(_peer(request)):
                        return self._entra_tokens.get(request, deadline)
                if step.hop is Hop.EXCHANGE:  # the scope has the same place
                    registry_place.enter_context(self._registries.place(request.server))
                return self._registry.send(request, step.post, deadline)

            yield from take_steps(request, take)


def _peer(request: TokenRequest) -> str:
    identity = request.identity
    return str(identity) if isinstance(identity, Identity) else WORKLOAD_IDENTITY_PEER
