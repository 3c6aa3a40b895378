"""The emulated Entra and TokenRequest API, through HTTP, with the real azure-identity."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientAssertionCredential

from tests.azure.client import CLIENT_ID, NOW, TIMEOUT
from tests.emulator import Emulator, FederatedCredential
from tests.emulator.imds import TENANT
from tests.emulator.kubernetes import OWN_TOKEN
from tests.emulator.settings import ISSUER
from tests.emulator.signer import Signer

SUBJECT: Final = "system:serviceaccount:team-a:default"
AUDIENCE: Final = "api://AzureADTokenExchange"
SCOPE: Final = "https://containerregistry.azure.net/.default"
TRUST: Final = FederatedCredential(CLIENT_ID, SUBJECT)


@pytest.fixture
def emulator(emulator: Emulator) -> Emulator:
    """Let an identity trust a ServiceAccount."""
    emulator.federated = [TRUST]
    return emulator


def ask(
    emulator: Emulator,
    account: str = "default",
    token: str = OWN_TOKEN,
    audience: str = AUDIENCE,
    seconds: int = 600,
) -> requests.Response:
    """Ask the API server for a ServiceAccount's token."""
    server = f"https://127.0.0.1:{emulator.kubernetes_port}"
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": [audience], "expirationSeconds": seconds},
    }
    return requests.post(
        f"{server}/api/v1/namespaces/team-a/serviceaccounts/{account}/token",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        verify=str(emulator.ca_file),
        timeout=TIMEOUT,
    )


def assertion(emulator: Emulator, **request: Any) -> str:  # noqa: ANN401  those of ask
    """Return a token of a ServiceAccount."""
    token: str = ask(emulator, **request).json()["status"]["token"]
    return token


def exchange(
    emulator: Emulator, shown: str, client_id: str = CLIENT_ID, tenant: str = TENANT
) -> str:
    """Return what the real client gets for the assertion *shown*."""
    credential = ClientAssertionCredential(
        tenant,
        client_id,
        lambda: shown,
        authority=emulator.entra_url,
        connection_verify=str(emulator.ca_file),
        retry_total=0,
    )
    with credential:
        return credential.get_token(SCOPE).token


def test_token_request(emulator: Emulator) -> None:
    """A token says whose it is and for whom, in the API server's format."""
    answer = ask(emulator)
    assert answer.status_code == 201
    assert answer.json()["status"]["expirationTimestamp"] == "2026-11-23T12:10:00Z"
    claims = jwt.decode(assertion(emulator), options={"verify_signature": False})
    assert (claims["iss"], claims["sub"], claims["aud"]) == (ISSUER, SUBJECT, [AUDIENCE])
    assert claims["exp"] - claims["iat"] == 600


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        ({"token": "x"}, 401, "Unauthorized"),
        ({"account": "other"}, 404, "NotFound"),
        ({"seconds": 599}, 422, "Invalid"),
    ],
)
def test_token_request_refused(
    emulator: Emulator, request_: dict[str, Any], status: int, reason: str
) -> None:
    """A refusal is a Status."""
    emulator.accounts = ("team-a/default",)
    answer = ask(emulator, **request_)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


def test_exchange(emulator: Emulator) -> None:
    """The real client gets a token of the identity, which the registry takes."""
    claims = jwt.decode(
        exchange(emulator, assertion(emulator)), options={"verify_signature": False}
    )
    assert (claims["appid"], claims["tid"]) == (CLIENT_ID, TENANT)
    (record,) = (r for r in emulator.requests if r.endpoint == "entra")
    assert record.identity == CLIENT_ID
    assert record.form["client_assertion"].startswith("sha256:")


def forged(emulator: Emulator) -> str:
    """Return an assertion that another key has signed."""
    claims = jwt.decode(assertion(emulator), options={"verify_signature": False})
    return Signer().sign(claims)


def of_a_stranger(emulator: Emulator) -> str:
    """Return an assertion of an issuer that Entra knows, but the identity does not trust."""
    stranger = Signer()
    emulator.issuers = {"https://stranger.example": stranger.jwks()}
    claims = jwt.decode(assertion(emulator), options={"verify_signature": False})
    return stranger.sign(claims | {"iss": "https://stranger.example"})


def of_a_cluster_without_issuer(emulator: Emulator) -> str:
    """Return a token whose issuer Entra can't reach."""
    emulator.issuer = "https://kubernetes.default.svc"
    return assertion(emulator)


def in_another_case(emulator: Emulator) -> str:
    """Return a token that an identity would trust if case did not count."""
    emulator.federated = [FederatedCredential(CLIENT_ID, SUBJECT.replace("team-a", "Team-A"))]
    return assertion(emulator)


def expired(emulator: Emulator) -> str:
    """Return an assertion of an hour ago."""
    emulator.clock = lambda: datetime(2026, 11, 23, 11, tzinfo=UTC)
    old = assertion(emulator)
    emulator.clock = lambda: NOW
    return old


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (forged, 700027),
        (of_a_stranger, 700211),
        (of_a_cluster_without_issuer, 90061),
        (in_another_case, 7002138),
        (expired, 700024),
        (lambda emulator: assertion(emulator, account="builder"), 700213),
        (lambda emulator: assertion(emulator, audience="api://x"), 700212),
        (lambda _: "no token", 700027),
    ],
)
def test_refused(emulator: Emulator, make: Callable[[Emulator], str], code: int) -> None:
    """Issuer, subject, audience, time and signature must all be right."""
    with pytest.raises(ClientAuthenticationError, match=f"AADSTS{code}: "):
        exchange(emulator, make(emulator))


def test_unknown(emulator: Emulator) -> None:
    """An identity that trusts nobody, one that there is not, and a tenant that there is not."""
    shown = assertion(emulator)
    other = "99999999-2222-3333-4444-555555555555"
    with pytest.raises(ClientAuthenticationError, match="AADSTS70021: "):
        exchange(emulator, shown, client_id=other)
    emulator.identities = ()
    with pytest.raises(ClientAuthenticationError, match="AADSTS700016: "):
        exchange(emulator, shown, client_id=other)
    emulator.tenants = (TENANT,)
    with pytest.raises(ClientAuthenticationError, match="AADSTS90002: "):
        exchange(emulator, shown, tenant=other)


def test_control(emulator: Emulator) -> None:
    """Whom an identity trusts can be set over HTTP."""
    emulator.federated = []
    trusts = [{"client_id": CLIENT_ID, "subject": SUBJECT}]
    url = f"{emulator.imds_url}/_emulator/settings"
    assert requests.post(url, json={"federated": trusts}, timeout=TIMEOUT).ok
    assert exchange(emulator, assertion(emulator))


def test_error_format(emulator: Emulator) -> None:
    """A refusal has a code, and ids and a time that are its own."""
    form = {"client_id": CLIENT_ID, "grant_type": "password"}
    url = f"{emulator.entra_url}/{TENANT}/oauth2/v2.0/token"
    first, second = (
        requests.post(url, data=form, verify=str(emulator.ca_file), timeout=TIMEOUT).json()
        for _ in range(2)
    )
    assert first["error_codes"] == [70003]
    assert first["error_description"].startswith("AADSTS70003: ")
    assert first["timestamp"] == "2026-11-23 12:00:00Z"
    assert first["trace_id"] != second["trace_id"]
    keys = {
        "error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id",
        "error_uri",
    }  # fmt: skip
    assert first.keys() == keys
