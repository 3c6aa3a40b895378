"""Gets tokens: one exchange at a time for each request, its outcome shared and remembered.

What is remembered only saves calls: a fresh process answers the same.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hooks import metrics
from hooks.core.exchange.acr import check_token
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, MintFailed, TokenRequest
from hooks.core.refresh import negative_ttl_seconds, refresh_at, with_wait_left
from hooks.limits import Bulkhead

Outcome = AcrToken | MintFailed
Source = Callable[[TokenRequest], Outcome]

# Metacontroller gives up on a hook after 10 s by default.
# metacontroller@v4.17.2:pkg/hooks/webhook.go:301
DEADLINE_SECONDS: Final = 7.5
WORKERS: Final = 32
MAX_WAITING: Final = 24  # of the 32 threads that answer hooks; the rest is for what needs no token
SHARED_WAITING: Final = 16  # one Namespace leaves 4 of Metacontroller's 20 workers to the others
FEW_WAITING: Final = 2  # of a Namespace while the others have SHARED_WAITING
MAX_REMEMBERED: Final = 1000  # about 5 KiB each


@dataclass(frozen=True, slots=True)
class _Remembered:
    outcome: Outcome
    at: float  # an instant of the monotonic clock

    def failure(self, instant: float) -> MintFailed | None:
        """Return the failure if it still answers at *instant*, with the rest of Azure's wait."""
        if isinstance(self.outcome, AcrToken):
            return None
        age = instant - self.at
        return (
            with_wait_left(self.outcome, age) if age < negative_ttl_seconds(self.outcome) else None
        )

    def token(
        self, newer_than: datetime | None, now: datetime, refresh_before: timedelta
    ) -> AcrToken | None:
        """Return the token if it was issued after *newer_than* and is not due at *now*."""
        if isinstance(self.outcome, MintFailed) or refresh_at(self.outcome, refresh_before) <= now:
            return None
        newer = newer_than is None or self.outcome.issued_at > newer_than
        return self.outcome if newer else None


class Minter:
    """Mints from *source*; safe for threads.

    *clock* returns the time in UTC, and judges a token by its own times. *monotonic* returns
    seconds, and measures how long a failure is remembered: the time in UTC can be set.
    """

    def __init__(
        self,
        source: Source,
        clock: Callable[[], datetime],
        refresh_before: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._clock = clock
        self._refresh_before = refresh_before
        self._monotonic = monotonic
        self._workers = ThreadPoolExecutor(WORKERS, "mint")
        self._waiting = Bulkhead(
            MAX_WAITING, SHARED_WAITING, FEW_WAITING, "Too many requests wait for Azure"
        )
        self._lock = threading.Lock()
        self._flights: dict[TokenRequest, Future[Outcome]] = {}
        self._remembered: OrderedDict[TokenRequest, _Remembered] = OrderedDict()

    def __call__(
        self, request: TokenRequest, newer_than: datetime | None, namespace: str
    ) -> Outcome:
        """Return a token for *request*, issued after *newer_than*, or why there is none.

        Never takes longer than `DEADLINE_SECONDS`; what comes later is remembered for the next.
        Raises `Busy`: too many requests wait, of *namespace*, for the same, or in all.
        """
        with self._lock:
            known = self._recall(request, newer_than)
        if known is not None:
            return known
        with ExitStack() as place:
            place.enter_context(self._waiting.reserve(namespace))
            return self._wait(request, newer_than, place)

    def _recall(self, request: TokenRequest, newer_than: datetime | None) -> Outcome | None:
        known = self._remembered.get(request)
        if known is None:
            return None
        outcome = known.failure(self._monotonic()) or known.token(
            newer_than, self._clock(), self._refresh_before
        )
        if outcome is not None:
            metrics.CACHE_HITS.inc()
        return outcome

    def _wait(
        self, request: TokenRequest, newer_than: datetime | None, place: ExitStack
    ) -> Outcome:
        with self._lock:
            known = self._recall(request, newer_than)  # a flight may have landed meanwhile
            if known is not None:
                return known
            flight = self._flights.get(request)
            if flight is None:
                flight = self._workers.submit(self._fly, request, place.pop_all())
                self._flights[request] = flight
        try:
            return flight.result(DEADLINE_SECONDS)
        except FutureTimeoutError:
            text = f'No token from registry "{request.server}" in {DEADLINE_SECONDS} s. Retrying.'
            return MintFailed(Reason.TIMEOUT, text)

    def _fly(self, request: TokenRequest, place: ExitStack) -> Outcome:
        """Return the outcome of the source.

        The place is held until then, even if the caller has given up: `getaddrinfo` has no
        deadline, and would take one worker after another.
        """
        try:
            with place, metrics.IN_FLIGHT.track_inprogress():
                outcome = self._source(request)
            token = outcome if isinstance(outcome, AcrToken) else outcome.token
            if token is not None:
                now = self._clock()
                outcome = check_token(token, request, self._refresh_before, now) or outcome
            metrics.observe_mint(request, outcome)
            self._remember(request, outcome)
            return outcome
        finally:
            with self._lock:
                del self._flights[request]

    def _remember(self, request: TokenRequest, outcome: Outcome) -> None:
        with self._lock:
            self._remembered[request] = _Remembered(outcome, self._monotonic())
            self._remembered.move_to_end(request)
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
