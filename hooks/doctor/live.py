"""Requests tokens hop by hop, from the machine or Pod of the doctor. Keeps no token."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from hooks.core.exchange.registry_protocol import check_token
from hooks.core.exchange.steps import StepOutcome, last_hop
from hooks.core.model.token import (
    AcrToken,
    Hop,
    MintFailed,
    PartialGrant,
    TokenRequest,
    failure_of,
)
from hooks.core.rfc3339 import format_time
from hooks.doctor.hops import HopResult
from hooks.mint.chain import TokenChain, new_entra_tokens
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
        self._chain = TokenChain(new_entra_tokens(settings, clock), Registry())
        self._refresh_before = refresh_before
        self._clock = clock

    def mint(self, request: TokenRequest) -> Iterator[HopResult]:
        """Yield the result of each hop for *request*, up to the first failure."""
        started = time.perf_counter()
        for step, outcome in self._chain.run(request):
            took = round((time.perf_counter() - started) * 1000, 1)
            yield self._result(request, step.hop, took, outcome)
            started = time.perf_counter()

    def _result(
        self, request: TokenRequest, hop: Hop, milliseconds: float, outcome: StepOutcome
    ) -> HopResult:
        if isinstance(outcome, AcrToken) and hop is last_hop(request):
            # The service would reject some tokens.
            outcome = check_token(outcome, request, self._refresh_before, self._clock()) or outcome
        if isinstance(outcome, PartialGrant | MintFailed):
            failed = failure_of(outcome)
            return HopResult(failed.hop or hop, milliseconds, failed.message, failed.reason)
        good = f"a token for {request.audience}"
        if isinstance(outcome, AcrToken):
            good = f"a token until {format_time(outcome.expires_at)}"
        return HopResult(hop, milliseconds, good)
