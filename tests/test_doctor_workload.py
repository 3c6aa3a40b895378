"""The doctor on bindings by workload identity, offline and live."""

import json
from typing import Any, Final
from uuid import uuid4

import pytest
import yaml

from hooks.doctor.__main__ import UNTRIED
from hooks.doctor.remedies import REMEDIES
from tests.doctor import Run, manifest, run
from tests.emulator import Emulator, FederatedCredential
from tests.emulator.imds import TENANT

GUID: Final = "11111111-2222-3333-4444-555555555555"
STAND_IN: Final = "00000000-0000-0000-0000-000000000000"
CLIENT_ID: Final = "azure.workload.identity/client-id"
TENANT_ID: Final = "azure.workload.identity/tenant-id"
SERVER: Final = "myregistry.azurecr.io"
ON: Final = {"WORKLOAD_IDENTITY": "enabled"}
OWN: Final = {
    "IDENTITY_SOURCE": "workload",
    "AZURE_TENANT_ID": TENANT,
    "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/azure/tokens/azure-identity-token",
}


def account(name: str = "default", **annotations: str) -> str:
    """Return a ServiceAccount's YAML, a document."""
    meta = {"name": name, "namespace": "team-a", "annotations": annotations}
    return (
        f"---\n{yaml.safe_dump({'apiVersion': 'v1', 'kind': 'ServiceAccount', 'metadata': meta})}"
    )


def judge(text: str, **environ: str) -> dict[str, Any]:
    """Return what the doctor says of the one binding in *text*."""
    done = run("--output", "json", "-", stdin=text, environ=environ)
    assert done.err == ""
    (found,) = done.report["bindings"]
    return dict(found)


def bind(**workload: str) -> str:
    """Return a binding's YAML."""
    return manifest(acrServer=SERVER, workloadIdentity=workload)


def test_all_in_the_spec() -> None:
    """What is sent is told, and what lets the identity trust the ServiceAccount."""
    found = judge(bind(clientID=GUID, tenantID=TENANT), **ON)
    assert found["ok"]
    assert found["identity"] == {
        "clientID": GUID,
        "resourceID": None,
        "default": False,
        "tenantID": TENANT,
        "serviceAccount": "team-a/default",
    }
    names = [request["name"] for request in found["requests"]]
    assert names == ["service-account-token", "entra", "exchange"]
    asked, entra, _ = found["requests"]
    assert asked["url"] == (
        "https://kubernetes.default.svc:443/api/v1/namespaces/team-a/serviceaccounts/default/token"
    )
    assert entra["url"] == f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"
    assert entra["form"]["client_id"] == GUID
    assert found["commands"]["nodes"] == []
    assert "system:serviceaccount:team-a:default" in found["commands"]["trust"][-1]


@pytest.mark.parametrize("workload", [{}, {"serviceAccountName": "builder"}], ids=["own", "other"])
def test_annotations_that_are_not_seen(workload: dict[str, str]) -> None:
    """A ServiceAccount that is not in the file: which annotations of it count is said."""
    found = judge(bind(**workload), **ON)
    name = workload.get("serviceAccountName", "default")
    assert found["ok"]
    for annotation in (CLIENT_ID, TENANT_ID):
        text = f"the annotation {annotation} of ServiceAccount team-a/{name} is not looked at"
        assert any(note.startswith(text) for note in found["notes"])
    assert (found["identity"]["clientID"], found["identity"]["tenantID"]) == (STAND_IN, STAND_IN)
    partly = judge(bind(clientID=GUID, **workload), **ON)
    assert (partly["identity"]["clientID"], partly["identity"]["tenantID"]) == (GUID, STAND_IN)
    assert not any(CLIENT_ID in note for note in partly["notes"])


def test_commands_without_the_identity() -> None:
    """What is not known is the user's to fill in, and nothing that looks like an ID."""
    commands = judge(bind(), **ON)["commands"]
    assert "--assignee CLIENT_ID " in commands["rbac"]
    assert STAND_IN not in json.dumps(commands)


def test_annotations() -> None:
    """A ServiceAccount in the same file counts, as in a cluster."""
    noted = account(**{CLIENT_ID: GUID, TENANT_ID: TENANT})
    found = judge(bind() + noted + account("builder", **{CLIENT_ID: STAND_IN}), **ON)
    assert found["identity"]["clientID"] == GUID
    assert not any("annotation azure" in note for note in found["notes"])
    assert judge(bind() + account(), **ON)["problems"] == [
        f'The annotation "{CLIENT_ID}" of ServiceAccount "default" is missing. Set it, or set '
        f"spec.workloadIdentity.clientID, e.g. {GUID}"
    ]
    (problem,) = judge(bind() + account(**{CLIENT_ID: "puller"}), **ON)["problems"]
    assert "is not a GUID" in problem


def test_tenant_by_default() -> None:
    """The service's tenant is told as what it is for the binding."""
    found = judge(bind(clientID=GUID), **ON, AZURE_TENANT_ID=TENANT)
    assert found["identity"]["tenantID"] == TENANT
    assert not any(TENANT_ID in note for note in found["notes"])


def test_required() -> None:
    """Where a Namespace must list what it allows, that is servers alone."""
    found = judge(bind(clientID=GUID, tenantID=TENANT), **ON, NAMESPACE_POLICY="required")
    assert found["notes"][-1] == (
        "NAMESPACE_POLICY=required: on Namespace team-a, acrpull.dev/allowed-acr-servers must list "
        f"{SERVER}"
    )


def test_off() -> None:
    """A service that has it off says so."""
    found = judge(bind(clientID=GUID, tenantID=TENANT))
    assert found["accepted"]
    assert "WORKLOAD_IDENTITY=enabled" in found["problems"][0]


def test_bad_account() -> None:
    """A ServiceAccount without a name is a problem of the file."""
    bad = "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {}\n"
    done = run("-", stdin=bind() + bad, environ=ON)
    assert done.code == 1
    assert "document 2: ServiceAccount.metadata.name: expected a string" in done.out


def test_text() -> None:
    """A person reads which ways are on, whom the identity trusts, and the command."""
    done = run("-", stdin=bind(clientID=GUID, tenantID=TENANT), environ=ON)
    assert done.out.startswith(
        "note: IDENTITY_SOURCE=imds WORKLOAD_IDENTITY=enabled, "
        "Entra at https://login.microsoftonline.com\n"
    )
    assert f"Tenant          {TENANT}\n" in done.out
    assert "Trusts          ServiceAccount team-a/default\n" in done.out
    assert "  az identity federated-credential create --name team-a-default" in done.out
    assert "Nodes" not in done.out


def test_own_token() -> None:
    """Without IMDS the service's own token is exchanged, which is said."""
    text = manifest(acrServer=SERVER, managedIdentityClientID=GUID)
    done = run("-", stdin=text, environ=OWN)
    assert done.out.startswith("note: IDENTITY_SOURCE=workload WORKLOAD_IDENTITY=disabled, Entra")
    assert "Trusts          the service's own token\n" in done.out
    found = judge(text, **OWN)
    assert [request["name"] for request in found["requests"]] == ["entra", "exchange"]


def live(emulator: Emulator, client_id: str) -> Run:
    """Try a mint."""
    ids = {"clientID": client_id, "tenantID": TENANT}
    text = manifest(acrServer=emulator.acr_server, workloadIdentity=ids)
    environ = emulator.environment() | emulator.federation()
    return run("--live", "--output", "json", "-", stdin=text, environ=environ)


def test_live(emulator: Emulator) -> None:
    """It sends what it says, and tells what came of it, without a token."""
    client_id = str(uuid4())
    subject = "system:serviceaccount:team-a:default"
    emulator.federated = [FederatedCredential(client_id, subject)]
    done = live(emulator, client_id)
    (found,) = done.report["bindings"]
    assert done.code == 0
    assert [(tried["hop"], tried["reason"]) for tried in found["live"]] == [
        ("entra", None), ("exchange", None)
    ]  # fmt: skip
    sent = [f"https://{record.host}{record.path}" for record in emulator.requests]
    assert [request["url"] for request in found["requests"]] == sent
    assert found["requests"][1]["form"].keys() == emulator.requests[1].form.keys()
    assert "eyJ" not in done.err


def test_live_without_the_identity(emulator: Emulator) -> None:
    """Nobody is asked for an identity that only a ServiceAccount elsewhere knows."""
    text = manifest(acrServer=emulator.acr_server, workloadIdentity={"clientID": GUID})
    environ = emulator.environment() | emulator.federation()
    done = run("--live", "--output", "json", "-", stdin=text, environ=environ)
    (found,) = done.report["bindings"]
    assert done.code == 1
    assert found["problems"] == [UNTRIED]
    assert emulator.requests == []


def test_live_without_trust(emulator: Emulator) -> None:
    """Which hop fails is said, and what to do."""
    done = live(emulator, str(uuid4()))
    (found,) = done.report["bindings"]
    (tried,) = found["live"]
    assert (tried["hop"], tried["reason"]) == ("entra", "FederationRefused")
    assert tried["remedy"] == REMEDIES[tried["reason"]]
    emulator.accounts = ()
    (found,) = live(emulator, str(uuid4())).report["bindings"]
    (tried,) = found["live"]
    assert (tried["hop"], tried["reason"]) == ("service-account-token", "ServiceAccountNotFound")
