"""What a Namespace lists binds the bindings in it; by the front door."""

from collections.abc import Iterator

import pytest

from tests.client import Client, Object, child, observed, reason, service_account
from tests.emulator import Emulator
from tests.service import Service

pytestmark = pytest.mark.process

IDENTITIES = "acrpull.dev/allowed-identities"
SERVERS = "acrpull.dev/allowed-acr-servers"


@pytest.fixture(scope="module")
def strict(running_emulator: Emulator) -> Iterator[Service]:
    """Start a service that wants Namespaces to list what they allow."""
    environment = running_emulator.environment() | {"NAMESPACE_POLICY": "required"}
    with Service(environment) as service:
        yield service


def listing(body: Object, **annotations: str) -> Object:
    """Return *body* with *annotations* on the Namespace."""
    body["related"]["Namespace.v1"]["team-a"]["metadata"]["annotations"] = annotations
    return body


def ready(answer: Object) -> str:
    """Return the message of the condition Ready."""
    (found,) = (c for c in answer["status"]["conditions"] if c["type"] == "Ready")
    return str(found["message"])


def test_withdrawn_and_back(client: Client, emulator: Emulator) -> None:
    """An identity that is taken off the list costs the Secret; listed again, it comes back."""
    parent = client.parent()
    account = service_account("default", "zeta", "acr-pull-app", owner="app")
    first = client.sync(observed(parent, account))
    assert child(first, "Secret")
    body = observed(parent, account, answer=first)
    denied = client.sync(listing(body, **{IDENTITIES: "11111111-2222-3333-4444-555555555555"}))
    assert reason(denied) == "False/IdentityNotAllowed"
    text = f'"{client.client_id}" is not listed in annotation {IDENTITIES} of Namespace "team-a".'
    assert text in ready(denied)
    assert [c["kind"] for c in denied["children"]] == ["ServiceAccount"]
    assert child(denied, "ServiceAccount")["imagePullSecrets"] == [{"name": "zeta"}]
    before = emulator.count("exchange")
    again = client.sync(listing(body, **{IDENTITIES: f"x, {client.client_id.upper()}"}))
    assert reason(again, "TokenFresh") == "True/TokenValid"
    assert emulator.count("exchange") == before


def test_server(client: Client) -> None:
    """A registry that is not on the list is refused before anything is asked."""
    answer = client.sync(listing(observed(client.parent()), **{SERVERS: "other.azurecr.io"}))
    assert reason(answer) == "False/ServerNotAllowed"
    assert SERVERS in ready(answer)


def test_required(strict: Service, emulator: Emulator) -> None:
    """Where lists are required, a Namespace without one allows nothing."""
    client = Client(strict.url, emulator.acr_server)
    answer = client.sync(observed(client.parent()))
    assert reason(answer) == "False/ServerNotAllowed"
    answer = client.sync(listing(observed(client.parent()), **{SERVERS: "*"}))
    assert reason(answer) == "False/IdentityNotAllowed"
    assert emulator.requests == []
    body = listing(observed(client.parent()), **{SERVERS: "*", IDENTITIES: client.client_id})
    assert reason(client.settle(body), "TokenFresh") == "True/TokenValid"


def test_withdrawn(strict: Service, emulator: Emulator) -> None:
    """A denied binding has no Secret, and so nothing attaches a Secret to its ServiceAccount."""
    client = Client(strict.url, emulator.acr_server)
    body = observed(client.parent())
    assert client.sync(body)["children"] == []
    listing(body, **{SERVERS: "*", IDENTITIES: "*"})
    labels = child(client.sync(body), "Secret")["metadata"]["labels"]
    assert labels == {"serviceaccount.acrpull.dev/default": "attach"}
