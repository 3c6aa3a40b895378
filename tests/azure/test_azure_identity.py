"""The token endpoint of IMDS under Microsoft's client."""

from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, ManagedIdentityCredential

from tests import emulator as azure
from tests.azure.client import ACR, CLIENT_ID, RESOURCE_ID, claims_of, exchange
from tests.emulator.emulator import Emulator
from tests.emulator.fault import Fault


@pytest.fixture(autouse=True)
def environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point azure-identity at the emulator."""
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("config", "claim"),
    [
        ({"client_id": CLIENT_ID}, ("appid", CLIENT_ID)),
        ({"identity_config": {"resource_id": RESOURCE_ID}}, ("xms_mirid", RESOURCE_ID.lower())),
    ],
)
def test_token(emulator: Emulator, config: dict[str, Any], claim: tuple[str, str]) -> None:
    """A client ID or resource ID yields a token for that identity, from one request."""
    with ManagedIdentityCredential(**config) as credential:
        token = credential.get_token(f"{ACR}/.default").token
    claims = claims_of(token)
    assert (claims["aud"], claims[claim[0]]) == (ACR, claim[1])
    assert exchange(emulator, access_token=token).status_code == 200
    assert (emulator.count("imds"), emulator.requests[0].identity.lower()) == (1, claim[1])


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (azure.identity_not_found(), "Identity not found"),
        (azure.multiple_identities(), "Multiple user assigned identities exist"),
        (azure.unknown_resource(), "AADSTS500011"),
        (azure.imds_throttled(), "Temporarily throttled"),
        (Fault(status=500, body="<html>"), "authentication unavailable"),
    ],
)
def test_refusal(emulator: Emulator, fault: Fault, text: str) -> None:
    """Each refusal of IMDS becomes an error of azure-identity that quotes it."""
    emulator.faults.add("imds", fault)
    with (
        ManagedIdentityCredential(client_id=CLIENT_ID, retry_total=0) as credential,
        pytest.raises((CredentialUnavailableError, ClientAuthenticationError), match=text),
    ):
        credential.get_token(f"{ACR}/.default")
