"""Requests tokens hop by hop, from the machine or Pod of the doctor. Keeps no token."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from hooks.core.exchange.acr import check_token
from hooks.core.model.conditions import format_time
from hooks.core.model.identity import Identity
from hooks.core.model.token import AcrToken, Hop, MintFailed, TokenRequest
from hooks.doctor.hops import HopResult
from hooks.mint.chain import MINT_SECONDS, new_entra
from hooks.mint.registry import Registry
from hooks.settings.federation_settings import FederationSettings


class Live:
    """Requests tokens under the settings of a service. *clock* returns the time in UTC."""

    def __init__(
        self,
        settings: FederationSettings,
        refresh_before: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._entra, self._registry = new_entra(settings, clock), Registry()
        self._refresh_before = refresh_before
        self._clock = clock

    def mint(self, request: TokenRequest) -> Iterator[HopResult]:
        """Yield the result of each hop for *request*, up to the first failure."""
        deadline = time.monotonic() + MINT_SECONDS
        started = time.perf_counter()
        entra_token = self._entra.token(request, deadline)
        hop = Hop.IMDS if isinstance(request.identity, Identity) else Hop.ENTRA
        if isinstance(entra_token, MintFailed):
            yield self._result(entra_token.hop or hop, started, entra_token)
            return
        good = f"a token for {request.audience}"
        yield HopResult(hop, _milliseconds(started), good)
        started = time.perf_counter()
        token = self._registry.exchange(request, entra_token, deadline)
        last = request.scope is None
        yield self._result(Hop.EXCHANGE, started, self._checked(token, request) if last else token)
        if last or isinstance(token, MintFailed):
            return
        started = time.perf_counter()
        token = self._registry.scope_down(request, token, deadline)
        yield self._result(Hop.TOKEN, started, self._checked(token, request))

    def _checked(
        self, outcome: AcrToken | MintFailed, request: TokenRequest
    ) -> AcrToken | MintFailed:
        """Return *outcome*, or why the service would reject the token."""
        if isinstance(outcome, MintFailed):
            return outcome
        return check_token(outcome, request, self._refresh_before, self._clock()) or outcome

    def _result(self, hop: str, started: float, outcome: AcrToken | MintFailed) -> HopResult:
        took = _milliseconds(started)
        if isinstance(outcome, MintFailed):
            return HopResult(hop, took, outcome.message, outcome.reason)
        return HopResult(hop, took, f"a token until {format_time(outcome.expires_at)}")


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
