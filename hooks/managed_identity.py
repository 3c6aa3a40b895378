"""Entra tokens of managed identities, from the node's metadata service (IMDS).

One transport for all, for each credential's own would keep two sockets open.
"""

from typing import Any, Final

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import ManagedIdentityCredential

from hooks.core.identity import Identity
from hooks.core.reason import Reason
from hooks.core.token import Hop, MintFailed, TokenRequest
from hooks.entra import entra_scope, is_token
from hooks.imds import ANSWER_SECONDS, Transport

TOO_MANY_REQUESTS: Final = 429


class ManagedIdentities:
    """The way by IMDS; safe for threads."""

    seconds = float(ANSWER_SECONDS)
    late = MintFailed(
        Reason.TIMEOUT,
        "the node's metadata service (IMDS) is slow; it will be asked again",
        hop=Hop.IMDS,
    )

    def __init__(self) -> None:
        self._transport = Transport()

    def credential(self, identity: Identity) -> ManagedIdentityCredential:
        """Return a credential that asks once: Metacontroller asks again, with a growing wait.

        An unknown key in `identity_config` would be ignored, and give the token of the node itself.
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
        """Return IMDS's answer. Raises `TimeoutError`: it had no turn by *latest*."""
        self._transport.wait_until(latest)
        try:
            token = credential.get_token(entra_scope(request.audience)).token
            if is_token(token):
                return token
            raise ValueError("no token")  # noqa: TRY301  as where msal finds none
        except (AzureError, ValueError) as error:  # ValueError: an answer that msal can't read
            answer = self._transport.answer
            reason, message = _sort(request, answer.status, str(error))
            return MintFailed(reason, message, answer.retry_after_seconds, hop=Hop.IMDS)


def _sort(request: TokenRequest, status: int, text: str) -> tuple[Reason, str]:
    """Sort a failure by IMDS's *status* and azure-identity's *text*, which quotes its answer.

    https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#error-handling
    """
    who = request.identity
    if "Identity not found" in text:
        message = (
            f"identity {who} is not assigned to this node; assign it to the node pool's VMSS, or "
            "correct it: a client ID is not the object (principal) ID"
        )
        return Reason.IDENTITY_NOT_FOUND, message
    if status == TOO_MANY_REQUESTS:
        message = (
            "the node's metadata service (IMDS) is throttling requests; it will be asked again"
        )
        return Reason.THROTTLED, message
    if "invalid_resource" in text or "AADSTS50001" in text:
        message = f"Entra refuses the audience {request.audience}; set TOKEN_AUDIENCE to another"
        return Reason.AUDIENCE_REFUSED, message
    message = (
        f"the node's metadata service (IMDS) gave no token for identity {who}; is it reachable "
        "from pods (AKS can block it), and is the node an Azure VM?"
    )
    return Reason.IDENTITY_UNAVAILABLE, message
