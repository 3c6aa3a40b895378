"""The doctor on bindings with a workload identity, offline and live."""

import json
from typing import Final
from uuid import uuid4

import pytest

from hooks.doctor.__main__ import NOT_REQUESTED
from hooks.doctor.diagnosis import PLACEHOLDER_ID
from tests.doctor import GUID, SERVER, Run, examine, judge, manifest, run, thing
from tests.emulator import Emulator, FederatedCredential
from tests.emulator.imds import TENANT

CLIENT_ID: Final = "azure.workload.identity/client-id"
TENANT_ID: Final = "azure.workload.identity/tenant-id"
ON: Final = {"WORKLOAD_IDENTITY": "enabled"}
OWN: Final = {
    "IDENTITY_SOURCE": "workload",
    "AZURE_TENANT_ID": TENANT,
    "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/azure/tokens/azure-identity-token",
}


def account(name: str = "default", **annotations: str) -> str:
    """Return a ServiceAccount as a YAML document."""
    return thing("ServiceAccount", name, annotations=annotations)


def bind(**workload: str) -> str:
    """Return a binding as a YAML document."""
    return manifest(acrServer=SERVER, workloadIdentity=workload)


def test_all_in_the_spec() -> None:
    """The report has the requests, and the command for the federated credential."""
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
def test_unread_annotations(workload: dict[str, str]) -> None:
    """A note names the unread annotations of a ServiceAccount outside the file."""
    report = examine(bind(**workload), **ON)
    (found,) = report["bindings"]
    name = workload.get("serviceAccountName", "default")
    text = f"ServiceAccount team-a/{name} is not in this file, so its annotations were not read "
    assert report["notes"][0].startswith(f"{text}({CLIENT_ID}, {TENANT_ID}).")
    assert (found["identity"]["clientID"], found["identity"]["tenantID"]) == (
        PLACEHOLDER_ID,
        PLACEHOLDER_ID,
    )
    report = examine(bind(clientID=GUID, **workload), **ON)
    (partly,) = report["bindings"]
    assert (partly["identity"]["clientID"], partly["identity"]["tenantID"]) == (
        GUID,
        PLACEHOLDER_ID,
    )
    assert report["notes"][0].startswith(f"{text}({TENANT_ID}).")


def test_commands_without_the_identity() -> None:
    """The commands have a placeholder for an unknown client ID."""
    commands = judge(bind(), **ON)["commands"]
    assert "--assignee CLIENT_ID " in commands["rbac"]
    assert PLACEHOLDER_ID not in json.dumps(commands)


def test_annotations() -> None:
    """The annotations of a ServiceAccount in the same file count."""
    noted = account(**{CLIENT_ID: GUID, TENANT_ID: TENANT})
    found = judge(bind() + noted + account("builder", **{CLIENT_ID: PLACEHOLDER_ID}), **ON)
    assert found["identity"]["clientID"] == GUID
    assert judge(bind() + account(), **ON)["problems"] == [
        f'The annotation "{CLIENT_ID}" of ServiceAccount "default" is missing. Set it, or set '
        f"spec.workloadIdentity.clientID, e.g. {GUID}"
    ]
    (problem,) = judge(bind() + account(**{CLIENT_ID: "puller"}), **ON)["problems"]
    assert "is not a GUID" in problem


def test_tenant_by_default() -> None:
    """The report shows the service's tenant for a binding without a tenant."""
    report = examine(bind(clientID=GUID), **ON, AZURE_TENANT_ID=TENANT)
    assert report["bindings"][0]["identity"]["tenantID"] == TENANT
    assert not any(TENANT_ID in note for note in report["notes"])


def test_required() -> None:
    """With NAMESPACE_POLICY=required, the Namespace must list the server and no identity."""
    report = examine(bind(clientID=GUID, tenantID=TENANT), **ON, NAMESPACE_POLICY="required")
    assert report["notes"][-1] == (
        "NAMESPACE_POLICY=required: Namespace team-a needs "
        f"acrpull.dev/allowed-acr-servers={SERVER}"
    )


def test_off() -> None:
    """The problem names the setting that enables workload identity."""
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
    """The text shows settings, tenant, trusted ServiceAccount and command."""
    done = run("-", stdin=bind(clientID=GUID, tenantID=TENANT), environ=ON)
    assert (
        "note: IDENTITY_SOURCE=imds, WORKLOAD_IDENTITY=enabled, "
        "Entra at https://login.microsoftonline.com\n"
    ) in done.out
    assert (
        f"  Identity        client ID {GUID} in tenant {TENANT}, which trusts ServiceAccount "
        "team-a/default\n"
    ) in done.out
    assert "  az identity federated-credential create --name team-a-default" in done.out
    assert "az vmss" not in done.out


def test_text_without_the_identity() -> None:
    """The text shows no placeholder as an ID."""
    done = run("-", stdin=bind(), environ=ON)
    assert "  Identity        client ID unknown in tenant unknown, which trusts" in done.out


def test_own_token() -> None:
    """With IDENTITY_SOURCE=workload, the service exchanges its own token."""
    text = manifest(acrServer=SERVER, managedIdentityClientID=GUID)
    done = run("-", stdin=text, environ=OWN)
    assert "note: IDENTITY_SOURCE=workload, WORKLOAD_IDENTITY=disabled, Entra at" in done.out
    assert f"{TENANT}, which trusts the service's own ServiceAccount\n" in done.out
    found = judge(text, **OWN)
    assert [request["name"] for request in found["requests"]] == ["entra", "exchange"]


def live(emulator: Emulator, client_id: str) -> Run:
    """Return a run with `--live`."""
    ids = {"clientID": client_id, "tenantID": TENANT}
    text = manifest(acrServer=emulator.acr_server, workloadIdentity=ids)
    environ = emulator.environment() | emulator.federation()
    return run("--live", "--output", "json", "-", stdin=text, environ=environ)


def test_live(emulator: Emulator) -> None:
    """Azure receives the requests in the report. The report has each result, and no token."""
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
    """No request is sent for an identity with unknown IDs."""
    text = manifest(acrServer=emulator.acr_server, workloadIdentity={"clientID": GUID})
    environ = emulator.environment() | emulator.federation()
    done = run("--live", "--output", "json", "-", stdin=text, environ=environ)
    (found,) = done.report["bindings"]
    assert done.code == 1
    assert found["problems"] == [NOT_REQUESTED]
    assert emulator.requests == []


def test_live_without_trust(emulator: Emulator) -> None:
    """The report names the failing hop. The message has the command to create the trust."""
    done = live(emulator, str(uuid4()))
    (found,) = done.report["bindings"]
    (tried,) = found["live"]
    assert (tried["hop"], tried["reason"]) == ("entra", "FederationRefused")
    assert "az identity federated-credential create" in tried["message"]
    emulator.accounts = ()
    (found,) = live(emulator, str(uuid4())).report["bindings"]
    (tried,) = found["live"]
    assert (tried["hop"], tried["reason"]) == ("service-account-token", "ServiceAccountNotFound")
