"""Failures of the node's metadata service (IMDS), by its responses, without I/O.

Source: the page in `ERRORS`.
"""

from dataclasses import dataclass, field
from typing import Final

from hooks.core.exchange.entra import (
    UNKNOWN_IDENTITY,
    UNKNOWN_TENANT,
    Refusal,
    explain_code,
    parse_refusal,
)
from hooks.core.exchange.received import SERVER_ERRORS, TOO_MANY_REQUESTS, error_code, parsed
from hooks.core.exchange.registry_protocol import retry_after
from hooks.core.model.identity import FederatedIdentity, Identity
from hooks.core.model.reason import Reason
from hooks.core.model.token import Hop, MintFailed

IMDS_NAME: Final = "The node's metadata service (IMDS)"
BAD_REQUEST: Final = 400
UPDATING: Final = 410  # IMDS is being updated, for up to 70 s
NOT_ASSIGNED: Final = "Identity not found"
UNKNOWN_RESOURCE: Final = "invalid_resource"
ERRORS: Final = (
    "https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/"
    "how-to-use-vm-token#error-handling"
)

Named = Identity | FederatedIdentity


@dataclass(frozen=True, slots=True)
class ImdsResponse:
    """An HTTP response of IMDS."""

    status: int
    content_type: str | None = None
    retry_after: str | None = None
    content: bytes = field(default=b"", repr=False)


def explain_imds_response(
    identity: Named, audience: str, response: ImdsResponse | None
) -> MintFailed:
    """Return the failure for *identity*; *response* is None if IMDS did not respond."""
    if response is None:
        return imds_failure(
            Reason.IDENTITY_UNAVAILABLE,
            f"{IMDS_NAME} did not respond. Check that Pods can reach it (AKS can block it), and "
            "that the node is an Azure VM.",
        )
    reason, text = _explain(identity, audience, response)
    return imds_failure(reason, text, retry_after(response.retry_after))


def _explain(identity: Named, audience: str, response: ImdsResponse) -> tuple[Reason, str]:
    status = response.status
    refusal = parse_refusal(status, response.content_type, None, response.content)
    known = _rejected(identity, audience, response, refusal) if status == BAD_REQUEST else None
    if known is not None:
        return known
    if status == TOO_MANY_REQUESTS:
        return Reason.THROTTLED, f"{IMDS_NAME} is throttling requests. Retrying."
    if status == UPDATING or status in SERVER_ERRORS:
        return Reason.IDENTITY_UNAVAILABLE, (
            f"{IMDS_NAME} is failing with {refusal.shown}. Retrying. If this persists, check "
            "whether something else, such as a pod identity, responds in its place."
        )
    return Reason.IDENTITY_UNAVAILABLE, (
        f"{IMDS_NAME} returned an unexpected {refusal.shown} and no token for identity "
        f'"{identity}". Retrying. Check whether something else, such as a pod identity or a proxy, '
        "responds in its place, and that the node is an Azure VM."
    )


def _rejected(
    identity: Named, audience: str, response: ImdsResponse, refusal: Refusal
) -> tuple[Reason, str] | None:
    """Return the reason and message for a rejection, or None if its cause is unknown.

    IMDS quotes Entra's text if Entra rejected the request.
    https://github.com/Azure/azure-sdk-for-net/issues/13481
    """
    if NOT_ASSIGNED in str(parsed(response.content).get("error_description")):
        return Reason.IDENTITY_NOT_FOUND, _not_assigned(identity)
    if refusal.code in UNKNOWN_IDENTITY | UNKNOWN_TENANT:
        return Reason.IDENTITY_NOT_FOUND, (
            f'Entra does not know identity "{identity}" (AADSTS{refusal.code}). If it was deleted '
            "and created again, detach it from the node pool's scale set and assign it again."
        )
    if refusal.code is not None:
        return explain_code(str(identity), audience, refusal)
    error = error_code(response.content)
    if error == UNKNOWN_RESOURCE:
        text = f'Entra rejected audience "{audience}". Change TOKEN_AUDIENCE.'
        return Reason.AUDIENCE_REFUSED, text
    text = (
        f'{IMDS_NAME} rejected the request for identity "{identity}" with {refusal.shown}. '
        f"Retrying. See {ERRORS}"
    )
    return (Reason.IDENTITY_UNAVAILABLE, text) if error else None


def _not_assigned(identity: Named) -> str:
    """Return the message for an identity that is not assigned to the node.

    A deleted and recreated identity has the same resource ID as before, so Azure still shows the
    identity as assigned. https://github.com/Azure/aad-pod-identity/issues/681
    """
    text = (
        f'Identity "{identity}" is not assigned to the node of acrpull\'s Pod. Assign it to the '
        "node pool's scale set."
    )
    if identity.client_id:
        return (
            f"{text} If the identity is assigned, check that this is its client ID, not its object "
            "(principal) ID."
        )
    return (
        f"{text} If the identity is assigned, detach and assign it again: it may have been "
        "recreated."
    )


def imds_failure(
    reason: Reason, message: str, retry_after_seconds: float | None = None
) -> MintFailed:
    """Return a failure of the request to IMDS."""
    return MintFailed(reason, message, retry_after_seconds, hop=Hop.IMDS)
