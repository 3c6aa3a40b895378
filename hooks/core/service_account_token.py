"""The TokenRequest API of Kubernetes, without I/O: a token of a ServiceAccount for one audience.

https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

import json
from typing import Final

from hooks.core.acr import JWT
from hooks.core.fields import JSON
from hooks.core.identity import TrustedAccount
from hooks.core.reason import Reason
from hooks.core.token import Hop, MintFailed

# The least that the API server takes.
# kubernetes@v1.36.0:pkg/apis/authentication/validation/validation.go
LIFE_SECONDS: Final = 600
ATTEMPT: Final = "the API server, asked for a token of ServiceAccount"


def path(account: TrustedAccount) -> str:
    """Return the path of the request for a token of *account*."""
    return f"/api/v1/namespaces/{account.namespace}/serviceaccounts/{account.name}/token"


def body(audience: str) -> JSON:
    """Return the body of a request for a token that *audience* alone takes."""
    return {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": [audience], "expirationSeconds": LIFE_SECONDS},
    }


def parse_answer(
    account: TrustedAccount, status: int, retry_after_seconds: float | None, content: bytes
) -> str | MintFailed:
    """Return the token in the API server's answer, or why there is none.

    Nothing of *content* enters a message: it may hold a token.
    """
    if status != 201:  # noqa: PLR2004  HTTP
        return _refused(account, status, retry_after_seconds)
    try:
        token = json.loads(content)["status"]["token"]
        if isinstance(token, str) and JWT.fullmatch(token):
            return token
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    return failed(Reason.API_SERVER_UNAVAILABLE, f"{ATTEMPT} {account}, answered without one")


def _refused(account: TrustedAccount, status: int, retry_after_seconds: float | None) -> MintFailed:
    """Sort a refusal. 401: our own token; 403, 422: our rights, or a policy."""
    if status == 404:  # noqa: PLR2004  HTTP
        text = (
            f"ServiceAccount {account}, whose token is to be exchanged, does not exist; create it"
        )
        return failed(Reason.SERVICE_ACCOUNT_NOT_FOUND, text)
    if status in {401, 403, 422}:
        text = (
            f"{ATTEMPT} {account}, refuses with HTTP {status}; the component "
            "metacontroller/workload-identity brings the right and the policy for it"
        )
        return failed(Reason.TOKEN_REQUEST_REFUSED, text)
    if status == 429:  # noqa: PLR2004  HTTP
        text = f"{ATTEMPT} {account}, is throttling requests; it will be asked again"
        return failed(Reason.THROTTLED, text, retry_after_seconds)
    text = f"{ATTEMPT} {account}, answered HTTP {status}; it will be asked again"
    return failed(Reason.API_SERVER_UNAVAILABLE, text, retry_after_seconds)


def failed(reason: Reason, message: str, retry_after_seconds: float | None = None) -> MintFailed:
    """Return a failure at this hop."""
    return MintFailed(reason, message, retry_after_seconds, hop=Hop.SERVICE_ACCOUNT_TOKEN)
