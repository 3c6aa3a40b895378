"""ACR: `POST /oauth2/exchange`, an Entra token for an ACR refresh token.

Source, unless a line says otherwise: Azure/acr@81b818e:docs/AAD-OAuth.md
"""

from uuid import uuid4

from tests.emulator.acr import (
    AUTHENTICATE,
    OAUTH2_HEADERS,
    acr_headers,
    no_role_body,
    refusal,
)
from tests.emulator.acr_token import AcrTokens
from tests.emulator.identity import Identity
from tests.emulator.message import Request, Response, compact, first
from tests.emulator.settings import Settings
from tests.emulator.signer import Signer, TokenRefused

PATH = "/oauth2/exchange"

# https://learn.microsoft.com/azure/container-registry/container-registry-disable-authentication-as-arm
ACR_AUDIENCE = "https://containerregistry.azure.net"
ARM_AUDIENCE = "https://management.azure.com"

# The deprecated second one is still sent, with the Entra token as both tokens, by
# kubernetes-sigs/cloud-provider-azure@7b31c76:pkg/credentialprovider/azure_acr_helper.go
GRANT_TYPES = ("access_token", "access_token_refresh_token")


def exchange(request: Request, settings: Settings, entra: Signer, tokens: AcrTokens) -> Response:
    """Return `{"refresh_token": ...}`, or a rejection.

    Only the body for a missing role was observed. The bodies for malformed requests and bad Entra
    tokens follow ACR's error model, with assumed statuses.
    """
    if request.method != "POST":  # https://github.com/Azure/acr/issues/166
        return refusal(404, "NOT_FOUND", "404 page not found")
    if first(request.form, "grant_type") not in GRANT_TYPES:
        return refusal(400, "BAD_REQUEST", "grant_type: expected access_token")
    # msi-acrpull sends the host without its port, and no real registry has a port.
    # msi-acrpull@8ad7a99:pkg/authorizer/token_exchanger.go
    if first(request.form, "service").lower() not in {request.host, request.host.split(":")[0]}:
        return refusal(400, "BAD_REQUEST", f"service: expected {request.host}")
    audiences = [ACR_AUDIENCE, *([ARM_AUDIENCE] if settings.arm_audience_allowed else [])]
    token = first(request.form, "access_token")
    try:
        claims = entra.verify(token, audiences=audiences, now=settings.clock())
    except TokenRefused:
        return refusal(401, "UNAUTHORIZED", AUTHENTICATE)
    identity = Identity.of_claims(claims)
    correlation_id = str(uuid4())
    headers = acr_headers(correlation_id) + OAUTH2_HEADERS
    if not identity.named_in(settings.roles):
        return Response(401, no_role_body(correlation_id), headers)
    refresh_token = tokens.new_refresh(identity.client_id, request.host)
    return Response(200, compact({"refresh_token": refresh_token}), headers)
