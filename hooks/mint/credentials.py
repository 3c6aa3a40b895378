"""Gets Entra tokens: keeps a credential of each identity, and calls the provider of its kind.

An identity has one credential, because a credential caches its token. The providers are
`ManagedIdentities` and `WorkloadIdentities`.

A credential judges its cache by the machine's clock. If the clock was an hour ahead when a token
was cached, the credential returns the token for an hour after its expiry, and registries reject it.
A credential is therefore replaced after the clock was set.
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
from hooks.core.refresh import recall_failure

TOKEN_CHARACTERS: Final = re.compile(r"[!-~]+")
MAX_CREDENTIALS: Final = 1000  # about 50 KiB each
MAX_STEP_SECONDS: Final = 60  # azure-identity renews a token 300 s before its expiry


class TokenProvider(Protocol):
    """Gets Entra tokens of identities of one kind.

    *max_seconds* is the longest time that `entra_token` takes after *start_by*. *timed_out* is
    returned if the request could not start by *start_by*.
    """

    max_seconds: float
    timed_out: MintFailed

    def new_credential(self, identity: Any) -> TokenCredential:  # noqa: ANN401  of its kind
        """Return a credential of *identity*, to be kept for later requests."""

    def entra_token(
        self, credential: TokenCredential, request: TokenRequest, start_by: float
    ) -> str | MintFailed:
        """Return a token of *request*'s identity for its audience, or why there is none.

        Raises:
            TimeoutError: The request could not start by *start_by*, in `time.monotonic` seconds.
        """


@dataclass(frozen=True, slots=True)
class _Failure:
    outcome: MintFailed
    at: float  # in `time.monotonic` seconds

    def recall(self) -> MintFailed | None:
        """Return the failure with the rest of its wait; None if it is too old."""
        return recall_failure(self.outcome, time.monotonic() - self.at)


@dataclass(frozen=True, slots=True)
class _CachedCredential:
    """An identity's credential and recent failures by audience; *lock* allows one request.

    *offset* is the difference between the clock and the monotonic clock when the credential was
    created. The difference changes only if the clock is set.
    """

    credential: TokenCredential
    offset: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    failures: dict[str, _Failure] = field(default_factory=dict)


class EntraTokens:
    """Gets Entra tokens with the provider for each kind of identity; safe for threads.

    *clock* returns the time in UTC.
    """

    def __init__(
        self, providers: Mapping[type, TokenProvider], clock: Callable[[], datetime]
    ) -> None:
        self._providers = providers
        self._clock = clock
        self._cache: OrderedDict[Identity | FederatedIdentity, _CachedCredential] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, request: TokenRequest, deadline: float) -> str | MintFailed:
        """Return an Entra token of *request*'s identity for its audience, or why there is none.

        Returns by *deadline*, in `time.monotonic` seconds.
        """
        provider = self._providers[type(request.identity)]
        cached = self._cached(provider, request.identity)
        start_by = deadline - provider.max_seconds
        try:
            with _locked(cached.lock, start_by):
                return _token(provider, cached, request, start_by)
        except TimeoutError:
            return provider.timed_out

    def _cached(
        self, provider: TokenProvider, identity: Identity | FederatedIdentity
    ) -> _CachedCredential:
        offset = self._clock().timestamp() - time.monotonic()
        with self._lock:
            cached = self._cache.pop(identity, None)
            if cached is None or abs(offset - cached.offset) > MAX_STEP_SECONDS:
                cached = _CachedCredential(provider.new_credential(identity), offset)
            self._cache[identity] = cached
            if len(self._cache) > MAX_CREDENTIALS:
                self._cache.popitem(last=False)
            return cached


def _token(
    provider: TokenProvider, cached: _CachedCredential, request: TokenRequest, start_by: float
) -> str | MintFailed:
    """Return a token or a failure; a recent failure answers all bindings of the identity."""
    failure = cached.failures.get(request.audience)
    known = failure.recall() if failure is not None else None
    if known is not None:
        return known
    outcome = provider.entra_token(cached.credential, request, start_by)
    if isinstance(outcome, MintFailed):
        cached.failures[request.audience] = _Failure(outcome, time.monotonic())
    return outcome


def is_token(value: object) -> bool:
    """True if *value*, from a response of Entra, can be a token."""
    return isinstance(value, str) and TOKEN_CHARACTERS.fullmatch(value) is not None


@contextmanager
def _locked(lock: threading.Lock, start_by: float) -> Iterator[None]:
    """Hold *lock*. Raises `TimeoutError` if the lock is not free by *start_by*."""
    if not lock.acquire(timeout=max(0.0, start_by - time.monotonic())):
        raise TimeoutError
    try:
        yield
    finally:
        lock.release()
