"""Requests tokens hop by hop, from the machine or Pod of the doctor. Keeps no token."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from hooks.core.exchange.registry_protocol import check_token
from hooks.core.model.identity import Identity
from hooks.core.model.token import AcrToken, Hop, MintFailed, Outcome, TokenRequest, failure_of
from hooks.core.rfc3339 import format_time
from hooks.doctor.hops import HopResult
from hooks.mint.budget import MINT_SECONDS
from hooks.mint.chain import new_entra_tokens
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
        self._entra_tokens, self._registry = new_entra_tokens(settings, clock), Registry()
        self._refresh_before = refresh_before
        self._clock = clock

    def mint(self, request: TokenRequest) -> Iterator[HopResult]:
        """Yield the result of each hop for *request*, up to the first failure."""
        deadline = time.monotonic() + MINT_SECONDS
        started = time.perf_counter()
        entra_token = self._entra_tokens.get(request, deadline)
        hop = Hop.IMDS if isinstance(request.identity, Identity) else Hop.ENTRA
        if isinstance(entra_token, MintFailed):
            yield self._result(entra_token.hop or hop, started, entra_token)
            return
        good = f"a token for {request.audience}"
        yield HopResult(hop, _milliseconds(started), good)
        started = time.perf_counter()
        for hop, outcome in self._registry.hops(request, entra_token, deadline):
            last = hop is Hop.TOKEN or request.scope is None
            yield self._result(hop, started, self._checked(outcome, request) if last else outcome)
            started = time.perf_counter()

    def _checked(self, outcome: Outcome, request: TokenRequest) -> Outcome:
        """Return *outcome*, or why the service would reject the token."""
        if not isinstance(outcome, AcrToken):
            return outcome
        return check_token(outcome, request, self._refresh_before, self._clock()) or outcome

    def _result(self, hop: str, started: float, outcome: Outcome) -> HopResult:
        took = _milliseconds(started)
        if not isinstance(outcome, AcrToken):
            failed = failure_of(outcome)
            return HopResult(hop, took, failed.message, failed.reason)
        return HopResult(hop, took, f"a token until {format_time(outcome.expires_at)}")


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
