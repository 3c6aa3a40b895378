"""The TokenRequest API's answers, and what becomes of each."""

import json

import pytest

from hooks.core.exchange.service_account_token import (
    parse_api_server_response,
    token_request_body,
    token_request_failure,
    token_request_path,
)
from hooks.core.model.identity import TrustedAccount
from hooks.core.model.reason import Reason
from hooks.core.model.token import Hop
from tests.core.builders import new_jwt

ACCOUNT = TrustedAccount("team-a", "default", "uid-1")
TOKEN = new_jwt({"sub": "system:serviceaccount:team-a:default"})


def answer(token: object) -> bytes:
    """Return an answer with *token*."""
    return json.dumps({"kind": "TokenRequest", "status": {"token": token}}).encode()


def test_request() -> None:
    """It is for one audience, and for the shortest time that there is."""
    assert token_request_path(ACCOUNT) == "/api/v1/namespaces/team-a/serviceaccounts/default/token"
    assert token_request_body("api://x") == {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": ["api://x"], "expirationSeconds": 600},
    }


def test_token() -> None:
    """The token is what `status` holds."""
    assert parse_api_server_response(ACCOUNT, 201, None, None, answer(TOKEN)) == TOKEN


@pytest.mark.parametrize(
    ("status", "content", "reason", "words"),
    [
        (404, b"", Reason.SERVICE_ACCOUNT_NOT_FOUND, "team-a/default"),
        *((s, b"", Reason.TOKEN_REQUEST_REFUSED, f"HTTP {s}") for s in (401, 403, 422)),
        (401, b"", Reason.TOKEN_REQUEST_REFUSED, "acrpull's own credential"),
        (403, b'{"reason": "Forbidden"}', Reason.TOKEN_REQUEST_REFUSED, ": HTTP 403 (Forbidden). "),
        (429, b"", Reason.THROTTLED, "Retrying."),
        (500, b'{"reason": "InternalError"}', Reason.API_SERVER_UNAVAILABLE,
         "HTTP 500 (InternalError)"),
        (302, b"", Reason.API_SERVER_UNAVAILABLE, "HTTP 302"),
        (200, answer(TOKEN), Reason.API_SERVER_UNAVAILABLE, "HTTP 200"),
        *(
            (201, content, Reason.API_SERVER_UNAVAILABLE, "without a token")
            for content in (
                b"", b"<html>", b"[]", b"{}", b'{"status": null}', b"[" * 100_000,
                answer(5), answer("no token"), answer(f"{TOKEN}\r\nX: y"),
            )
        ),
    ],
)  # fmt: skip
def test_refused(status: int, content: bytes, reason: Reason, words: str) -> None:
    """Each refusal says what to do, and nothing of what came."""
    found = parse_api_server_response(ACCOUNT, status, "application/json", None, content)
    assert found == token_request_failure(
        reason, found.message if not isinstance(found, str) else ""
    )
    assert words in found.message
    assert found.hop is Hop.SERVICE_ACCOUNT_TOKEN
    assert TOKEN not in found.message


@pytest.mark.parametrize("status", [403, 422])
def test_policy(status: int) -> None:
    """A denial by a policy names the policy, because no component adds the missing permission."""
    told = (
        'serviceaccounts "default" is forbidden: ValidatingAdmissionPolicy '
        f"'acrpull-token-requests' with binding 'x' denied request: {TOKEN}"
    )
    content = json.dumps({"message": told, "reason": "Forbidden"}).encode()
    found = parse_api_server_response(ACCOUNT, status, "application/json", None, content)
    text = (
        'ValidatingAdmissionPolicy "acrpull-token-requests" denied a token for ServiceAccount '
        '"team-a/default". Change the policy, so that acrpull may request tokens for the audience '
        "in SERVICE_ACCOUNT_TOKEN_AUDIENCE."
    )
    assert found == token_request_failure(Reason.TOKEN_REQUEST_REFUSED, text)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(status: int) -> None:
    """A wait that the API server asks for is told on."""
    found = parse_api_server_response(ACCOUNT, status, None, 9, b"")
    assert not isinstance(found, str)
    assert found.retry_after_seconds == 9
