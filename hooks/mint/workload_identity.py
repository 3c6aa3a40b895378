"""Gets Entra tokens of identities that trust a ServiceAccount, in exchange for its token.

All credentials share one transport, because each transport keeps sockets open.
"""

from collections.abc import Callable
from typing import Final

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import ClientAssertionCredential

from hooks.budget import WORKLOAD_IDENTITY_SECONDS
from hooks.core.exchange.entra import (
    entra_failure,
    entra_scope,
    explain_refusal,
    parse_assertion,
)
from hooks.core.model.identity import FederatedIdentity
from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed, TokenRequest
from hooks.mint.api_server import ServiceAccountTokens
from hooks.mint.connection import UNKNOWN_CA, certificate_problem, proxy_problem
from hooks.mint.credentials import is_token
from hooks.mint.entra_transport import EntraTransport, LastRequest
from hooks.settings.federation_settings import FederationSettings

# azure-identity raises OSError if the CA file does not exist, and any of the others if a response
# is unreadable.
UNREADABLE: Final = (
    *(AzureError, ValueError, LookupError, TypeError, AttributeError),
    *(RecursionError, OverflowError, OSError),
)
ENTRA_CA_REMEDY: Final = (
    "If a proxy or a private CA is in use, set AZURE_AUTHORITY_CA_FILE to its CA. Otherwise check "
    "AZURE_AUTHORITY_HOST."
)
ENTRA_NAME_REMEDY: Final = "Check AZURE_AUTHORITY_HOST, and whether a proxy is in between."
ENTRA_TIMED_OUT: Final = entra_failure(Reason.TIMEOUT, "Entra did not respond in time. Retrying.")


class _NoAssertion(AzureError):
    """There is no assertion for Entra; *outcome* is the reason."""

    def __init__(self, outcome: MintFailed) -> None:
        super().__init__("no assertion")
        self.outcome = outcome


class WorkloadIdentities:
    """Gets Entra tokens with ServiceAccount assertions; safe for threads."""

    max_seconds = WORKLOAD_IDENTITY_SECONDS
    timed_out = ENTRA_TIMED_OUT

    def __init__(self, settings: FederationSettings) -> None:
        self._settings = settings
        self._last_request = LastRequest()
        self._transport = EntraTransport(settings.authority_ca_file, self._last_request)
        self._service_account_tokens = ServiceAccountTokens(settings)

    def new_credential(self, identity: FederatedIdentity) -> ClientAssertionCredential:
        """Return a credential without retries: Metacontroller retries, with a growing wait."""
        return ClientAssertionCredential(
            identity.tenant_id,
            identity.client_id,
            self._assertion_getter(identity),
            authority=self._settings.authority,
            transport=self._transport,
            retry_total=0,
        )

    def entra_token(
        self, credential: TokenCredential, request: TokenRequest, start_by: float
    ) -> str | MintFailed:
        """Return a token from Entra, or why there is none. Starts at once."""
        del start_by
        self._last_request.clear()
        try:
            token = credential.get_token(entra_scope(request.audience)).token
            if is_token(token):
                return token
        except _NoAssertion as error:
            return error.outcome
        except UNREADABLE as error:
            return (
                ENTRA_TIMED_OUT if self._last_request.timed_out else self._failure(request, error)
            )
        return self._failure(request, ValueError("no token"))

    def _assertion_getter(self, identity: FederatedIdentity) -> Callable[[], str]:
        """Return a function to get an assertion for *identity*, called for each token."""

        def get() -> str:
            account = identity.account
            token = self._service_account_tokens(account) if account else self._own_token()
            if isinstance(token, MintFailed):
                raise _NoAssertion(token)
            self._last_request.assertion = parse_assertion(token, self._settings.audience)
            if self._last_request.assertion is None:
                raise _NoAssertion(self._no_assertion(identity))
            return token

        return get

    def _own_token(self) -> str:
        """Return the token mounted by the workload identity webhook and renewed by the kubelet."""
        path = self._settings.token_file
        try:
            return path.read_text("utf-8").strip() if path else ""
        except (OSError, ValueError):
            return ""

    def _no_assertion(self, identity: FederatedIdentity) -> MintFailed:
        """Return why *identity* has no assertion: its token is missing or unreadable."""
        if identity.account is None:
            path = self._settings.token_file
            text = (
                f"There is no token in {path} (AZURE_FEDERATED_TOKEN_FILE). Check that the "
                "workload identity webhook mounts it into acrpull's Pods."
            )
            return entra_failure(Reason.IDENTITY_UNAVAILABLE, text)
        text = (
            f'The API server\'s token of ServiceAccount "{identity.account}" names no issuer. '
            "Check the API server's --service-account-issuer."
        )
        return entra_failure(Reason.API_SERVER_UNAVAILABLE, text)

    def _failure(self, request: TokenRequest, error: Exception) -> MintFailed:
        """Return the meaning of *error*. Its text contains addresses and is not shown."""
        refusal, identity = self._last_request.refusal, request.identity
        assertion = self._last_request.assertion
        if refusal and assertion and isinstance(identity, FederatedIdentity):
            return explain_refusal(identity, request.audience, assertion, refusal)
        return _unreachable(error)


def _unreachable(error: Exception) -> MintFailed:
    if isinstance(error, OSError):
        text = "The CA file does not exist. Check AZURE_AUTHORITY_CA_FILE and REQUESTS_CA_BUNDLE."
        return entra_failure(Reason.ENTRA_UNAVAILABLE, text)
    wrong = certificate_problem(error)
    if wrong is not None:
        remedy = ENTRA_CA_REMEDY if wrong == UNKNOWN_CA else ENTRA_NAME_REMEDY
        return entra_failure(Reason.ENTRA_UNAVAILABLE, f"Entra's TLS certificate {wrong}. {remedy}")
    proxy = proxy_problem(error, "Entra")
    if proxy is not None:
        return entra_failure(Reason.ENTRA_UNAVAILABLE, proxy)
    shown = repr(error)
    if "Timeout" in type(error).__name__ or "Timeout" in shown:
        return ENTRA_TIMED_OUT
    if "NameResolutionError" in shown:
        text = "Entra's name can't be resolved. Check AZURE_AUTHORITY_HOST and cluster DNS."
        return entra_failure(Reason.ENTRA_UNAVAILABLE, text)
    text = "Can't connect to Entra. Retrying. Check firewalls, proxies and AZURE_AUTHORITY_HOST."
    return entra_failure(Reason.ENTRA_UNAVAILABLE, text)
