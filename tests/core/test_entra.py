"""What Entra's refusals are called, and what is told of them."""

import json
from dataclasses import replace

import pytest

from hooks.core.apis.api import CREATE_CREDENTIAL
from hooks.core.exchange.entra import (
    Assertion,
    Refusal,
    explain_refusal,
    is_private,
    parse_assertion,
    parse_code,
    parse_refusal,
)
from hooks.core.model.identity import FederatedIdentity, TrustedAccount
from hooks.core.model.reason import Reason
from hooks.core.model.token import Hop
from tests.core.builders import AUDIENCE, CLIENT_ID, new_jwt

TENANT = "22222222-3333-4444-5555-666666666666"
IDENTITY = FederatedIdentity(TENANT, CLIENT_ID, None)
SUBJECT = "system:serviceaccount:team-a:default"
TRUST = TrustedAccount("team-a", "default", "uid-1")
ASSERTION = Assertion("https://issuer.example", SUBJECT, "api://x")


COMMAND = (
    "az identity federated-credential create --name team-a-default --identity-name IDENTITY "
    f"--resource-group GROUP --issuer https://issuer.example --subject {SUBJECT} --audiences api://x"
)


def refusal(status: int, code: int | None) -> Refusal:
    """Return what is known of a response."""
    body = json.dumps({"error_description": f"AADSTS{code}: No."} if code else {}).encode()
    return parse_refusal(status, "application/json", 7, body)


@pytest.mark.parametrize(
    ("status", "code", "reason", "words"),
    [
        *((401, code, Reason.FEDERATION_REFUSED, COMMAND)
          for code in (70021, 70025, 700211, 700212, 700213, 7002137, 7002138)),
        (401, 70021, Reason.FEDERATION_REFUSED, f'credential with subject "{SUBJECT}", or'),
        (401, 700211, Reason.FEDERATION_REFUSED, 'with issuer "https://issuer.example", or'),
        (401, 700212, Reason.FEDERATION_REFUSED, 'with audience "api://x", or'),
        (401, 7002138, Reason.FEDERATION_REFUSED, f'"{SUBJECT}" only in upper and lower case. '),
        *((400, code, Reason.ISSUER_UNREACHABLE, f'"https://issuer.example" (AADSTS{code})')
          for code in (90061, 50166, 501661)),
        (400, 700016, Reason.IDENTITY_NOT_FOUND, f'identity "{CLIENT_ID}" in tenant "{TENANT}"'),
        (400, 7000229, Reason.IDENTITY_NOT_FOUND, "Fix the client ID"),
        (400, 90002, Reason.IDENTITY_NOT_FOUND, f'no tenant "{TENANT}"'),
        (400, 90038, Reason.IDENTITY_NOT_FOUND, "AZURE_AUTHORITY_HOST"),
        (401, 700024, Reason.CLOCK_SKEW, "Check the clocks"),
        (401, 700027, Reason.IDENTITY_REFUSED, 'keys at its issuer "https://issuer.example".'),
        (400, 500011, Reason.AUDIENCE_REFUSED, "TOKEN_AUDIENCE"),
        (400, 500014, Reason.AUDIENCE_REFUSED, "(AADSTS500014)"),
        (400, 50001, Reason.AUDIENCE_REFUSED, AUDIENCE),
        (401, 53003, Reason.IDENTITY_REFUSED, "AADSTS53003: a Conditional Access policy blocks it"),
        (401, 7000112, Reason.IDENTITY_REFUSED, "AADSTS7000112: its application is disabled. See"),
        (401, 7000215, Reason.IDENTITY_REFUSED, "AADSTS7000215. See https://"),
        (429, None, Reason.THROTTLED, "Retrying."),
        (429, 90055, Reason.THROTTLED, "Retrying."),
        (400, 90055, Reason.THROTTLED, "(AADSTS90055). Retrying."),
        (400, 50196, Reason.THROTTLED, "Retrying."),
        (503, 90033, Reason.ENTRA_UNAVAILABLE, "HTTP 503 (AADSTS90033). Retrying."),
        (400, 90033, Reason.ENTRA_UNAVAILABLE, "HTTP 400 (AADSTS90033). Retrying."),
        (502, None, Reason.ENTRA_UNAVAILABLE, "HTTP 502 (application/json). Retrying."),
        (302, None, Reason.ENTRA_UNAVAILABLE, "AZURE_AUTHORITY_HOST"),
        (511, None, Reason.ENTRA_UNAVAILABLE, "no proxy answers"),
        (200, None, Reason.ENTRA_UNAVAILABLE, "HTTP 200 (application/json) without a token"),
    ],
)  # fmt: skip
def test_refused(status: int, code: int | None, reason: Reason, words: str) -> None:
    """Each refusal says what to do, and when to ask again where Entra says so."""
    found = explain_refusal(IDENTITY, AUDIENCE, ASSERTION, refusal(status, code))
    assert (found.reason, found.hop, found.retry_after_seconds) == (reason, Hop.ENTRA, 7)
    assert words in found.message
    assert ("az " in found.message) is (reason is Reason.FEDERATION_REFUSED)


@pytest.mark.parametrize("code", [70021, 70025, 700211, 700213, 90061])
def test_issuer_that_entra_cannot_reach(code: int) -> None:
    """No command helps where the cluster publishes no OIDC issuer.

    https://github.com/Azure/azure-workload-identity/issues/616
    """
    inside = Assertion("https://kubernetes.default.svc.cluster.local", SUBJECT, "api://x")
    found = explain_refusal(IDENTITY, AUDIENCE, inside, refusal(400, code))
    assert found.reason is Reason.ISSUER_UNREACHABLE
    assert f'"https://kubernetes.default.svc.cluster.local" (AADSTS{code}). ' in found.message
    assert "Enable the cluster's OIDC issuer" in found.message
    assert "az " not in found.message


@pytest.mark.parametrize(
    ("issuer", "private"),
    [
        ("https://kubernetes.default.svc", True),
        ("https://kubernetes.default.svc.", True),
        ("https://KUBERNETES.DEFAULT.SVC.CLUSTER.LOCAL/", True),
        ("https://kubernetes", True),
        ("https://localhost:6443", True),
        ("https://api.corp.internal", True),
        ("https://10.0.0.1:6443", True),
        ("https://172.16.0.1", True),
        ("https://192.168.1.1", True),
        ("https://100.64.0.1", True),
        ("https://127.0.0.1", True),
        ("https://[::1]:6443", True),
        ("https://[fd00::1]", True),
        ("https://[fd00", True),
        ("http://issuer.example.com", True),
        ("kubernetes/serviceaccount", True),
        ("https://", True),
        ("https://eastus.oic.prod-aks.azure.com/x/y/", False),
        ("https://storage.blob.core.windows.net/oidc", False),
        ("https://svc.example.com", False),
        ("https://20.50.2.1", False),
        ("https://[2603:1030::1]", False),
    ],
)
def test_is_private(issuer: str, *, private: bool) -> None:
    """A name or an address of a private network is one, wherever it stands."""
    assert is_private(issuer) is private


def test_issuer_is_quoted() -> None:
    """An issuer is a word of the command, whatever is in it."""
    odd = Assertion("https://x.example.com/$(y)", SUBJECT, "api://x")
    found = explain_refusal(IDENTITY, AUDIENCE, odd, refusal(401, 700211))
    assert "--issuer 'https://x.example.com/$(y)' " in found.message


@pytest.mark.parametrize(("account", "told"), [(TRUST, True), (None, False)])
def test_own_token(account: TrustedAccount | None, *, told: bool) -> None:
    """What another controller's identities trust matters for ServiceAccounts of bindings alone."""
    identity = replace(IDENTITY, account=account)
    found = explain_refusal(identity, AUDIENCE, ASSERTION, refusal(401, 70021))
    assert (CREATE_CREDENTIAL in found.message) is told
    assert found.message.endswith(COMMAND)


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
