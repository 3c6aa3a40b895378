"""Safe descriptions of HTTP responses without a token.

A message must not change between retries, and must not leak secrets. So the descriptions contain no
ID, time, address or token of a response.
"""

import json
import re
from typing import Any, Final

TOO_MANY_REQUESTS: Final = 429
# Sent by a network's login proxy, not by the server.
# https://www.rfc-editor.org/rfc/rfc6585#section-6
NETWORK_LOGIN: Final = 511
SERVER_ERRORS: Final = frozenset(range(500, 600)) - {NETWORK_LOGIN}
MEDIA_TYPE: Final = re.compile(r"[a-z]{1,20}/[a-z.+-]{1,40}")
# Error codes of registries, OAuth and Kubernetes. No token matches, because a token has digits or
# mixed case.
ERROR_CODE: Final = re.compile(r"[A-Z_]{3,40}|[a-z_]{3,40}|(?:[A-Z][a-z]{2,20}){1,5}")


def described(status: int, content_type: str | None, content: bytes) -> str:
    """Return the status with the error code or the media type, e.g. "HTTP 503 (text/html)"."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    known = media_type if MEDIA_TYPE.fullmatch(media_type) else None
    detail = error_code(content) or known
    return f"HTTP {status} ({detail})" if detail else f"HTTP {status}"


def error_code(content: bytes) -> str | None:
    """Return the error code in the JSON *content*, or None.

    Registries: https://distribution.github.io/distribution/spec/api/#errors
    OAuth: https://www.rfc-editor.org/rfc/rfc6749#section-5.2
    Kubernetes: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """
    answer = parsed(content)
    errors = answer.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    codes = (first.get("code") if isinstance(first, dict) else None, answer.get("error"),
             answer.get("reason"))  # fmt: skip
    return next((c for c in codes if isinstance(c, str) and ERROR_CODE.fullmatch(c)), None)


def parsed(content: bytes) -> dict[str, Any]:
    """Return the JSON object in *content*, or an empty object if *content* is anything else."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def is_page(content_type: str | None, content: bytes) -> bool:
    """True if a response is a web page, so a proxy or another server responded for the API."""
    return (content_type or "").lower().startswith("text/html") or content.lstrip()[:1] == b"<"
