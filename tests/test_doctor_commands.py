"""The Azure CLI commands, run by a shell with a script in place of the CLI."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from hooks.core.model.identity import FederatedIdentity, Identity, TrustedAccount
from hooks.core.model.token import TokenRequest
from hooks.doctor.commands import Commands, commands
from tests.doctor import manifest, run
from tests.service import clean_environment

pytestmark = pytest.mark.process

GUID: Final = "AAAAAAAA-2222-3333-4444-555555555555"
RESOURCE_ID: Final = (
    f"/subscriptions/{GUID}/resourceGroups/rg(1)/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities/puller"
)
# Prints <the first words of the call>, and writes the arguments to a file, one per line.
AZ: Final = """\
#!/bin/sh
{ printf '%s\\n' "$@"; echo; } >> "$CALLS"
echo "<$1 $2>"
"""


def made(server: str = "myregistry.azurecr.io", **identity: str) -> Commands:
    """Return the commands for *identity*."""
    who = Identity(**identity) if identity else Identity(client_id=GUID)
    return commands(
        TokenRequest(who, server, None, "https://containerregistry.azure.net"), "api://x"
    )


FEDERATED: Final = FederatedIdentity(GUID, GUID, TrustedAccount("team-a", "default", ""))


def federated(identity: FederatedIdentity = FEDERATED) -> Commands:
    """Return the commands for *identity*."""
    request = TokenRequest(identity, "myregistry.azurecr.io", None, "https://x")
    return commands(request, "api://AzureADTokenExchange")


def test_trust(tmp_path: Path) -> None:
    """The commands look up the issuer and name the ServiceAccount. Nodes need no command."""
    issuer, found, created = calls(tmp_path, "\n".join(federated().trust))
    assert issuer[:6] == ["aks", "show", "-g", "GROUP", "-n", "CLUSTER"]
    assert f"[?clientId=='{GUID.lower()}'].[name, resourceGroup]" in found
    assert created == [
        "identity", "federated-credential", "create", "--name", "team-a-default",
        "--identity-name", "IDENTITY", "--resource-group", "GROUP", "--issuer", "<aks show>",
        "--subject", "system:serviceaccount:team-a:default",
        "--audiences", "api://AzureADTokenExchange",
    ]  # fmt: skip
    assert federated().nodes == ()
    assert made().trust == ()


def test_role_of_a_workload_identity(tmp_path: Path) -> None:
    """The role is the same as for a managed identity."""
    assert federated().rbac == made().rbac
    assert calls(tmp_path, federated().rbac)[1][-3] == GUID


def test_trust_in_the_service() -> None:
    """The command has a placeholder for the service's own ServiceAccount."""
    assert " --subject SUBJECT " in federated(replace(FEDERATED, account=None)).trust[-1]


def calls(folder: Path, script: str) -> list[list[str]]:
    """Return the arguments of each call of the CLI by *script*, in order."""
    log = folder / "calls"
    (folder / "az").write_text(AZ)
    (folder / "az").chmod(0o755)
    environ = clean_environment()
    environ |= {"PATH": f"{folder}:{environ['PATH']}", "CALLS": str(log)}
    subprocess.run(["/bin/sh", "-euc", script], env=environ, check=True, capture_output=True)  # noqa: S603
    return [call.splitlines() for call in log.read_text().split("\n\n") if call]


def test_role_by_client_id(tmp_path: Path) -> None:
    """The commands look up the registry's resource and name the identity by its client ID."""
    shown, created = calls(tmp_path, made().rbac)
    assert shown == ["acr", "show", "-n", "myregistry", "--query", "id", "-o", "tsv"]
    assert created == [
        "role", "assignment", "create", "--role", "AcrPull", "--assignee", GUID,
        "--scope", "<acr show>",
    ]  # fmt: skip


def test_role_by_resource_id(tmp_path: Path) -> None:
    """The command looks up the identity's principal by a resource ID with special characters."""
    identity, _, created = calls(tmp_path, made(resource_id=RESOURCE_ID).abac)
    assert identity[:4] == ["identity", "show", "--ids", RESOURCE_ID]
    assert created == [
        "role", "assignment", "create", "--role", "Container Registry Repository Reader",
        "--assignee-object-id", "<identity show>", "--assignee-principal-type", "ServicePrincipal",
        "--scope", "<acr show>",
    ]  # fmt: skip


def test_nodes_by_client_id(tmp_path: Path) -> None:
    """The commands assign the identity to the scale set and update the nodes."""
    group, sets, found, assigned, updated = calls(tmp_path, "\n".join(made().nodes))
    assert group[:6] == ["aks", "show", "-g", "GROUP", "-n", "CLUSTER"]
    assert sets == ["vmss", "list", "-g", "<aks show>", "--query", "[].name", "-o", "tsv"]
    assert f"[?clientId=='{GUID.lower()}'].id" in found
    where = ["-g", "<aks show>", "-n", "SCALE_SET"]
    assert assigned == ["vmss", "identity", "assign", *where, "--identities", "<identity list>"]
    assert updated == ["vmss", "update-instances", *where, "--instance-ids", "*"]


def test_nodes_by_resource_id(tmp_path: Path) -> None:
    """The command assigns the resource ID without a look-up."""
    nodes = calls(tmp_path, "\n".join(made(resource_id=RESOURCE_ID).nodes))
    assert nodes[2][-2:] == ["--identities", RESOURCE_ID]


@pytest.mark.parametrize(
    ("server", "name", "cloud"),
    [
        ("myregistry.azurecr.io", "myregistry", None),
        ("myregistry-a1b2c3d4e5f6g7h8.azurecr.io", "myregistry", None),
        ("myregistry.westeurope.geo.azurecr.io", "myregistry", None),
        ("myregistry.azurecr.cn", "myregistry", "az cloud set -n AzureChinaCloud"),
        ("myregistry.azurecr.us", "myregistry", "az cloud set -n AzureUSGovernment"),
        ("registry.example.com", "REGISTRY", None),
        ("127.0.0.1:5000", "REGISTRY", None),
    ],
)
def test_registry(server: str, name: str, cloud: str | None) -> None:
    """The commands derive the registry's name and the cloud from the login server."""
    found = made(server)
    assert found.mode == f"az acr show -n {name} --query roleAssignmentMode -o tsv"
    assert f"$(az acr show -n {name} --query id -o tsv)" in found.rbac
    assert found.cloud == cloud


@pytest.mark.parametrize("field", ["managedIdentityClientID", "managedIdentityResourceID"])
def test_what_is_printed_can_be_pasted(tmp_path: Path, field: str) -> None:
    """The printed block, with line breaks and comments, runs like the commands of the report."""
    given = {"managedIdentityClientID": GUID, "managedIdentityResourceID": RESOURCE_ID}[field]
    text = manifest(acrServer="myregistry.azurecr.us", **{field: given})
    printed = run("-", stdin=text).out
    script = printed.partition("\nGrant access:\n")[2]
    (binding,) = json.loads(run("--output", "json", "-", stdin=text).out)["bindings"]
    told = binding["commands"]
    parts = (told["cloud"], told["rbac"], *told["nodes"])
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert calls(tmp_path / "a", script) == calls(tmp_path / "b", "\n".join(parts))
    assert max(len(line) for line in printed.splitlines()) < 300
