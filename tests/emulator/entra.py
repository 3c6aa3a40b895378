"""Entra: `POST /<tenant>/oauth2/v2.0/token`, an assertion of another issuer for a token.

Request and answer: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
Errors: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import jwt

from tests.emulator.identity import Identity
from tests.emulator.imds import BACK_DATED, LIFETIME, TENANT
from tests.emulator.message import JSON_UTF8, Request, Response, compact, first
from tests.emulator.settings import ISSUER, Settings
from tests.emulator.signer import SIGNATURE_ONLY, Signer

PATH: Final = re.compile(r"/([^/]+)/oauth2/v2\.0/token")
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
AUDIENCE: Final = "api://AzureADTokenExchange"
KNOWN_RESOURCES: Final = ("https://containerregistry.azure.net", "https://management.azure.com")
OTHER_SUBJECT: Final = 700213
OTHER_CASE: Final = 7002138
NO_RECORD: Final = "No matching federated identity record found for presented assertion"


@dataclass(frozen=True)
class FederatedCredential:
    """A federated credential: trusts a token of *issuer* for *subject* and *audience*."""

    client_id: str
    subject: str
    issuer: str = ISSUER
    audience: str = AUDIENCE
    tenant_id: str = TENANT


class EntraRefused(Exception):
    """The request gets no token; *code* is the number after AADSTS."""

    def __init__(
        self, code: int, text: str, status: int = 400, error: str = "invalid_request"
    ) -> None:
        super().__init__(text)
        self.code, self.text, self.status, self.error = code, text, status, error


def entra_token(request: Request, settings: Settings, entra: Signer) -> Response:
    """Return a token of the identity `client_id`, or a rejection; compressed if accepted."""
    status = 200
    try:
        body = _answer(request, settings, entra)
    except EntraRefused as refused:
        status = refused.status
        body = entra_error(refused.code, refused.text, refused.error, settings.clock())
    headers = (("Content-Type", JSON_UTF8),)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(status, gzip.compress(body), (*headers, ("Content-Encoding", "gzip")))
    return Response(status, body, headers)


def entra_error(code: int, text: str, error: str, now: datetime) -> bytes:
    """Return the body of a rejection, with new ids and time."""
    trace, correlation = str(uuid4()), str(uuid4())
    at = now.strftime("%Y-%m-%d %H:%M:%SZ")
    description = (
        f"AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}"
    )
    return compact(
        {
            "error": error,
            "error_description": description,
            "error_codes": [code],
            "timestamp": at,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={code}",
        }
    )


def _answer(request: Request, settings: Settings, entra: Signer) -> bytes:
    found = PATH.fullmatch(request.path)
    tenant = found[1].lower() if found and request.method == "POST" else ""
    if settings.tenants is not None and tenant not in settings.tenants:
        text = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
        raise EntraRefused(90002, text)
    form = {name: first(request.form, name) for name in request.form}
    if form.get("grant_type") != "client_credentials":
        raise EntraRefused(70003, "The app requested an unsupported grant type.")
    client_id = form.get("client_id", "").lower()  # Entra ignores the case of GUIDs
    trusted = [c for c in settings.federated if (c.client_id, c.tenant_id) == (client_id, tenant)]
    if not trusted and not Identity.known_by("client_id", client_id).named_in(settings.identities):
        text = (
            f"Application with identifier '{client_id}' was not found in the directory '{tenant}'."
        )
        raise EntraRefused(700016, text, 400, "unauthorized_client")
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise EntraRefused(7000218, "The request body must contain: 'client_assertion'.", 401)
    _judge(_claims(form.get("client_assertion", ""), settings), trusted, settings)
    resource, suffix = form.get("scope", "").removesuffix("/.default"), "/.default"
    if resource not in KNOWN_RESOURCES or not form.get("scope", "").endswith(suffix):
        text = (
            f"The resource principal named {resource} was not found in the tenant named {tenant}."
        )
        raise EntraRefused(500011, text, 400, "invalid_resource")
    return _issue(Identity.known_by("client_id", client_id), tenant, resource, settings, entra)


def _claims(assertion: str, settings: Settings) -> Mapping[str, Any]:
    """Return the claims of *assertion*, signed with a key of its issuer."""
    try:
        kid = jwt.get_unverified_header(assertion)["kid"]
        issuer = jwt.decode(assertion, options={"verify_signature": False})["iss"]
        if (
            issuer not in settings.issuers
        ):  # https://github.com/Azure/azure-workload-identity/issues/605
            raise EntraRefused(90061, "Request to External OIDC endpoint failed.")
        keys = jwt.PyJWKSet.from_dict(dict(settings.issuers[issuer]))
        claims: dict[str, Any] = jwt.decode(
            assertion, keys[kid], algorithms=["RS256"], options=SIGNATURE_ONLY
        )
    except (jwt.PyJWTError, KeyError) as error:
        text = "Client assertion contains an invalid signature."
        raise EntraRefused(700027, text, 401, "invalid_client") from error
    return claims


def _judge(
    claims: Mapping[str, Any], trusted: list[FederatedCredential], settings: Settings
) -> None:
    """Reject an assertion outside its validity, or without a credential in *trusted*."""
    if not claims["nbf"] <= settings.clock().timestamp() < claims["exp"]:
        text = "Client assertion is not within its valid time range."
        raise EntraRefused(700024, text, 401, "invalid_client")
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    shown = f"'{claims['iss']}' '{claims['sub']}' '{audiences}'"
    refusals = (
        (70021, f"{NO_RECORD}.", lambda _: True),
        (700211, f"{NO_RECORD} issuer {shown}.", lambda c: c.issuer == claims["iss"]),
        (OTHER_SUBJECT, f"{NO_RECORD} subject {shown}.", lambda c: c.subject == claims["sub"]),
        (700212, f"{NO_RECORD} audience {shown}.", lambda c: audiences == [c.audience]),
    )
    left = trusted
    for code, text, holds in refusals:
        before, left = left, [credential for credential in left if holds(credential)]
        if not left and code == OTHER_SUBJECT and _differs_in_case(claims["sub"], before):
            raise EntraRefused(OTHER_CASE, f"{NO_RECORD} subject {shown}.", 401, "invalid_client")
        if not left:
            raise EntraRefused(code, text, 401, "invalid_client")


def _differs_in_case(subject: str, trusted: list[FederatedCredential]) -> bool:
    """True if a credential of *trusted* would match without regard to case.

    https://learn.microsoft.com/entra/identity-platform/reference-breaking-changes#august-2024
    """
    return any(credential.subject.lower() == subject.lower() for credential in trusted)


def _issue(
    identity: Identity, tenant: str, resource: str, settings: Settings, entra: Signer
) -> bytes:
    now = int(settings.clock().timestamp())
    not_before = now - BACK_DATED
    times = {"iat": not_before, "nbf": not_before, "exp": now + LIFETIME}
    issuer = f"https://sts.windows.net/{tenant}/"
    claims = {"aud": resource, "iss": issuer, **times, "tid": tenant, "ver": "1.0"}
    body = {
        "token_type": "Bearer",
        "expires_in": LIFETIME - 1,
        "ext_expires_in": LIFETIME - 1,
        "access_token": entra.sign(claims | identity.claims()),
    }
    return compact(body)
