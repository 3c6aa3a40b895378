"""IDENTITY_SOURCE=workload: managed identities by the service's own token, and never by IMDS."""

from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from tests.client import Client, observed, reason, token
from tests.emulator import Emulator, FederatedCredential
from tests.emulator.imds import TENANT
from tests.emulator.settings import ISSUER
from tests.emulator.signer import Signer
from tests.service import Service

SUBJECT = "system:serviceaccount:acrpull-system:acrpull"
AUDIENCE = "api://AzureADTokenExchange"


@pytest.fixture(scope="module")
def kubelet() -> Signer:
    """Return the key of a cluster's tokens."""
    return Signer()


@pytest.fixture(scope="module")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the webhook mounts the service's token."""
    return tmp_path_factory.mktemp("azure") / "azure-identity-token"


@pytest.fixture(scope="module")
def service(running_emulator: Emulator, token_file: Path) -> Iterator[Service]:
    """Start a service as the webhook starts its Pod."""
    environ = running_emulator.environment() | {
        "IDENTITY_SOURCE": "workload",
        "AZURE_AUTHORITY_HOST": f"{running_emulator.entra_url}/",
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
        "AZURE_FEDERATED_TOKEN_FILE": str(token_file),
    }
    with Service(environ) as running:
        yield running


@pytest.fixture
def client(service: Service, emulator: Emulator, kubelet: Signer, token_file: Path) -> Client:
    """Return a caller whose identity trusts the service."""
    caller = Client(service.url, emulator.acr_server)
    emulator.issuers = {ISSUER: kubelet.jwks()}
    emulator.federated = [FederatedCredential(caller.client_id, SUBJECT)]
    token_file.write_text(f"{assertion(emulator, kubelet)}\n")
    return caller


def assertion(emulator: Emulator, kubelet: Signer, age: int = 0) -> str:
    """Return a token of the service's ServiceAccount."""
    now = int(emulator.clock().timestamp()) - age
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": [AUDIENCE], "nbf": now, "exp": now + 3600}
    return kubelet.sign(claims)


def test_pulls(client: Client, emulator: Emulator, service: Service) -> None:
    """Entra is asked for the identity that the binding names; neither IMDS nor the API server."""
    answer = client.sync(observed(client.parent()))
    claims = jwt.decode(token(answer), options={"verify_signature": False})
    assert claims["sub"] == client.client_id
    assert [record.endpoint for record in emulator.requests] == ["entra", "exchange"]
    assert '"identitySource": "workload"' in service.log


def test_resource_id(client: Client, emulator: Emulator) -> None:
    """Entra knows no resource IDs."""
    parent = client.parent(
        managedIdentityResourceID="/subscriptions/11111111-2222-3333-4444-555555555555/"
        "resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/puller"
    )
    answer = client.sync(observed(parent))
    assert reason(answer) == "False/InvalidSpec"
    assert "managedIdentityClientID" in answer["status"]["conditions"][0]["message"]
    assert emulator.requests == []


def test_file_is_read_each_time(
    client: Client, emulator: Emulator, kubelet: Signer, token_file: Path
) -> None:
    """An expired token is refused; the next one, which the kubelet writes, is not."""
    token_file.write_text(assertion(emulator, kubelet, age=7200))
    answer = client.sync(observed(client.parent()))
    assert reason(answer) == "False/ClockSkew"
    token_file.write_text(assertion(emulator, kubelet))
    fresh = Client(client.url, client.server)
    emulator.federated = [FederatedCredential(fresh.client_id, SUBJECT)]
    assert reason(fresh.settle(observed(fresh.parent())), "TokenFresh") == "True/TokenValid"


@pytest.mark.parametrize("text", [None, "", "no token"])
def test_no_token(client: Client, emulator: Emulator, token_file: Path, text: str | None) -> None:
    """Without a token there is nothing to show to Entra, and IMDS is asked all the less."""
    token_file.unlink()
    if text is not None:
        token_file.write_text(text)
    answer = client.sync(observed(client.parent()))
    assert reason(answer) == "False/IdentityUnavailable"
    assert str(token_file) in answer["status"]["conditions"][0]["message"]
    assert emulator.requests == []


def test_no_trust(client: Client, emulator: Emulator) -> None:
    """The command names the service's own ServiceAccount."""
    emulator.federated = []
    answer = client.sync(observed(client.parent()))
    assert reason(answer) == "False/FederationPending"
    assert f" --subject {SUBJECT} " in answer["status"]["conditions"][0]["message"]
