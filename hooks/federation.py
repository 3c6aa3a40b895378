"""Entra tokens of identities that trust a ServiceAccount, in exchange for a token of that.

One transport for all, for each credential's own would keep sockets open.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientAssertionCredential

from hooks.core.acr import MAX_ANSWER_BYTES, retry_after
from hooks.core.entra import Assertion, Refusal, failed, parse_assertion, parse_code, refused
from hooks.core.model import FederatedIdentity, MintFailed, Reason, TokenRequest
from hooks.cutoff import CutoffAdapter, cutoff
from hooks.entra import entra_scope, is_token
from hooks.federation_settings import FederationSettings
from hooks.service_account_token import SECONDS as ASSERTION_SECONDS
from hooks.service_account_token import ServiceAccountTokens

CONNECT_TIMEOUT_SECONDS: Final = 1.5
ENTRA_SECONDS: Final = 3.0
LATE: Final = failed(Reason.TIMEOUT, "Entra is slow; it will be asked again")


class _NoAssertion(AzureError):
    """There is nothing to show to Entra; *outcome* says why."""

    def __init__(self, outcome: MintFailed) -> None:
        super().__init__("no assertion")
        self.outcome = outcome


@dataclass
class _Call(threading.local):
    """What this thread's call showed to Entra, and was answered: azure-identity does not tell."""

    assertion: Assertion | None = None
    refusal: Refusal | None = None


class Transport(RequestsTransport):  # type: ignore[misc]  # it has no types
    """Sends to Entra, and keeps no cookie. azure-core follows no redirect.

    Proxies are those of the environment, and so is the CA, unless the settings have one.
    """

    def __init__(self, ca_file: str | None, call: _Call) -> None:
        trust = {"connection_verify": ca_file} if ca_file else {}
        super().__init__(
            connection_timeout=CONNECT_TIMEOUT_SECONDS, read_timeout=ENTRA_SECONDS, **trust
        )
        self._call = call
        self.open()
        self.session.auth = _no_auth
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.session.mount("https://", CutoffAdapter(MAX_ANSWER_BYTES))

    def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401  as in the base class
        """Send *request*, and note a refusal."""
        with cutoff(ENTRA_SECONDS):
            response = super().send(request, **options)
        asked = retry_after(response.headers.get("Retry-After"))
        self._call.refusal = Refusal(response.status_code, parse_code(response.content), asked)
        return response


@dataclass
class Federation:
    """The way by assertions; safe for threads."""

    settings: FederationSettings
    seconds: float = field(default=ASSERTION_SECONDS + ENTRA_SECONDS, init=False)
    late: MintFailed = field(default=LATE, init=False)

    def __post_init__(self) -> None:
        """Prepare to ask; nobody is asked yet."""
        ca_file = self.settings.authority_ca_file
        self._call = _Call()
        self._transport = Transport(str(ca_file) if ca_file else None, self._call)
        self._tokens = ServiceAccountTokens(self.settings)

    def credential(self, identity: FederatedIdentity) -> ClientAssertionCredential:
        """Return a credential that asks once: Metacontroller asks again, with a growing wait."""
        return ClientAssertionCredential(
            identity.tenant_id,
            identity.client_id,
            self._assert(identity),
            authority=self.settings.authority,
            transport=self._transport,
            retry_total=0,
        )

    def ask(
        self, credential: TokenCredential, request: TokenRequest, latest: float
    ) -> str | MintFailed:
        """Return Entra's answer. There is no turn to wait for."""
        del latest
        started = time.monotonic()
        self._call.assertion = self._call.refusal = None
        try:
            token = credential.get_token(entra_scope(request.audience)).token
            if is_token(token):
                return token
        except _NoAssertion as error:
            return error.outcome
        except (AzureError, ValueError, LookupError, TypeError, AttributeError) as error:
            late = time.monotonic() - started >= ENTRA_SECONDS
            return LATE if late else self._sort(request, error)
        return failed(Reason.ENTRA_UNAVAILABLE, "Entra answered without a token")

    def _assert(self, identity: FederatedIdentity) -> Callable[[], str]:
        """Return what gets an assertion for *identity*, each time that one is needed."""

        def get() -> str:
            account = identity.account
            token = self._tokens(account) if account else self._own_token()
            if isinstance(token, MintFailed):
                raise _NoAssertion(token)
            self._call.assertion = parse_assertion(token, self.settings.audience)
            if self._call.assertion is None:
                raise _NoAssertion(self._no_assertion(identity))
            return token

        return get

    def _own_token(self) -> str:
        """Return what the workload identity webhook has mounted; the kubelet renews it."""
        path = self.settings.token_file
        try:
            return path.read_text("utf-8").strip() if path else ""
        except (OSError, ValueError):
            return ""

    def _no_assertion(self, identity: FederatedIdentity) -> MintFailed:
        """Say that what should be a ServiceAccount's token is none."""
        if identity.account is None:
            path = self.settings.token_file
            text = f"no token in {path} (AZURE_FEDERATED_TOKEN_FILE), which the webhook mounts"
            return failed(Reason.IDENTITY_UNAVAILABLE, text)
        text = f"the API server's token of ServiceAccount {identity.account} has no issuer"
        return failed(Reason.API_SERVER_UNAVAILABLE, text)

    def _sort(self, request: TokenRequest, error: Exception) -> MintFailed:
        """Sort a failure; *error*'s own text has addresses and ids, and is not shown."""
        refusal, identity = self._call.refusal, request.identity
        assertion = self._call.assertion
        if refusal and assertion and isinstance(identity, FederatedIdentity):
            return refused(identity, request.audience, assertion, refusal)
        return _unreachable(error)


def _unreachable(error: Exception) -> MintFailed:
    shown = repr(error)
    if "SSLCertVerificationError" in shown:
        text = "Entra's TLS certificate can't be verified; name its CA in AZURE_AUTHORITY_CA_FILE"
        return failed(Reason.ENTRA_UNAVAILABLE, text)
    if "Timeout" in type(error).__name__ or "Timeout" in shown:
        return LATE
    text = "can't connect to Entra; check firewalls, proxies and AZURE_AUTHORITY_HOST"
    return failed(Reason.ENTRA_UNAVAILABLE, text)


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave *request* alone; without this, requests adds a password from `.netrc`."""
    return request
