"""Headers, error bodies and the challenge of all answers of ACR.

Knows no endpoint.
"""

from typing import Any
from uuid import uuid4

from tests.emulator.message import JSON_UTF8, Request, Response, compact
from tests.emulator.scope import Scope

# Observed, with the doubled header below, in the recordings of
# Azure/azure-sdk-for-js:sdk/containerregistry/container-registry/recordings
_HSTS = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
_EXPOSED = ("Docker-Content-Digest", "WWW-Authenticate", "Link", "X-Ms-Correlation-Request-Id")
V2_HEADERS = (
    *(("Access-Control-Expose-Headers", name) for name in _EXPOSED),
    ("Docker-Distribution-Api-Version", "registry/2.0"),
    _HSTS,
    _HSTS,
    ("X-Content-Type-Options", "nosniff"),
)
# Calls left of 10,000 a minute, per second:
# https://learn.microsoft.com/azure/container-registry/container-registry-skus
_RATE = ("x-ms-ratelimit-remaining-calls-per-second", "166.65")
OAUTH2_HEADERS = (_HSTS, _RATE)

AUTHENTICATE = (
    "authentication required, visit https://aka.ms/acr/authorization for more information."
)

Headers = tuple[tuple[str, str], ...]


def acr_headers(correlation_id: str | None = None, content_type: str = JSON_UTF8) -> Headers:
    """Return the headers of an answer, with a new correlation ID by default."""
    return (
        ("Server", "openresty"),
        ("Content-Type", content_type),
        ("X-Ms-Correlation-Request-Id", correlation_id or str(uuid4())),
    )


def acr_error(code: str, message: str, **detail: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return the body of a rejection, with a final line feed; `detail` is optional."""
    return compact({"errors": [{"code": code, "message": message, **detail}]}) + b"\n"


def no_role_body(correlation_id: str) -> bytes:
    """Return the exchange's answer without a role, as observed with `az aks check-acr`."""
    return acr_error("UNAUTHORIZED", f"{AUTHENTICATE} CorrelationId: {correlation_id}")


def refusal(status: int, code: str, message: str) -> Response:
    """Return a rejection by a token endpoint."""
    return Response(status, acr_error(code, message), acr_headers() + OAUTH2_HEADERS)


def challenge(request: Request, scope: Scope | None, error: str = "") -> Response:
    """Return the 401 of the registry, with the URL and the *scope* for a token.

    At `/v2/` there is no scope: https://github.com/Azure/acr/issues/207. *error* is as in
    distribution/distribution@v2.8.3:registry/auth/token/accesscontroller.go.
    """
    realm = f'Bearer realm="https://{request.host}/oauth2/token",service="{request.host}"'
    scoped = f',scope="{scope}"' if scope else ""
    failed = f',error="{error}"' if error else ""
    detail = None
    if scope:
        actions = ",".join(scope.actions)
        detail = [{"Type": scope.type, "Name": scope.name, "Action": actions}]
    return Response(
        401,
        acr_error("UNAUTHORIZED", AUTHENTICATE, detail=detail),
        (*acr_headers(), *V2_HEADERS, ("Www-Authenticate", realm + scoped + failed)),
    )
