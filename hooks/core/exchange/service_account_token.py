"""The TokenRequest API of Kubernetes, without I/O: a ServiceAccount token for one audience.

https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

import json
import re
from typing import Final

from hooks.core.exchange.received import TOO_MANY_REQUESTS, described, parsed
from hooks.core.exchange.registry_protocol import JWT
from hooks.core.fields import JSON
from hooks.core.model.identity import TrustedAccount
from hooks.core.model.reason import Reason
from hooks.core.model.token import Hop, MintFailed

# The shortest lifetime accepted by the API server.
# kubernetes@v1.36.0:pkg/apis/authentication/validation/validation.go
LIFE_SECONDS: Final = 600
COMPONENT: Final = "metacontroller/workload-identity"
# https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
DENYING_POLICY: Final = re.compile(r"ValidatingAdmissionPolicy '([-.a-z0-9]{1,253})'")


def token_request_path(account: TrustedAccount) -> str:
    """Return the URL path of a token request for *account*."""
    return f"/api/v1/namespaces/{account.namespace}/serviceaccounts/{account.name}/token"


def token_request_body(audience: str) -> JSON:
    """Return the body of a token request for *audience* only."""
    return {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": [audience], "expirationSeconds": LIFE_SECONDS},
    }


def parse_api_server_response(
    account: TrustedAccount,
    status: int,
    content_type: str | None,
    retry_after_seconds: float | None,
    content: bytes,
) -> str | MintFailed:
    """Return the token in the API server's response, or a failure.

    Messages contain no text of *content* except an error code and the name of a policy: *content*
    can contain a token.
    """
    got = described(status, content_type, content)
    if status != 201:  # noqa: PLR2004  HTTP
        if status in {403, 422}:
            return _denied(account, got, content)
        return _refused(account, status, got, retry_after_seconds)
    try:
        token = json.loads(content)["status"]["token"]
        if isinstance(token, str) and JWT.fullmatch(token):
            return token
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    text = (
        f'The API server returned {got} without a token for ServiceAccount "{account}". Retrying.'
    )
    return token_request_failure(Reason.API_SERVER_UNAVAILABLE, text)


def _refused(
    account: TrustedAccount, status: int, got: str, retry_after_seconds: float | None
) -> MintFailed:
    """Return the failure for a response without a token.

    401: the API server rejected acrpull's own credential.
    """
    if status == 404:  # noqa: PLR2004  HTTP
        text = f'ServiceAccount "{account}", whose token is exchanged, was not found. Create it.'
        return token_request_failure(Reason.SERVICE_ACCOUNT_NOT_FOUND, text)
    if status == 401:  # noqa: PLR2004  HTTP
        text = (
            f"The API server rejected acrpull's own credential: {got}. Check that the component "
            f"{COMPONENT} mounts it, and restart acrpull's Pods."
        )
        return token_request_failure(Reason.TOKEN_REQUEST_REFUSED, text)
    if status == TOO_MANY_REQUESTS:
        text = "The API server is throttling token requests. Retrying."
        return token_request_failure(Reason.THROTTLED, text, retry_after_seconds)
    text = (
        f'The API server returned {got} and no token for ServiceAccount "{account}". Retrying. If '
        "this persists, check KUBERNETES_SERVICE_HOST and the API server's log."
    )
    return token_request_failure(Reason.API_SERVER_UNAVAILABLE, text, retry_after_seconds)


def _denied(account: TrustedAccount, got: str, content: bytes) -> MintFailed:
    """Return the failure if acrpull lacks a right, or a policy denies the request.

    The component's policy allows one audience, and acrpull's setting may name another.
    """
    policy = DENYING_POLICY.search(str(parsed(content).get("message")))
    if policy is None:
        text = (
            f'The API server denied a token for ServiceAccount "{account}": {got}. Install the '
            f"component {COMPONENT}, which adds the required RBAC and policy."
        )
    else:
        text = (
            f'ValidatingAdmissionPolicy "{policy[1]}" denied a token for ServiceAccount '
            f'"{account}". Change the policy, so that acrpull may request tokens for the audience '
            "in SERVICE_ACCOUNT_TOKEN_AUDIENCE."
        )
    return token_request_failure(Reason.TOKEN_REQUEST_REFUSED, text)


def token_request_failure(
    reason: Reason, message: str, retry_after_seconds: float | None = None
) -> MintFailed:
    """Return a failure of the token request to the API server."""
    return MintFailed(reason, message, retry_after_seconds, hop=Hop.SERVICE_ACCOUNT_TOKEN)
