"""What each response of IMDS means, and what is told of it."""

import json

import pytest

from hooks.core.exchange.imds_answer import ImdsResponse, explain_imds_response
from hooks.core.model.identity import Identity
from hooks.core.model.reason import Reason
from hooks.core.model.token import Hop
from tests.core.builders import AUDIENCE, CLIENT_ID

IDENTITY = Identity(client_id=CLIENT_ID)
RESOURCE = Identity(resource_id="/subscriptions/x/userAssignedIdentities/puller")
NOT_ASSIGNED = "Identity not found"


def bad_request(description: str, error: str = "invalid_request") -> ImdsResponse:
    """Return a rejection of IMDS."""
    body = json.dumps({"error": error, "error_description": description}).encode()
    return ImdsResponse(400, "application/json; charset=utf-8", None, body)


def quoted(code: int) -> ImdsResponse:
    """Return a rejection of Entra as IMDS quotes it."""
    text = f"AADSTS{code}: No.\r\nTrace ID: 1-2\r\nTimestamp: 2022-05-05 06:51:05Z"
    return bad_request(text, "unauthorized_client")


@pytest.mark.parametrize(
    ("response", "reason", "words"),
    [
        (bad_request(NOT_ASSIGNED), Reason.IDENTITY_NOT_FOUND, "not its object (principal) ID"),
        *((quoted(code), Reason.IDENTITY_NOT_FOUND, f'"{CLIENT_ID}" (AADSTS{code})')
          for code in (700016, 700011, 7000229, 90002)),
        (quoted(50001), Reason.AUDIENCE_REFUSED, f'audience "{AUDIENCE}" (AADSTS50001)'),
        (quoted(500011), Reason.AUDIENCE_REFUSED, "Change TOKEN_AUDIENCE."),
        (quoted(90055), Reason.THROTTLED, "Retrying."),
        (quoted(50196), Reason.THROTTLED, "Retrying."),
        (quoted(90033), Reason.ENTRA_UNAVAILABLE, "HTTP 400 (AADSTS90033). Retrying."),
        (quoted(53003), Reason.IDENTITY_REFUSED, "AADSTS53003: a Conditional Access policy"),
        (quoted(7000112), Reason.IDENTITY_REFUSED, "its application is disabled"),
        # Of a certificate of the identity, which is no ServiceAccount's token.
        (quoted(700027), Reason.IDENTITY_REFUSED, "with AADSTS700027. See https://"),
        (bad_request("x", "invalid_resource"), Reason.AUDIENCE_REFUSED, AUDIENCE),
        (bad_request("x"), Reason.IDENTITY_UNAVAILABLE, "HTTP 400 (invalid_request). Retrying."),
        (ImdsResponse(400), Reason.IDENTITY_UNAVAILABLE, "HTTP 400 and no token"),
        (ImdsResponse(429), Reason.THROTTLED, "Retrying."),
        (ImdsResponse(410), Reason.IDENTITY_UNAVAILABLE, "failing with HTTP 410. Retrying."),
        (ImdsResponse(500, "text/plain", None, b"pod list is empty"),
         Reason.IDENTITY_UNAVAILABLE, "failing with HTTP 500 (text/plain)"),
        (ImdsResponse(403, "text/plain", None, NOT_ASSIGNED.encode()),
         Reason.IDENTITY_UNAVAILABLE, "unexpected HTTP 403 (text/plain)"),
        (ImdsResponse(404), Reason.IDENTITY_UNAVAILABLE, "unexpected HTTP 404"),
        (ImdsResponse(511, "text/html"), Reason.IDENTITY_UNAVAILABLE, "unexpected HTTP 511"),
        (ImdsResponse(200, "text/html", None, b"<html>"), Reason.IDENTITY_UNAVAILABLE, "HTTP 200"),
        (None, Reason.IDENTITY_UNAVAILABLE, "AKS can block it"),
    ],
)  # fmt: skip
def test_refused(response: ImdsResponse | None, reason: Reason, words: str) -> None:
    """A code of Entra's is Entra's refusal; only a node that does not respond is asked about."""
    found = explain_imds_response(IDENTITY, AUDIENCE, response)
    assert (found.reason, found.hop) == (reason, Hop.IMDS)
    assert words in found.message
    assert ("Azure VM" in found.message) <= (response is None or "unexpected" in found.message)
    assert "Trace" not in found.message
    assert "2022" not in found.message


def test_recreated() -> None:
    """A resource ID outlives its identity: what shows as assigned may be the identity before."""
    found = explain_imds_response(RESOURCE, AUDIENCE, bad_request(NOT_ASSIGNED))
    assert found.reason == Reason.IDENTITY_NOT_FOUND
    assert "detach and assign it again" in found.message
    assert "client ID" not in found.message
    assert (
        "again" not in explain_imds_response(IDENTITY, AUDIENCE, bad_request(NOT_ASSIGNED)).message
    )


@pytest.mark.parametrize(("asked", "seconds"), [("42", 42.0), ("soon", None), (None, None)])
def test_retry_after(asked: str | None, seconds: float | None) -> None:
    """A wait that IMDS asks for is passed on."""
    assert (
        explain_imds_response(
            IDENTITY, AUDIENCE, ImdsResponse(429, None, asked)
        ).retry_after_seconds
        == seconds
    )
