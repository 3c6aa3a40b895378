"""Entra tokens of identities that trust a ServiceAccount, in exchange for a token of that.

One transport for all, for each credential's own would keep sockets open.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import ClientAssertionCredential

from hooks.authority import ENTRA_SECONDS, Call, Transport
from hooks.core.entra import failed, parse_assertion, refused
from hooks.core.identity import FederatedIdentity
from hooks.core.reason import Reason
from hooks.core.token import MintFailed, TokenRequest
from hooks.entra import entra_scope, is_token
from hooks.federation_settings import FederationSettings
from hooks.service_account_token import SECONDS as ASSERTION_SECONDS
from hooks.service_account_token import ServiceAccountTokens

# What azure-identity raises: for an answer that it can't read, and, an OSError, for a CA file that
# is not there.
UNREADABLE: Final = (
    *(AzureError, ValueError, LookupError, TypeError, AttributeError),
    *(RecursionError, OverflowError, OSError),
)
LATE: Final = failed(Reason.TIMEOUT, "Entra is slow; it will be asked again")


class _NoAssertion(AzureError):
    """There is nothing to show to Entra; *outcome* says why."""

    def __init__(self, outcome: MintFailed) -> None:
        super().__init__("no assertion")
        self.outcome = outcome


@dataclass
class Federation:
    """The way by assertions; safe for threads."""

    settings: FederationSettings
    seconds: float = field(default=ASSERTION_SECONDS + ENTRA_SECONDS, init=False)
    late: MintFailed = field(default=LATE, init=False)

    def __post_init__(self) -> None:
        """Prepare to ask; nobody is asked yet."""
        self._call = Call()
        self._transport = Transport(self.settings.authority_ca_file, self._call)
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
        self._call.begin()
        try:
            token = credential.get_token(entra_scope(request.audience)).token
            if is_token(token):
                return token
        except _NoAssertion as error:
            return error.outcome
        except UNREADABLE as error:
            return LATE if self._call.late else self._sort(request, error)
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
    if isinstance(error, OSError):
        text = "the CA file is gone: that of AZURE_AUTHORITY_CA_FILE, else of REQUESTS_CA_BUNDLE"
        return failed(Reason.ENTRA_UNAVAILABLE, text)
    if "SSLCertVerificationError" in shown:
        text = "Entra's TLS certificate can't be verified; name its CA in AZURE_AUTHORITY_CA_FILE"
        return failed(Reason.ENTRA_UNAVAILABLE, text)
    if "Timeout" in type(error).__name__ or "Timeout" in shown:
        return LATE
    text = "can't connect to Entra; check firewalls, proxies and AZURE_AUTHORITY_HOST"
    return failed(Reason.ENTRA_UNAVAILABLE, text)
