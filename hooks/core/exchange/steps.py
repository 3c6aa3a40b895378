"""The order of the requests for a registry token, without I/O.

1. An Entra token of the identity: from IMDS, or from Entra with a ServiceAccount token of the API
   server.
2. The exchange of the Entra token for a refresh token of the registry.
3. Only for a request with a scope: the exchange of the refresh token for an access token.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

from hooks.core.exchange import registry_protocol
from hooks.core.model.identity import Identity
from hooks.core.model.token import AcrToken, Hop, MintFailed, Outcome, PartialGrant, TokenRequest

StepOutcome = str | Outcome


@dataclass(frozen=True, slots=True)
class EntraStep:
    """Get an Entra token of the identity. azure-identity sends *before*, then *hop*."""

    hop: Hop
    before: tuple[Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class RegistryStep:
    """Send *post* to the registry."""

    hop: Hop
    post: registry_protocol.Post


Step = EntraStep | RegistryStep


def token_steps(request: TokenRequest) -> Generator[Step, str, None]:
    """Yield the steps to a token for *request*, in order.

    The caller sends the token of each step, and gets the next step. The last token is the result.
    """
    identity = request.identity
    if isinstance(identity, Identity):
        entra_token = yield EntraStep(Hop.IMDS)
    elif identity.account is None:  # the service's own ServiceAccount: its token is mounted
        entra_token = yield EntraStep(Hop.ENTRA)
    else:
        entra_token = yield EntraStep(Hop.ENTRA, before=(Hop.SERVICE_ACCOUNT_TOKEN,))
    refresh_token = yield RegistryStep(
        Hop.EXCHANGE, registry_protocol.exchange(request, entra_token)
    )
    if request.scope is not None:
        yield RegistryStep(Hop.TOKEN, registry_protocol.scope_down(request, refresh_token))


def last_hop(request: TokenRequest) -> Hop:
    """Return the hop of the last step for *request*."""
    return Hop.EXCHANGE if request.scope is None else Hop.TOKEN


def take_steps(
    request: TokenRequest, take: Callable[[Step], StepOutcome]
) -> Iterator[tuple[Step, StepOutcome]]:
    """Yield each step for *request* with its outcome from *take*, up to the first failure."""
    steps = token_steps(request)
    step: Step | None = next(steps)
    while step is not None:
        outcome = take(step)
        if isinstance(outcome, MintFailed):
            outcome = replace(outcome, hop=outcome.hop or step.hop)
        yield step, outcome
        if isinstance(outcome, PartialGrant | MintFailed):  # only the last step grants a part
            return
        step = _next(steps, outcome.value if isinstance(outcome, AcrToken) else outcome)


def _next(steps: Generator[Step, str, None], token: str) -> Step | None:
    try:
        return steps.send(token)
    except StopIteration:
        return None
