"""IMDS: `GET /metadata/identity/oauth2/token`, the token of a managed identity.

Source, unless a line says otherwise:
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
"""

from tests.emulator.identity import Identity, parse_id, parse_selector, selectors
from tests.emulator.message import JSON_UTF8, Request, Response, compact, first
from tests.emulator.settings import Settings
from tests.emulator.signer import Signer

PATH = "/metadata/identity/oauth2/token"
API_VERSION = "2018-02-01"
TENANT = "409520d4-8100-4d1d-ad47-72432ddcc120"  # any GUID
LIFETIME = 86400  # s; a managed identity's token lives 24 h
BACK_DATED = 300  # s; Entra sets nbf 5 min before the issue
# A version seen in recorded answers; clients must not depend on it.
HEADERS = (("Content-Type", JSON_UTF8), ("Server", "IMDS/150.870.65.1125"))

MALFORMED = (
    "The request is missing a required parameter, includes an invalid parameter value, includes a"
    " parameter more than once, or is otherwise malformed."
)
# https://github.com/Azure/aad-pod-identity/issues/778
NOT_FOUND = "Identity not found"
# https://github.com/Hexadite/acs-keyvault-agent/pull/43, with Content-Length: 168
SEVERAL = (
    "Multiple user assigned identities exist, please specify the clientId / resourceId of the"
    " identity in the token request"
)
# The text is documented as `bad_request_102`; the value of `error` on the wire is not known.
NO_METADATA = "Required metadata header not specified"


def imds_error(description: str, error: str = "invalid_request") -> bytes:
    """Return the body of IMDS's rejections."""
    return compact({"error": error, "error_description": description})


def identity_token(request: Request, settings: Settings, entra: Signer) -> Response:
    """Return a token for the query's `resource`, or 400."""
    if request.headers.get("metadata", "").lower() != "true":
        return _refuse(NO_METADATA)
    selected = selectors(request.query)
    resource = first(request.query, "resource")
    if first(request.query, "api-version") != API_VERSION or not resource or len(selected) > 1:
        return _refuse(MALFORMED)
    if selected:
        identity = parse_selector(*selected[0])
    elif settings.default_identity is None:
        return _refuse(SEVERAL)
    else:
        identity = parse_id(settings.default_identity)
    if identity is None or not identity.named_in(settings.identities):
        return _refuse(NOT_FOUND)
    return _issue(identity, resource, settings, entra)


def _issue(identity: Identity, resource: str, settings: Settings, entra: Signer) -> Response:
    """Return the answer: all values are strings, ordered as in recorded answers of IMDS."""
    now = int(settings.clock().timestamp())
    not_before, expires_on = now - BACK_DATED, now + LIFETIME
    issuer = f"https://sts.windows.net/{TENANT}/"
    times = {"iat": not_before, "nbf": not_before, "exp": expires_on}
    claims = {"aud": resource, "iss": issuer, **times, "tid": TENANT, "ver": "1.0"}
    body = {
        "access_token": entra.sign(claims | identity.claims()),
        "client_id": identity.client_id,
        "expires_in": str(LIFETIME),
        "expires_on": str(expires_on),
        "ext_expires_in": str(LIFETIME - 1),
        "not_before": str(not_before),
        "resource": resource,
        "token_type": "Bearer",
    }
    return Response(200, compact(body), HEADERS)


def _refuse(description: str) -> Response:
    return Response(400, imds_error(description), HEADERS)
