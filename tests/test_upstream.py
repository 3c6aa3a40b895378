"""Upstream's bindings by the front door: HTTP, gunicorn, azure-identity, and an emulated Azure.

The numbers are those of the table in docs/migrating.md.
"""

import hashlib
from collections.abc import Iterator

import pytest

from hooks.core.apis import UPSTREAM
from tests.client import (
    LIFE_SECONDS,
    Client,
    Object,
    aged,
    child,
    observed,
    reason,
    service_account,
    token,
)
from tests.emulator import Emulator, Fault
from tests.service import Service

GUID = "11111111-2222-3333-4444-555555555555"
FIRST, SECOND = "app-msi-acrpull-secret", "acr-pull-app"


def v1beta1(client: Client, name: str = "app", **spec: str) -> Object:
    """Return a binding as upstream's controller writes it back: with every field."""
    empty = {"managedIdentityResourceID": "", "scope": ""}
    parent = client.parent(name)
    kind = {"apiVersion": "msi-acrpull.microsoft.com/v1beta1", "kind": "AcrPullBinding"}
    return {**parent, **kind, "spec": {**empty, **parent["spec"], **spec}}


def v1beta2(client: Client, **acr: str) -> Object:
    """Return a binding to pull `app` for `build`."""
    return {
        **client.parent(),
        "apiVersion": "acrpull.microsoft.com/v1beta2",
        "kind": "AcrPullBinding",
        "spec": {
            "acr": {"server": client.server, "scope": "repository:app:pull", **acr},
            "auth": {"managedIdentity": {"clientID": client.client_id}},
            "serviceAccountName": "build",
        },
    }


def held(*entries: str) -> Object:
    """Return a ServiceAccount that upstream's binding of the same uid holds."""
    account = service_account("default", *entries, owner="app")
    kind = {"apiVersion": "msi-acrpull.microsoft.com/v1beta1", "kind": "AcrPullBinding"}
    account["metadata"]["ownerReferences"][0] |= kind
    return account


def entries(answer: Object) -> list[str]:
    """Return the names in the ServiceAccount's imagePullSecrets."""
    return [entry["name"] for entry in child(answer, "ServiceAccount")["imagePullSecrets"]]


def test_first(client: Client) -> None:
    """A binding of v1beta1 gets the Secret of its name, and upstream's status beside ours."""
    account = held("zeta", FIRST)
    first = client.sync(observed(v1beta1(client), account))
    answer = client.sync(observed(v1beta1(client), account, answer=first))
    assert child(answer, "Secret")["metadata"]["name"] == FIRST
    assert token(answer) == token(first)
    assert reason(answer) == "True/Ready"
    status = answer["status"]
    assert status["lastTokenRefreshTime"] < status["tokenExpirationTime"]
    assert not {"error", "tokenIssueTime"} & status.keys()


def test_second(client: Client, emulator: Emulator) -> None:
    """One of v1beta2 gets a token for its scope, renewed 30 minutes before it expires."""
    answer = client.settle(observed(v1beta2(client)))
    assert child(answer, "Secret")["metadata"]["name"] == SECOND
    assert abs(answer["resyncAfterSeconds"] - (75 - 30) * 60) < 5
    assert emulator.count("token") == 1


@pytest.mark.parametrize(
    ("scope", "sent"),
    [
        (" repository:app:pull  repository:b:pull ", "repository:app:pull repository:b:pull"),
        ("repository:app:*", "repository:app:*"),
    ],
)
def test_scope(client: Client, emulator: Emulator, scope: str, sent: str) -> None:
    """What upstream hands on to a registry as it is, is not refused for how it is written."""
    parents = v1beta1(client, scope=scope), v1beta2(client, scope=scope)
    first, second = (token(client.sync(observed(parent))) for parent in parents)
    assert first == second
    assert [r.form["scope"] for r in emulator.requests if "scope" in r.form] == [sent]


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ({}, "spec.acr is missing. Set it, for example acr: {"),
        (
            {"acr": {"scope": "repository:app:pull"}},
            "spec.acr.server is missing. Set it, for example server: myregistry.",
        ),
        (
            {"acr": {"server": "x.io/y", "scope": "repository:a:pull"}},
            'spec.acr.server: "x.io/y" is not a registry\'s login',
        ),
        ({"auth": {}}, "spec.auth: {} is not an object with exactly one of managedIdentity and"),
        (
            {"auth": {"workloadIdentity": {"serviceAccountRef": "x", "clientID": GUID}}},
            'spec.auth.workloadIdentity: {"serviceAccountRef": "x", "clientID": "1111',
        ),
    ],
)
def test_invalid(client: Client, spec: Object, error: str) -> None:
    """An invalid spec is told in the words of its own API, in `error` too."""
    parent = v1beta2(client)
    answer = client.sync(observed({**parent, "spec": spec and {**parent["spec"], **spec}}))
    assert reason(answer) == "False/InvalidSpec"
    assert answer["status"]["error"].startswith(error)


def test_fork(client: Client) -> None:
    """Fields of a fork are an error, even if the API server dropped the fields.

    everjing/msi-acrpull@37fd4d3:config/samples/msi-acrpull_v1beta1_acrpullbinding.yaml
    """
    pruned = {**v1beta1(client), "spec": {"acrServer": client.server}}
    fields = {"workloadIdentityClientID": GUID, "workloadIdentityTenantID": GUID}
    sent = {**pruned, "spec": {**pruned["spec"], **fields}}
    told = []
    for parent in (sent, pruned):
        answer = client.sync(observed(parent))
        assert reason(answer) == "False/InvalidSpec"
        told.append(answer["status"]["error"])
    assert told[0].startswith('spec: unknown field "workloadIdentityClientID". Known fields are ')
    assert told[1].startswith("spec names no managed identity and the service has no default. ")


def test_failures(client: Client, emulator: Emulator) -> None:
    """U4: a failure is told in the same words each time, and tried again after a wait."""
    emulator.faults.add("imds", Fault(reset=True))
    first = client.settle(observed(v1beta1(client)))
    second = client.sync(observed(v1beta1(client), answer=first))
    assert first["status"]["conditions"] == second["status"]["conditions"]
    assert first["status"]["error"] == second["status"]["error"] != ""
    assert first["resyncAfterSeconds"] >= 5


def test_short_token(client: Client, emulator: Emulator) -> None:
    """U5: a token that lives for less than 30 minutes is kept for half of its life."""
    emulator.refresh_lifetime = 1200
    first = client.sync(observed(v1beta1(client)))
    emulator.reset()
    again = client.sync(observed(v1beta1(client), answer=first))
    assert 590 < again["resyncAfterSeconds"] <= 600
    assert token(again) == token(first)
    assert emulator.requests == []


def test_long_name(client: Client) -> None:
    """U6: names that are too long for a label have their Secret, with a hash in the label."""
    name, account = "a" * 100, "b" * 64
    answer = client.sync(observed(v1beta1(client, name, serviceAccountName=account)))
    meta = child(answer, "Secret")["metadata"]
    assert meta["name"] == f"{name}-msi-acrpull-secret"
    digest = hashlib.sha256(account.encode()).hexdigest()[:16]
    assert meta["labels"] == {f"serviceaccount.acrpull.dev/{'b' * 46}-{digest}": "attach"}


def test_order(client: Client) -> None:
    """U7: entries of the user's stay in their order, and none of upstream's moves."""
    listed = ["zeta", FIRST, "alpha"]
    answer = client.sync(observed(v1beta1(client), held(*listed)))
    assert entries(answer) == listed


def test_moved_on(client: Client) -> None:
    """U8: a v1beta1 binding takes its entry off a ServiceAccount that it targets no more."""
    parent = v1beta1(client, serviceAccountName="build")
    answer = client.sync(observed(parent, held("zeta", FIRST)))
    assert entries(answer) == ["zeta"]


def test_foreign_metadata(client: Client) -> None:
    """U9: an answer contains only acrpull's labels and annotations, so labels of others stay."""
    answer = client.sync(observed(v1beta1(client)))
    meta = child(answer, "Secret")["metadata"]
    assert meta.keys() == {"name", "namespace", "labels", "annotations"}
    assert meta["labels"] == {"serviceaccount.acrpull.dev/default": "attach"}
    assert meta["annotations"].keys() == {"acrpull.dev/token-inputs"}


@pytest.mark.parametrize("make", [v1beta1, v1beta2])
def test_server_not_allowed(client: Client, make: type) -> None:
    """U11: the Secret and its entry stay until the token expires."""
    account = held("zeta", FIRST, SECOND)
    parent = make(client)
    parent["spec"]["serviceAccountName"] = "default"
    first = client.sync(observed(parent, account))
    spec = parent["spec"]
    server = {"server": "evil.example.com"}
    parent["spec"] = (
        {**spec, "acr": {**spec["acr"], **server}}
        if "acr" in spec
        else {**spec, "acrServer": server["server"]}
    )
    answer = client.sync(observed(parent, account, answer=first))
    assert reason(answer) == "False/ServerNotAllowed"
    assert "spec.acr" in answer["status"]["error"]
    assert token(answer) == token(first)
    assert entries(answer) == ["zeta", FIRST, SECOND]
    expired = client.sync(observed(parent, account, answer=aged(first, LIFE_SECONDS + 60)))
    assert [c["kind"] for c in expired["children"]] == ["ServiceAccount"]
    own = {v1beta1: FIRST, v1beta2: SECOND}[make]
    assert entries(expired) == [name for name in ("zeta", FIRST, SECOND) if name != own]


@pytest.fixture
def told(emulator: Emulator) -> Iterator[Client]:
    """Return a caller of a service that is told of upstream's bindings."""
    allowed = {"ALLOWED_ACR_SERVER_SUFFIXES": ",".join(emulator.acr_servers)}
    settings = {**emulator.environment(), **allowed, "UPSTREAM_APIS": "enabled"}
    with Service(settings) as service:
        yield Client(service.url, emulator.acr_server)


def test_related_where_they_are(client: Client, told: Client) -> None:
    """A left Secret relates upstream's bindings only with the setting, which shows their CRDs."""
    found = []
    left = {"parent": {"metadata": {"name": SECOND, "namespace": "team-a"}}}
    for caller in (client, told):
        rules = caller.ask("/secret/customize", left)["relatedResources"]
        found.append([rule["apiVersion"] for rule in rules])
    assert found == [["acrpull.dev/v1beta1"], ["acrpull.dev/v1beta1", UPSTREAM[1].api_version]]
