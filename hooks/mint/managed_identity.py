"""Entra tokens of managed identities, from the node's metadata service (IMDS).

All credentials share one transport; one for each would keep two sockets open each.
"""

from typing import Any, Final

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import ManagedIdentityCredential

from hooks.core.exchange import imds_answer
from hooks.core.model.identity import Identity
from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed, TokenRequest
from hooks.mint.credentials import entra_scope, is_token
from hooks.mint.imds_transport import ANSWER_SECONDS, Transport

LATE: Final = imds_answer.imds_failure(
    Reason.TIMEOUT, "Other requests wait for the node's metadata service (IMDS). Retrying."
)
# MSAL gives a remembered refusal for as long as a Retry-After asked, which may be longer than
# acrpull remembers it.
REMEMBERED: Final = imds_answer.imds_failure(
    Reason.THROTTLED, f"{imds_answer.IMDS_NAME} asked for a longer wait. Retrying."
)


class ManagedIdentities:
    """Gets Entra tokens from IMDS; safe for threads."""

    seconds = float(ANSWER_SECONDS)
    late = LATE

    def __init__(self) -> None:
        self._transport = Transport()

    def credential(self, identity: Identity) -> ManagedIdentityCredential:
        """Return a credential that does not retry: Metacontroller retries, with a growing wait.

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
            # Else the workload identity webhook's variables would silently choose another source.
            _exclude_workload_identity_credential=True,
        )

    def ask(
        self, credential: TokenCredential, request: TokenRequest, latest: float
    ) -> str | MintFailed:
        """Return IMDS's token, or why there is none. Raises `TimeoutError`: no turn by *latest*."""
        self._transport.wait_until(latest)
        try:
            token = credential.get_token(entra_scope(request.audience)).token
            if is_token(token):
                return token
        except (AzureError, ValueError):  # ValueError: a response that msal can't read
            pass  # the response says more than the error
        if not self._transport.sent:
            return REMEMBERED
        response = self._transport.response
        return imds_answer.explain_imds_response(request.identity, request.audience, response)
