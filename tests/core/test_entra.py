"""What Entra's refusals are called, and what is told of them."""

import json

import pytest

from hooks.core.entra import Assertion, Refusal, parse_assertion, parse_code, refused
from hooks.core.identity import FederatedIdentity
from hooks.core.reason import Reason
from hooks.core.token import Hop
from tests.core.builders import AUDIENCE, CLIENT_ID, new_jwt

TENANT = "22222222-3333-4444-5555-666666666666"
IDENTITY = FederatedIdentity(TENANT, CLIENT_ID, None)
SUBJECT = "system:serviceaccount:team-a:default"
ASSERTION = Assertion("https://issuer.example", SUBJECT, "api://x")


@pytest.mark.parametrize(
    ("status", "code", "reason", "words"),
    [
        *((401, code, Reason.FEDERATION_REFUSED, f"--issuer https://issuer.example --subject "
           f"{SUBJECT} --audiences api://x") for code in (70021, 70025, 700211, 700212, 700213)),
        (400, 700016, Reason.IDENTITY_NOT_FOUND, f"no identity {CLIENT_ID} in tenant {TENANT}"),
        (400, 90002, Reason.IDENTITY_NOT_FOUND, f"no tenant {TENANT}"),
        (401, 700024, Reason.CLOCK_SKEW, "compare the clocks"),
        (400, 500011, Reason.AUDIENCE_REFUSED, "TOKEN_AUDIENCE"),
        (400, 50001, Reason.AUDIENCE_REFUSED, AUDIENCE),
        (401, 53003, Reason.IDENTITY_REFUSED, "AADSTS53003"),
        (429, None, Reason.THROTTLED, "asked again"),
        (429, 90055, Reason.THROTTLED, "asked again"),
        (503, 90033, Reason.ENTRA_UNAVAILABLE, "HTTP 503"),
        (502, None, Reason.ENTRA_UNAVAILABLE, "HTTP 502"),
        (302, None, Reason.ENTRA_UNAVAILABLE, "AZURE_AUTHORITY_HOST"),
        (200, None, Reason.ENTRA_UNAVAILABLE, "no token"),
    ],
)  # fmt: skip
def test_refused(status: int, code: int | None, reason: Reason, words: str) -> None:
    """Each refusal says what to do, and when to ask again where Entra says so."""
    found = refused(IDENTITY, AUDIENCE, ASSERTION, Refusal(status, code, 7))
    assert (found.reason, found.hop, found.retry_after_seconds) == (reason, Hop.ENTRA, 7)
    assert words in found.message


def test_issuer_is_quoted() -> None:
    """An issuer is a word of the command, whatever is in it."""
    odd = Assertion("https://x/$(y)", SUBJECT, "api://x")
    found = refused(IDENTITY, AUDIENCE, odd, Refusal(401, 700211))
    assert "--issuer 'https://x/$(y)' " in found.message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error_description": "AADSTS70021: No matching. Trace ID: 1-2"}, 70021),
        ({"error_description": "AADSTS700016: x"}, 700016),
        ({"error_description": "no number"}, None),
        ({"error_description": 5}, None),
        ({"error": "invalid_client"}, None),
        ([], None),
        ("[" * 100_000, None),
        ("<html>", None),
        ("", None),
    ],
)
def test_parse_code(body: object, code: int | None) -> None:
    """The number is looked for where Entra puts it, in whatever comes."""
    text = body if isinstance(body, str) else json.dumps(body)
    assert parse_code(text.encode()) == code


def test_parse_assertion() -> None:
    """Issuer and subject are those of the token."""
    token = new_jwt({"iss": "https://issuer.example", "sub": SUBJECT})
    assert parse_assertion(token, "api://x") == ASSERTION


@pytest.mark.parametrize(
    "token",
    [
        "",
        "no.jwt",
        new_jwt("no JSON"),
        new_jwt("[" * 100_000),
        new_jwt([]),
        new_jwt({"iss": "https://issuer.example"}),
        new_jwt({"iss": "https://issuer.example", "sub": 5}),
        new_jwt({"iss": "two words", "sub": SUBJECT}),
    ],
)
def test_no_assertion(token: str) -> None:
    """What is no ServiceAccount's token says nothing."""
    assert parse_assertion(token, "api://x") is None


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("api://other", "api://other"),
        (["api://other"], "api://other"),
        (["api://other", "api://third"], "api://asked"),
        ("two words", "api://asked"),
        (5, "api://asked"),
        (None, "api://asked"),
    ],
)
def test_audience_of_assertion(said: object, meant: str) -> None:
    """A credential must be for what the token says that it is for."""
    token = new_jwt({"iss": "https://issuer.example", "sub": SUBJECT, "aud": said})
    found = parse_assertion(token, "api://asked")
    assert found is not None
    assert found.audience == meant
