"""Pulls by workload identity, through HTTP: the API server and Entra are the emulator's."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import jwt
import pytest

from hooks.core.names import ACR_AUDIENCE
from hooks.mint.minter import SHARED_WAITING
from tests.client import Client, Object, child, observed, reason, service_account, token
from tests.emulator import Emulator, Fault, FederatedCredential, entra_refused
from tests.emulator.imds import TENANT
from tests.emulator.settings import ISSUER
from tests.scrape import Scrape
from tests.service import Service

pytestmark = pytest.mark.process

CLIENT_ID = "azure.workload.identity/client-id"
TENANT_ID = "azure.workload.identity/tenant-id"
MINTS = "acrpull_mints_total"
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
    answer = client.settle(observed(parent(client), account()))
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


def test_recreated_account(client: Client, emulator: Emulator) -> None:
    """The token stays usable, because Entra trusts a ServiceAccount by its name."""
    first = client.sync(observed(parent(client), account()))
    second = client.sync(observed(parent(client), account(uid="uid-2"), answer=first))
    assert (emulator.count("kubernetes"), emulator.count("entra")) == (1, 1)
    assert token(second) == token(first)
    assert reason(second, "TokenFresh") == "True/TokenValid"


def test_one_exchange_for_many(client: Client, emulator: Emulator) -> None:
    """As many bindings of one ServiceAccount as get places request one token."""

    def ask(number: int) -> str:
        body = observed(parent(client, f"app-{number}"), account())
        return reason(client.settle(body), "TokenFresh")

    with ThreadPoolExecutor(SHARED_WAITING) as pool:
        assert set(pool.map(ask, range(SHARED_WAITING))) == {"True/TokenValid"}
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
        f"--resource-group GROUP --issuer {ISSUER} "
        "--subject system:serviceaccount:team-a:builder --audiences api://AzureADTokenExchange"
    ) in ready["message"]
    assert emulator.count("exchange") == 0


def test_by_hand(client: Client) -> None:
    """A person with curl need not send the ServiceAccount, where the spec says both IDs."""
    answer = client.sync({"parent": parent(client)})
    assert who(answer) == client.client_id
    binding = parent(client)
    del binding["spec"]["workloadIdentity"]["tenantID"]
    assert reason(client.sync({"parent": binding})) == "False/InvalidSpec"


@pytest.mark.parametrize("code", [70021, 700213, 53003])
def test_repeated_refusal(client: Client, emulator: Emulator, code: int) -> None:
    """U4: twenty refusals, each with ids and times of Entra, are one status, written once."""
    emulator.faults.add("entra", entra_refused(code))
    answer = client.settle(observed(parent(client), account()))
    failing = answer["status"]
    for number in range(20):
        # Another ServiceAccount, of which nothing is remembered; its uid is in no message.
        answer = client.sync(observed(parent(client), account(uid=f"uid-{number}x"), answer=answer))
        assert answer["status"] == failing
    assert emulator.count("entra") == 21


def test_wait_that_entra_asks_for(client: Client, emulator: Emulator) -> None:
    """Nobody asks before the time that Entra has named."""
    emulator.faults.add("entra", Fault(status=429, headers={"Retry-After": "42"}))
    answer = client.sync(observed(parent(client), account()))
    assert reason(answer) == "False/Throttled"
    assert answer["resyncAfterSeconds"] == 42
    client.sync(observed(parent(client, "other"), account(), answer=answer))
    assert emulator.count("entra") == 1


def test_untrusted_account(client: Client) -> None:
    """Until the identity trusts the spec's new ServiceAccount, the Secret keeps its token."""
    first = client.sync(observed(parent(client), account()))
    changed = parent(client, serviceAccountName="builder")
    body = observed(changed, account(), account("builder"), answer=first)
    answer = client.sync(body)
    assert reason(answer, "TokenFresh") == "False/FederationPending"
    assert token(answer) == token(first)


@pytest.mark.slow
def test_slow_entra_delays_nobody_else(client: Client, emulator: Emulator) -> None:
    """While Entra hangs, bindings by the node's identities are served."""
    emulator.faults.add("entra", Fault(delay=20))
    with ThreadPoolExecutor(12) as pool:
        slow = [
            pool.submit(
                client.post,
                "/sync",
                observed(parent(client, f"app-{n}", clientID=str(uuid4())), account()),
            )
            for n in range(12)
        ]
        managed = client.settle(observed(client.parent()))
        overtaken = not any(future.done() for future in slow)
        statuses = {future.result().status_code for future in slow}
    assert reason(managed, "TokenFresh") == "True/TokenValid"
    assert overtaken
    assert statuses <= {200, 429}


def test_hops_are_counted(running_emulator: Emulator, emulator: Emulator) -> None:
    """Metrics tell at which hop a mint ended."""
    metrics = {"METRICS_BIND": "127.0.0.1:0"}
    environ = running_emulator.environment() | running_emulator.federation() | metrics
    with Service(environ) as running:
        caller = Client(running.url, emulator.acr_server)
        caller.sync(observed(parent(caller), account()))
        emulator.accounts = ()
        caller.sync(observed(parent(caller, clientID=str(uuid4())), account()))
        scrape = Scrape.of(running)
    counted = {tuple(sorted(labels)): n for (name, labels), n in scrape.items() if name == MINTS}
    ends = {labels: n for labels, n in counted.items() if n}
    assert ends == {
        (("hop", "entra"), ("reason", "FederationRefused")): 1,
        (("hop", "service-account-token"), ("reason", "ServiceAccountNotFound")): 1,
    }


def test_case(client: Client) -> None:
    """An identity is the same in whichever case its IDs are written, in spec or annotation."""
    ids = {"clientID": client.client_id.upper(), "tenantID": TENANT.upper()}
    assert who(client.sync(observed(parent(client, **ids), account()))) == client.client_id
    binding = parent(client)
    binding["spec"]["workloadIdentity"] = {}
    noted = account(**{CLIENT_ID: ids["clientID"], TENANT_ID: ids["tenantID"]})
    assert who(client.sync(observed(binding, noted))) == client.client_id


@pytest.mark.parametrize("field", [CLIENT_ID, TENANT_ID])
@pytest.mark.parametrize(
    "value",
    [
        "",
        "puller",
        "{11111111-2222-3333-4444-555555555555}",
        "/../common",
        "x" * 100_000,
        "\u0661" * 8 + "-2222-3333-4444-555555555555",
    ],
    ids=["empty", "name", "braces", "path", "long", "digits"],
)
def test_annotation_is_no_guid(client: Client, emulator: Emulator, field: str, value: str) -> None:
    """Nobody is asked, the annotation is named, and its value, which may be anything, is not."""
    binding = parent(client)
    binding["spec"]["workloadIdentity"] = {}
    noted = account(**{CLIENT_ID: client.client_id, TENANT_ID: TENANT} | {field: value})
    answer = client.sync(observed(binding, noted))
    assert reason(answer) == "False/InvalidSpec"
    message = answer["status"]["conditions"][0]["message"]
    assert message.startswith(
        f'The annotation "{field}" of ServiceAccount "default" is not a GUID. '
    )
    assert len(answer["status"]["conditions"][0]["message"]) < 300
    assert child(answer, "ServiceAccount")["metadata"]["name"] == "default"
    assert emulator.requests == []


def test_annotation_is_misspelled(client: Client, emulator: Emulator) -> None:
    """An annotation that was meant is named beside the one that is missing.

    https://github.com/Azure/azure-workload-identity/issues/1026
    """
    binding = parent(client)
    binding["spec"]["workloadIdentity"] = {}
    misspelled = "azure.workload.identity/client_id"
    noted = account(**{misspelled: client.client_id, TENANT_ID: TENANT})
    answer = client.sync(observed(binding, noted))
    assert reason(answer) == "False/InvalidSpec"
    assert (
        f'"{CLIENT_ID}" of ServiceAccount "default" is missing, but "{misspelled}" is set. Rename'
    ) in answer["status"]["conditions"][0]["message"]
    assert emulator.requests == []


def upstream(client: Client, emulator: Emulator) -> Object:
    """Return a binding of upstream's v1beta2 with a workload identity, in the emulated cloud."""
    cloud = {
        "entraAuthorityHost": emulator.entra_url,
        "resourceManagerAudience": ACR_AUDIENCE,
    }
    workload = {"clientID": client.client_id, "tenantID": TENANT}
    return {
        **client.parent(),
        "apiVersion": "acrpull.microsoft.com/v1beta2",
        "kind": "AcrPullBinding",
        "spec": {
            "acr": {
                "environment": "AirgappedCloud",
                "cloudConfig": cloud,
                "server": client.server,
                "scope": "repository:app:pull",
            },
            "auth": {"workloadIdentity": {"serviceAccountRef": "default", **workload}},
            "serviceAccountName": "default",
        },
    }


def test_audience_of_upstream(
    running_emulator: Emulator, client: Client, emulator: Emulator
) -> None:
    """The identity of upstream's binding trusts upstream's audience: that is the first remedy.

    ARO-HCP@c3f02f9:dev-infrastructure/modules/aks-cluster-base.bicep
    """
    audience = "api://AzureCRTokenExchange"
    setting = f"SERVICE_ACCOUNT_TOKEN_AUDIENCE={audience}"
    emulator.federated = [trust(client.client_id, audience=audience)]
    ours, theirs = parent(client, "ours"), upstream(client, emulator)
    told = [
        client.sync(observed(binding, account()))["status"]["conditions"][0]["message"]
        for binding in (ours, theirs)
    ]
    assert setting not in told[0]
    assert told[1].index(setting) < told[1].index("az identity federated-credential create ")
    environ = running_emulator.environment() | running_emulator.federation()
    with Service(environ | {"SERVICE_ACCOUNT_TOKEN_AUDIENCE": audience}) as running:
        caller = Client(running.url, client.server, client.client_id)
        answer = caller.sync(observed(upstream(caller, emulator), account()))
        assert reason(answer, "TokenFresh") == "False/WritingSecret"
        emulator.federated = []
        answer = caller.sync(observed(upstream(caller, emulator), account(uid="uid-2")))
    assert reason(answer) == "False/FederationPending"
    assert setting not in answer["status"]["conditions"][0]["message"]


def test_another_namespace(client: Client, emulator: Emulator) -> None:
    """An identity that trusts a ServiceAccount of another Namespace is out of reach."""
    theirs = FederatedCredential(str(uuid4()), "system:serviceaccount:team-b:default")
    emulator.federated = [theirs]
    binding = parent(client, clientID=theirs.client_id)
    assert reason(client.sync(observed(binding, account()))) == "False/FederationPending"
    for name in ("team-b/default", "team-b:default", "../team-b"):
        binding = parent(client, clientID=theirs.client_id, serviceAccountName=name)
        assert reason(client.sync(observed(binding, account()))) == "False/InvalidSpec"
    asked = [record.identity for record in emulator.requests if record.endpoint == "kubernetes"]
    assert asked == ["team-a/default"]
    assert emulator.count("exchange") == 0


def test_off(service: Service, emulator: Emulator) -> None:
    """A service without the setting says so, and makes no Kubernetes call."""
    caller = Client(service.url, emulator.acr_server)
    emulator.federated = [trust(caller.client_id)]
    answer = caller.sync(observed(parent(caller), account()))
    assert reason(answer) == "False/InvalidSpec"
    assert "WORKLOAD_IDENTITY=enabled" in answer["status"]["conditions"][0]["message"]
    assert emulator.requests == []
    assert '"identitySource": "imds", "workloadIdentity": "disabled"' in service.log


def test_credential_is_read_each_time(emulator: Emulator, tmp_path: Path) -> None:
    """The service's own token is renewed by the kubelet, and may come late."""
    (tmp_path / "ca.crt").write_bytes(emulator.ca_file.read_bytes())
    environ = (
        emulator.environment() | emulator.federation() | {"SERVICE_ACCOUNT_DIR": str(tmp_path)}
    )
    with Service(environ) as running:
        caller = Client(running.url, emulator.acr_server)
        emulator.federated = [trust(caller.client_id)]
        answer = caller.sync(observed(parent(caller), account()))
        assert reason(answer) == "False/TokenRequestRefused"
        assert str(tmp_path / "token") in answer["status"]["conditions"][0]["message"]
        (tmp_path / "token").write_bytes((emulator.ca_file.parent / "token").read_bytes())
        answer = caller.sync(observed(parent(caller), account(uid="uid-2")))
        assert who(answer) == caller.client_id


def test_authority_of_a_ca_of_its_own(emulator: Emulator, tmp_path: Path) -> None:
    """Entra's CA may be named for it alone; registries keep theirs."""
    with Emulator() as other:
        ca_file = tmp_path / "entra.crt"
        ca_file.write_bytes(other.ca_file.read_bytes())
        other.issuers = emulator.issuers
        entra = {"AZURE_AUTHORITY_HOST": other.entra_url, "AZURE_AUTHORITY_CA_FILE": str(ca_file)}
        with Service(emulator.environment() | emulator.federation() | entra) as running:
            caller = Client(running.url, emulator.acr_server)
            other.federated = [trust(caller.client_id)]
            answer = caller.sync(observed(parent(caller), account()))
        assert reason(answer) == "False/RegistryDenied"  # another Entra's token
        assert (other.count("entra"), emulator.count("exchange")) == (1, 1)


def test_no_token_in_the_log(federated: Service, client: Client, emulator: Emulator) -> None:
    """Neither assertions nor what comes of them are told, be it in a failure."""
    client.sync(observed(parent(client), account()))
    for fault in (Fault(reset=True), Fault(body="<html>"), entra_refused(53003)):
        emulator.faults.clear()
        emulator.faults.add("entra", fault)
        client.sync(observed(parent(client, clientID=str(uuid4())), account()))
    assert "eyJ" not in federated.log
    assert "Traceback" not in federated.log


def test_proxy_and_netrc(emulator: Emulator, tmp_path: Path) -> None:
    """A proxy is for Entra, not for the API server; a password in `.netrc` is for neither."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    proxy = {"HTTPS_PROXY": "http://127.0.0.1:9", "HOME": str(tmp_path)}
    environ = emulator.environment() | emulator.federation()
    with Service(environ | proxy) as running:
        caller = Client(running.url, emulator.acr_server)
        answer = caller.sync(observed(parent(caller), account()))
    assert reason(answer) == "False/EntraUnavailable"
    assert [record.endpoint for record in emulator.requests] == ["kubernetes"]
    with Service(environ | {"HOME": str(tmp_path)}) as running:
        caller = Client(running.url, emulator.acr_server)
        emulator.federated = [trust(caller.client_id)]
        assert who(caller.sync(observed(parent(caller), account()))) == caller.client_id
    _, asked, shown, _ = emulator.requests
    assert asked.authorization.startswith("Bearer ")
    assert shown.authorization == ""
