"""Gets tokens: one exchange at a time for equal requests, with a shared and remembered outcome.

The memory only saves requests to Azure. A fresh process returns the same outcomes.
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
from hooks.budget import TOKEN_WAIT_SECONDS
from hooks.core.errors import Busy
from hooks.core.exchange.registry_protocol import check_token
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, MintFailed, Outcome, PartialGrant, TokenRequest
from hooks.core.refresh import recall_failure, refresh_at
from hooks.limits import Bulkhead

Exchange = Callable[[TokenRequest], Outcome]

WORKERS: Final = 32  # more than MAX_WAITING, so an exchange with a place has a thread at once
MAX_WAITING: Final = 24  # of the 32 threads for hooks; the others serve hooks that need no token
SHARED_WAITING: Final = 16  # of one Namespace; leaves 4 of Metacontroller's 20 workers to others
FEW_WAITING: Final = 2  # of a Namespace while all together have SHARED_WAITING
MAX_OUTCOMES: Final = 1000  # about 5 KiB each


@dataclass(frozen=True, slots=True)
class _Remembered:
    outcome: Outcome
    at: float  # in seconds of the monotonic clock

    def failure(self, instant: float) -> PartialGrant | MintFailed | None:
        """Return the failure with the rest of its wait; None if too old at *instant* or a token."""
        age = instant - self.at
        if isinstance(self.outcome, PartialGrant):
            return self.outcome if recall_failure(self.outcome.failure, age) else None
        return recall_failure(self.outcome, age) if isinstance(self.outcome, MintFailed) else None

    def token(
        self, newer_than: datetime | None, now: datetime, refresh_before: timedelta
    ) -> AcrToken | None:
        """Return the token if it was issued after *newer_than* and is not due at *now*."""
        if not isinstance(self.outcome, AcrToken):
            return None
        if refresh_at(self.outcome, refresh_before) <= now:
            return None
        newer = newer_than is None or self.outcome.issued_at > newer_than
        return self.outcome if newer else None


class Minter:
    """Gets tokens with *exchange*; safe for threads.

    *clock* returns the time in UTC, and decides if a token is due. *monotonic* returns seconds, and
    measures the age of a failure, because the time in UTC can be set.
    """

    def __init__(
        self,
        exchange: Exchange,
        clock: Callable[[], datetime],
        refresh_before: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._refresh_before = refresh_before
        self._monotonic = monotonic
        self._workers = ThreadPoolExecutor(WORKERS, "mint")
        self._waiting = Bulkhead(
            MAX_WAITING, SHARED_WAITING, FEW_WAITING, "Too many requests wait for Azure"
        )
        self._lock = threading.Lock()
        self._running: dict[TokenRequest, Future[Outcome]] = {}
        self._remembered: OrderedDict[TokenRequest, _Remembered] = OrderedDict()

    def __call__(
        self, request: TokenRequest, newer_than: datetime | None, namespace: str
    ) -> Outcome:
        """Return a token for *request*, issued after *newer_than*, or why there is none.

        Returns within `TOKEN_WAIT_SECONDS`. A later outcome is remembered for the next call.

        Raises:
            Busy: Too many requests wait, in *namespace*, for one peer, or in all.
        """
        return self._get(request, newer_than, namespace, patient=True)

    def without_waiting(
        self, request: TokenRequest, newer_than: datetime | None, namespace: str
    ) -> Outcome:
        """Return the known outcome for *request*. Otherwise request a token for the next call.

        Raises:
            Busy: The outcome is not known yet, or too many requests wait.
        """
        return self._get(request, newer_than, namespace, patient=False)

    def _get(
        self, request: TokenRequest, newer_than: datetime | None, namespace: str, *, patient: bool
    ) -> Outcome:
        with self._lock:
            known = self._recall(request, newer_than)
        if known is not None:
            return known
        with ExitStack() as place:
            place.enter_context(self._waiting.place(namespace))
            return self._wait(request, newer_than, place, patient=patient)

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
        self,
        request: TokenRequest,
        newer_than: datetime | None,
        place: ExitStack,
        *,
        patient: bool,
    ) -> Outcome:
        """Wait for the running exchange of *request*, or for a new exchange in *place*."""
        with self._lock:
            known = self._recall(request, newer_than)  # an exchange may have ended meanwhile
            if known is not None:
                return known
            running = self._running.get(request)
            if running is None:
                running = self._workers.submit(self._run, request, place.pop_all())
                self._running[request] = running
        if not patient:
            raise Busy(
                "A large call does not wait for Azure. The token was requested for the next call."
            )
        try:
            return running.result(TOKEN_WAIT_SECONDS)
        except FutureTimeoutError:
            text = f'No token from registry "{request.server}" in {TOKEN_WAIT_SECONDS} s. Retrying.'
            return MintFailed(Reason.TIMEOUT, text)

    def _run(self, request: TokenRequest, place: ExitStack) -> Outcome:
        """Return the outcome of the exchange.

        The exchange keeps its place until it ends, even if the caller has given up. Otherwise
        `getaddrinfo`, which has no deadline, could hold all workers.
        """
        try:
            with place, metrics.IN_FLIGHT.track_inprogress():
                outcome = self._exchange(request)
            if not isinstance(outcome, MintFailed):
                token = outcome.token if isinstance(outcome, PartialGrant) else outcome
                now = self._clock()
                outcome = check_token(token, request, self._refresh_before, now) or outcome
            metrics.observe_mint(request, outcome)
            self._remember(request, outcome)
            return outcome
        finally:
            with self._lock:
                del self._running[request]

    def _remember(self, request: TokenRequest, outcome: Outcome) -> None:
        with self._lock:
            self._remembered[request] = _Remembered(outcome, self._monotonic())
            self._remembered.move_to_end(request)
            if len(self._remembered) > MAX_OUTCOMES:
                self._remembered.popitem(last=False)
