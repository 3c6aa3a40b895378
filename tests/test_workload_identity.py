"""Pulls by workload identity, through HTTP: the API server and Entra are the emulator's."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import jwt
import pytest

from tests.client import Client, Object, child, observed, reason, service_account, token
from tests.emulator import Emulator, FederatedCredential
from tests.emulator.imds import TENANT
from tests.service import Service

CLIENT_ID = "azure.workload.identity/client-id"
TENANT_ID = "azure.workload.identity/tenant-id"
SUBJECT = "system:serviceaccount:team-a:{}"


@pytest.fixture(scope="module")
def federated(running_emulator: Emulator) -> Iterator[Service]:
    """Start a service that may ask for tokens of ServiceAccounts."""
    with Service(running_emulator.environment() | running_emulator.federation()) as running:
        yield running


@pytest.fixture
def client(federated: Service, emulator: Emulator) -> Client:
    """Return a caller of the hooks, with an identity of its own that trusts "default"."""
    caller = Client(federated.url, emulator.acr_server)
    emulator.federated = [trust(caller.client_id)]
    return caller


def trust(client_id: str, account: str = "default", **fields: str) -> FederatedCredential:
    """Return what lets the identity *client_id* trust a ServiceAccount."""
    return FederatedCredential(client_id, SUBJECT.format(account), **fields)


def parent(client: Client, name: str = "app", **workload: str) -> Object:
    """Return a binding with a workload identity, by default the caller's."""
    made = client.parent(name)
    del made["spec"]["managedIdentityClientID"]
    ids = {"clientID": client.client_id, "tenantID": TENANT}
    made["spec"]["workloadIdentity"] = ids | workload
    return made


def account(name: str = "default", uid: str = "uid-1", **annotations: str) -> Object:
    """Return a ServiceAccount that the binding owns."""
    made = service_account(name, owner="app")
    made["metadata"] |= {"uid": uid, "annotations": annotations}
    return made


def who(answer: Object) -> str:
    """Return the client ID that the token in *answer*'s Secret is for."""
    claims = jwt.decode(token(answer), options={"verify_signature": False})
    return str(claims["sub"])


def test_pulls(client: Client, emulator: Emulator) -> None:
    """A token of the ServiceAccount becomes one of Entra's, and that one of the registry's."""
    answer = client.sync(observed(parent(client), account()))
    assert reason(answer, "TokenFresh") == "True/TokenValid"
    assert who(answer) == client.client_id
    asked = [(r.endpoint, r.identity, r.status) for r in emulator.requests]
    assert asked == [
        ("kubernetes", "team-a/default", 201),
        ("entra", client.client_id, 200),
        ("exchange", client.client_id, 200),
    ]
    assert emulator.requests[1].path == f"/{TENANT}/oauth2/v2.0/token"


def test_annotations(client: Client, emulator: Emulator) -> None:
    """IDs that the spec leaves out are the ServiceAccount's; the spec's come first."""
    binding = parent(client)
    binding["spec"]["workloadIdentity"] = {}
    noted = account(**{CLIENT_ID: client.client_id, TENANT_ID: TENANT})
    first = client.sync(observed(binding, noted))
    assert who(first) == client.client_id
    other = str(uuid4())
    emulator.federated = [trust(client.client_id), trust(other)]
    again = client.sync(observed(parent(client, clientID=other), noted, answer=first))
    assert who(again) == other


def test_other_account(client: Client, emulator: Emulator) -> None:
    """The ServiceAccount that is named is the one whose token is exchanged (upstream's U1)."""
    emulator.federated = [trust(client.client_id, "builder")]
    body = observed(parent(client, serviceAccountName="builder"), account(), account("builder"))
    answer = client.sync(body)
    assert who(answer) == client.client_id
    assert emulator.requests[0].identity == "team-a/builder"
    names = [c["metadata"]["name"] for c in answer["children"] if c["kind"] == "ServiceAccount"]
    assert names == ["default", "builder"]


def test_annotation_changed(client: Client, emulator: Emulator) -> None:
    """Another identity in the annotation is another token, at once (upstream's U3)."""
    other = str(uuid4())
    emulator.federated = [trust(client.client_id), trust(other)]
    binding = parent(client)
    binding["spec"]["workloadIdentity"] = {}
    before = account(**{CLIENT_ID: client.client_id, TENANT_ID: TENANT})
    first = client.sync(observed(binding, before))
    after = account(**{CLIENT_ID: other, TENANT_ID: TENANT})
    second = client.sync(observed(binding, after, answer=first))
    assert (who(first), who(second)) == (client.client_id, other)
    kept = client.sync(observed(binding, after, answer=second))
    assert child(kept, "Secret") == child(second, "Secret")


def test_account_made_anew(client: Client, emulator: Emulator) -> None:
    """A ServiceAccount of the same name is another one: it is asked for a token of its own."""
    first = client.sync(observed(parent(client), account()))
    client.sync(observed(parent(client), account(), answer=first))
    assert emulator.count("entra") == 1
    second = client.sync(observed(parent(client), account(uid="uid-2"), answer=first))
    assert (emulator.count("kubernetes"), emulator.count("entra")) == (2, 2)
    assert reason(second, "TokenFresh") == "True/TokenValid"


def test_one_exchange_for_many(client: Client, emulator: Emulator) -> None:
    """Twenty bindings of one ServiceAccount ask once."""

    def ask(number: int) -> str:
        return reason(
            client.sync(observed(parent(client, f"app-{number}"), account())), "TokenFresh"
        )

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(ask, range(20))) == {"True/TokenValid"}
    counts = [emulator.count(name) for name in ("kubernetes", "entra", "exchange")]
    assert counts == [1, 1, 1]


def test_crossing(client: Client, emulator: Emulator) -> None:
    """An identity that trusts one ServiceAccount is not had for another."""
    body = observed(parent(client, serviceAccountName="builder"), account(), account("builder"))
    answer = client.sync(body)
    assert reason(answer) == "False/FederationPending"
    (ready, *_) = answer["status"]["conditions"]
    assert (
        "az identity federated-credential create --name team-a-builder --identity-name IDENTITY "
        "--resource-group GROUP --issuer https://kubernetes.default.svc "
        "--subject system:serviceaccount:team-a:builder --audiences api://AzureADTokenExchange"
    ) in ready["message"]
    assert emulator.count("exchange") == 0
