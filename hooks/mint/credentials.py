"""Entra tokens of identities, by whichever way an identity of its kind is had.

An identity has one credential, because a credential caches its token. Knows neither IMDS nor
assertions.

A credential judges its cache by the machine's clock. A token that was cached while the clock was
ahead counts as valid for as long after its expiry, and registries reject the expired token. So
a credential is replaced once the clock was set.
microsoft-authentication-library-for-python@1.39.0:msal/managed_identity.py (expires_in)
"""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from azure.core.credentials import TokenCredential

from hooks.core.model.identity import FederatedIdentity, Identity
from hooks.core.model.token import MintFailed, TokenRequest
from hooks.core.refresh import negative_ttl_seconds, with_wait_left

TOKEN: Final = re.compile(r"[!-~]+")
MAX_CREDENTIALS: Final = 1000  # about 50 KiB each
MAX_STEP_SECONDS: Final = 60  # azure-identity renews a token 300 s before its expiry


class TokenProvider(Protocol):
    """How identities of one kind are had. *seconds* is what `ask` takes at most after *latest*."""

    seconds: float
    late: MintFailed

    def credential(self, identity: Any) -> TokenCredential:  # noqa: ANN401  of its kind
        """Return a credential of *identity*, which is kept and asked again and again."""

    def ask(
        self, credential: TokenCredential, request: TokenRequest, latest: float
    ) -> str | MintFailed:
        """Return a token of *request*'s identity for its audience, or why there is none.

        Begins by *latest*, an instant of `time.monotonic`. Raises `TimeoutError`: it could not.
        """


@dataclass(frozen=True, slots=True)
class _Failure:
    outcome: MintFailed
    at: float  # an instant of `time.monotonic`

    def answer(self) -> MintFailed | None:
        """Return the outcome as long as it answers for all."""
        age = time.monotonic() - self.at
        return (
            with_wait_left(self.outcome, age) if age < negative_ttl_seconds(self.outcome) else None
        )


@dataclass(frozen=True, slots=True)
class _Slot:
    """An identity's credential; the lock makes one request of several at once.

    *offset* is the difference between the clock and the monotonic clock when the credential was
    created. The difference changes only if the clock is set.
    """

    credential: TokenCredential
    offset: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    failures: dict[str, _Failure] = field(default_factory=dict)


class Entra:
    """Gets Entra tokens, each kind of identity by its own way; safe for threads.

    *clock* returns the time in UTC.
    """

    def __init__(self, ways: Mapping[type, TokenProvider], clock: Callable[[], datetime]) -> None:
        self._ways = ways
        self._clock = clock
        self._slots: OrderedDict[Identity | FederatedIdentity, _Slot] = OrderedDict()
        self._lock = threading.Lock()

    def token(self, request: TokenRequest, deadline: float) -> str | MintFailed:
        """Return an Entra token of *request*'s identity for its audience, or why there is none.

        Over by *deadline*, an instant of `time.monotonic`.
        """
        way = self._ways[type(request.identity)]
        slot = self._slot(way, request.identity)
        latest = deadline - way.seconds
        try:
            with _turn(slot.lock, latest):
                return _ask(way, slot, request, latest)
        except TimeoutError:
            return way.late

    def _slot(self, way: TokenProvider, identity: Identity | FederatedIdentity) -> _Slot:
        offset = self._clock().timestamp() - time.monotonic()
        with self._lock:
            slot = self._slots.pop(identity, None)
            if slot is None or abs(offset - slot.offset) > MAX_STEP_SECONDS:
                slot = _Slot(way.credential(identity), offset)
            self._slots[identity] = slot
            if len(self._slots) > MAX_CREDENTIALS:
                self._slots.popitem(last=False)
            return slot


def _ask(way: TokenProvider, slot: _Slot, request: TokenRequest, latest: float) -> str | MintFailed:
    """Return the answer; a failure for all bindings of the identity that ask soon after."""
    failure = slot.failures.get(request.audience)
    known = failure.answer() if failure is not None else None
    if known is not None:
        return known
    outcome = way.ask(slot.credential, request, latest)
    if isinstance(outcome, MintFailed):
        slot.failures[request.audience] = _Failure(outcome, time.monotonic())
    return outcome


def entra_scope(audience: str) -> str:
    """Return what a credential calls *audience*."""
    return f"{audience.removesuffix('/.default')}/.default"


def is_token(value: object) -> bool:
    """True if *value*, from a response of Entra, can be a token."""
    return isinstance(value, str) and TOKEN.fullmatch(value) is not None


@contextmanager
def _turn(lock: threading.Lock, latest: float) -> Iterator[None]:
    """Hold *lock*; raises `TimeoutError` where it is not to be had by *latest*."""
    if not lock.acquire(timeout=max(0.0, latest - time.monotonic())):
        raise TimeoutError
    try:
        yield
    finally:
        lock.release()
