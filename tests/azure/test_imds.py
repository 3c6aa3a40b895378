"""The token endpoint of IMDS."""

import pytest
import requests

from tests.azure.client import ACR, CLIENT_ID, NOW, RESOURCE_ID, TIMEOUT, claims_of, imds
from tests.emulator.emulator import Emulator


def test_answer(emulator: Emulator) -> None:
    """All values are strings, in IMDS's order, with nbf five minutes before the issue."""
    response = imds(emulator, client_id=CLIENT_ID.upper())
    token = response.json()["access_token"]
    issued = int(NOW.timestamp())
    assert list(response.json().items()) == [
        ("access_token", token),
        ("client_id", CLIENT_ID),
        ("expires_in", "86400"),
        ("expires_on", str(issued + 86400)),
        ("ext_expires_in", "86399"),
        ("not_before", str(issued - 300)),
        ("resource", ACR),
        ("token_type", "Bearer"),
    ]
    assert response.headers["Server"].startswith("IMDS/")
    assert (claims_of(token)["aud"], claims_of(token)["appid"]) == (ACR, CLIENT_ID)


@pytest.mark.parametrize(
    ("query", "description"),
    [
        ({}, "Multiple user assigned identities exist"),
        ({"client_id": CLIENT_ID, "msi_res_id": RESOURCE_ID}, "otherwise malformed"),
        ({"client_id": CLIENT_ID, "resource": ""}, "otherwise malformed"),
        ({"client_id": CLIENT_ID, "api-version": "2017-01-01"}, "otherwise malformed"),
        ({"client_id": "puller"}, "Identity not found"),
        ({"client_id": ""}, "Identity not found"),
        ({"msi_res_id": CLIENT_ID}, "Identity not found"),
    ],
)
def test_refusal(emulator: Emulator, query: dict[str, str], description: str) -> None:
    """A query that does not name one well-formed identity is answered with 400."""
    response = imds(emulator, **query)
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_request"
    assert description in response.json()["error_description"]


def test_metadata_header(emulator: Emulator) -> None:
    """Without `Metadata: true` nobody gets a token."""
    url = f"{emulator.imds_url}/metadata/identity/oauth2/token"
    response = requests.get(url, timeout=TIMEOUT)
    assert (response.status_code, emulator.requests[0].status) == (400, 400)


@pytest.mark.parametrize(
    "query",
    [{"client_id": CLIENT_ID}, {"msi_res_id": RESOURCE_ID}, {"object_id": CLIENT_ID}],
)
def test_assigned_identities(emulator: Emulator, query: dict[str, str]) -> None:
    """Only identities assigned to the machine are found, in any case of letters."""
    emulator.identities = {value.upper() for value in query.values()}
    assert imds(emulator, **query).status_code == 200
    emulator.identities = {"another"}
    assert imds(emulator, **query).json()["error_description"] == "Identity not found"


def test_default_identity(emulator: Emulator) -> None:
    """Without a selector the machine's only identity is taken, if it has just one."""
    emulator.default_identity = CLIENT_ID
    assert imds(emulator).json()["client_id"] == CLIENT_ID
