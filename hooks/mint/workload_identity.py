"""Entra tokens of identities that trust a ServiceAccount, in exchange for its token.

All credentials share one transport; one for each would keep sockets open.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import ClientAssertionCredential

from hooks.core.exchange.entra import entra_failure, explain_refusal, parse_assertion
from hooks.core.model.identity import FederatedIdentity
from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed, TokenRequest
from hooks.mint.connection import certificate_problem, proxy_problem
from hooks.mint.credentials import entra_scope, is_token
from hooks.mint.entra_transport import ENTRA_SECONDS, Call, Transport
from hooks.mint.token_request import SECONDS as ASSERTION_SECONDS
from hooks.mint.token_request import ServiceAccountTokens
from hooks.settings.federation_settings import FederationSettings

# What azure-identity raises for a response that it can't read and, an OSError, for a CA file that
# does not exist.
UNREADABLE: Final = (
    *(AzureError, ValueError, LookupError, TypeError, AttributeError),
    *(RecursionError, OverflowError, OSError),
)
LATE: Final = entra_failure(Reason.TIMEOUT, "Entra did not respond in time. Retrying.")


class _NoAssertion(AzureError):
    """There is no assertion for Entra; *outcome* says why."""

    def __init__(self, outcome: MintFailed) -> None:
        super().__init__("no assertion")
        self.outcome = outcome


@dataclass
class Federation:
    """Gets Entra tokens with ServiceAccount assertions; safe for threads."""

    settings: FederationSettings
    seconds: float = field(default=ASSERTION_SECONDS + ENTRA_SECONDS, init=False)
    late: MintFailed = field(default=LATE, init=False)

    def __post_init__(self) -> None:
        """Prepare to send requests; none is sent yet."""
        self._call = Call()
        self._transport = Transport(self.settings.authority_ca_file, self._call)
        self._tokens = ServiceAccountTokens(self.settings)

    def credential(self, identity: FederatedIdentity) -> ClientAssertionCredential:
        """Return a credential that does not retry: Metacontroller does, with a growing wait."""
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
        """Return Entra's token, or why there is none. There is no turn to wait for."""
        del latest
        self._call.begin()
        try:
            token = credential.get_token(entra_scope(request.audience)).token
            if is_token(token):
                return token
        except _NoAssertion as error:
            return error.outcome
        except UNREADABLE as error:
            return LATE if self._call.late else self._sort(request, error)
        return self._sort(request, ValueError("no token"))

    def _assert(self, identity: FederatedIdentity) -> Callable[[], str]:
        """Return a function that gets an assertion for *identity* at each call."""

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
        """Return the token that the workload identity webhook mounts; the kubelet renews it."""
        path = self.settings.token_file
        try:
            return path.read_text("utf-8").strip() if path else ""
        except (OSError, ValueError):
            return ""

    def _no_assertion(self, identity: FederatedIdentity) -> MintFailed:
        """Return why there is no assertion, though there should be."""
        if identity.account is None:
            path = self.settings.token_file
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

    def _sort(self, request: TokenRequest, error: Exception) -> MintFailed:
        """Return what a failure means; *error*'s text, which has addresses, is not shown."""
        refusal, identity = self._call.refusal, request.identity
        assertion = self._call.assertion
        if refusal and assertion and isinstance(identity, FederatedIdentity):
            return explain_refusal(identity, request.audience, assertion, refusal)
        return _unreachable(error)


def _unreachable(error: Exception) -> MintFailed:
    if isinstance(error, OSError):
        text = "The CA file does not exist. Check AZURE_AUTHORITY_CA_FILE and REQUESTS_CA_BUNDLE."
        return entra_failure(Reason.ENTRA_UNAVAILABLE, text)
    wrong = certificate_problem(error)
    if wrong is not None:
        text = (
            f"Entra's TLS certificate {wrong}. If a proxy or a private CA is in use, set "
            "AZURE_AUTHORITY_CA_FILE to its CA. Otherwise check AZURE_AUTHORITY_HOST."
        )
        return entra_failure(Reason.ENTRA_UNAVAILABLE, text)
    proxy = proxy_problem(error, "Entra")
    if proxy is not None:
        return entra_failure(Reason.ENTRA_UNAVAILABLE, proxy)
    shown = repr(error)
    if "Timeout" in type(error).__name__ or "Timeout" in shown:
        return LATE
    if "NameResolutionError" in shown:
        text = "Entra's name can't be resolved. Check AZURE_AUTHORITY_HOST and cluster DNS."
        return entra_failure(Reason.ENTRA_UNAVAILABLE, text)
    text = "Can't connect to Entra. Retrying. Check firewalls, proxies and AZURE_AUTHORITY_HOST."
    return entra_failure(Reason.ENTRA_UNAVAILABLE, text)
