"""Gets Entra tokens of managed identities from the node's metadata service (IMDS).

All credentials share one transport, because each transport keeps two sockets open.
"""

from typing import Any, Final

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import ManagedIdentityCredential

from hooks.budget import IMDS_SECONDS
from hooks.core.exchange import imds_answer
from hooks.core.exchange.entra import entra_scope
from hooks.core.model.identity import Identity
from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed, TokenRequest
from hooks.mint.credentials import is_token
from hooks.mint.imds_transport import ImdsTransport

IMDS_TIMED_OUT: Final = imds_answer.imds_failure(
    Reason.TIMEOUT, "Other requests wait for the node's metadata service (IMDS). Retrying."
)
# MSAL returns a rejection again until its Retry-After ends. By then acrpull may have forgotten it.
IMDS_WAIT_NOT_OVER: Final = imds_answer.imds_failure(
    Reason.THROTTLED, f"{imds_answer.IMDS_NAME} asked for a longer wait. Retrying."
)


class ManagedIdentities:
    """Gets Entra tokens from IMDS; safe for threads."""

    max_seconds = IMDS_SECONDS
    timed_out = IMDS_TIMED_OUT

    def __init__(self) -> None:
        self._transport = ImdsTransport()

    def new_credential(self, identity: Identity) -> ManagedIdentityCredential:
        """Return a credential without retries: Metacontroller retries, with a growing wait.

        An unknown key in `identity_config` would be ignored, and select the node's own identity.
        azure-sdk-for-python@azure-identity_1.27.0:azure/identity/_credentials/managed_identity.py
        """
        chosen: dict[str, Any] = (
            {"client_id": identity.client_id}
            if identity.client_id
            else {"identity_config": {"resource_id": identity.resource_id}}
        )
        return ManagedIdentityCredential(
            **chosen,
            transport=self._transport,
            retry_total=0,
            # Without this, the variables of the workload identity webhook select another source.
            _exclude_workload_identity_credential=True,
        )

    def entra_token(
        self, credential: TokenCredential, request: TokenRequest, start_by: float
    ) -> str | MintFailed:
        """Return a token from IMDS, or why there is none.

        Raises:
            TimeoutError: The rate limiter had no turn by *start_by*.
        """
        self._transport.set_start_by(start_by)
        try:
            token = credential.get_token(entra_scope(request.audience)).token
            if is_token(token):
                return token
        except (AzureError, ValueError):  # ValueError: a response that msal can't read
            pass  # the response shows more than the error
        if not self._transport.sent:
            return IMDS_WAIT_NOT_OVER
        response = self._transport.response
        return imds_answer.explain_imds_response(request.identity, request.audience, response)
