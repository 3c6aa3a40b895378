"""The TokenRequest API of the API server: returns a token of a ServiceAccount.

https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
The rejections look like the rejections of the real API server in tests/e2e.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid4, uuid5

from tests.emulator.message import Request, Response, compact
from tests.emulator.settings import Settings
from tests.emulator.signer import Signer

PATH: Final = re.compile(r"/api/v1/namespaces/([-a-z0-9]+)/serviceaccounts/([-.a-z0-9]+)/token")
LEAST_SECONDS: Final = 600
JSON: Final = (("Content-Type", "application/json"),)
OWN_TOKEN: Final = "the service's own"  # the bearer token of the caller


def token_request(request: Request, settings: Settings, signer: Signer) -> Response:
    """Return a token, or a rejection."""
    found = PATH.fullmatch(request.path)
    if request.bearer() != OWN_TOKEN:
        return kubernetes_status(401, "Unauthorized", "Unauthorized")
    if found is None or request.method != "POST":
        return kubernetes_status(404, "NotFound", "the server could not find the resource")
    namespace, name = found.groups()
    if settings.accounts is not None and f"{namespace}/{name}" not in settings.accounts:
        return kubernetes_status(404, "NotFound", f'serviceaccounts "{name}" not found')
    asked = json.loads(request.body)
    spec = asked["spec"]
    if asked["kind"] != "TokenRequest" or spec["expirationSeconds"] < LEAST_SECONDS:
        text = f'TokenRequest "" is invalid: spec.expirationSeconds: {spec["expirationSeconds"]}'
        return kubernetes_status(422, "Invalid", text)
    return _issue(asked, namespace, name, settings, signer)


def kubernetes_status(code: int, reason: str, message: str) -> Response:
    """Return a rejection in the API server's format."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return Response(code, compact(body) + b"\n", JSON)


def _issue(
    asked: dict[str, Any], namespace: str, name: str, settings: Settings, signer: Signer
) -> Response:
    spec = asked["spec"]
    now = int(settings.clock().timestamp())
    expires = now + spec["expirationSeconds"]
    uid = str(uuid5(NAMESPACE_URL, f"{namespace}/{name}"))
    claims = {
        "aud": spec["audiences"],
        "exp": expires,
        "iat": now,
        "iss": settings.issuer,
        "jti": str(uuid4()),
        "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": uid}},
        "nbf": now,
        "sub": f"system:serviceaccount:{namespace}:{name}",
    }
    at = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": None},
        "spec": {**spec, "boundObjectRef": None},
        "status": {"token": signer.sign(claims), "expirationTimestamp": at},
    }
    return Response(201, compact(body) + b"\n", JSON)
