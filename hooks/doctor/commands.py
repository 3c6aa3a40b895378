"""Azure CLI commands that grant pull access to an identity. Users replace the words in capitals.

https://learn.microsoft.com/cli/azure/role/assignment, /identity, /acr, /vmss and /aks
"""

import re
from dataclasses import dataclass
from shlex import quote
from typing import Final

from hooks.core.exchange.federation import subject, trust_command
from hooks.core.exchange.registry_protocol import ABAC_ROLE
from hooks.core.model.identity import FederatedIdentity, Identity
from hooks.core.model.token import TokenRequest
from hooks.doctor.diagnosis import PLACEHOLDER_ID

# https://learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-overview
RBAC_ROLE: Final = "AcrPull"
# https://learn.microsoft.com/cli/azure/manage-clouds-azure-cli
CLOUDS: Final = {
    "azurecr.io": "AzureCloud",
    "azurecr.cn": "AzureChinaCloud",
    "azurecr.us": "AzureUSGovernment",
}
UNKNOWN_CLIENT_ID: Final = "CLIENT_ID"
# A registry's name ends at a dot, or at the dash before the hash of a domain name label.
LOGIN_SERVER: Final = re.compile(
    r"([a-z0-9]+)(?:-[a-z0-9]+)?(?:\.[-a-z0-9]+)*\.(azurecr\.(?:io|cn|us))"
)


@dataclass(frozen=True, slots=True)
class Commands:
    """Commands to run: *rbac* or *abac*, depending on the output of *mode*, then the others.

    *nodes* assign a managed identity to a scale set. *trust* lets a workload identity trust a
    ServiceAccount. Each of the two is empty for the other kind of identity.
    """

    cloud: str | None
    mode: str
    rbac: str
    abac: str
    nodes: tuple[str, ...]
    trust: tuple[str, ...] = ()


def commands(request: TokenRequest, audience: str) -> Commands:
    """Return the commands that allow *request*. ServiceAccount tokens have *audience*.

    For a server outside Azure's domains, the registry's name is `REGISTRY`.
    """
    found = LOGIN_SERVER.fullmatch(request.server)
    registry, cloud = (found[1], CLOUDS[found[2]]) if found else ("REGISTRY", "AzureCloud")
    return Commands(
        cloud=None if cloud == "AzureCloud" else f"az cloud set -n {cloud}",
        mode=f"az acr show -n {registry} --query roleAssignmentMode -o tsv",
        rbac=_role(RBAC_ROLE, request.identity, registry),
        abac=_role(ABAC_ROLE, request.identity, registry),
        nodes=_nodes(request.identity) if isinstance(request.identity, Identity) else (),
        trust=() if isinstance(request.identity, Identity) else _trust(request.identity, audience),
    )


def _role(role: str, identity: Identity | FederatedIdentity, registry: str) -> str:
    """Return the command that assigns *role* on *registry*.

    With an object ID, the assignment needs no look-up in Microsoft Graph. A look-up fails for a new
    identity, or without permission to read Graph.
    https://learn.microsoft.com/azure/role-based-access-control/role-assignments-cli
    """
    scope = f'--scope "$(az acr show -n {registry} --query id -o tsv)"'
    if isinstance(identity, Identity) and identity.resource_id:
        shown = f"az identity show --ids {quote(identity.resource_id)} --query principalId -o tsv"
        assignee = f'--assignee-object-id "$({shown})" --assignee-principal-type ServicePrincipal'
    else:
        assignee = f"--assignee {_client_id(identity)}"
    return f"az role assignment create --role {quote(role)} {assignee} {scope}"


def _client_id(identity: Identity | FederatedIdentity) -> str:
    """Return the client ID, or a word in capitals if the client ID is unknown."""
    return UNKNOWN_CLIENT_ID if identity.client_id == PLACEHOLDER_ID else identity.client_id or ""


def _query(identity: Identity | FederatedIdentity) -> str:
    """Return the JMESPath filter for the identity. Azure writes client IDs in lower case."""
    client_id = _client_id(identity)
    return f"[?clientId=='{client_id if client_id == UNKNOWN_CLIENT_ID else client_id.lower()}']"


def _nodes(identity: Identity) -> tuple[str, ...]:
    """Return the commands that assign the identity to a scale set and update its nodes."""
    group = "az aks show -g GROUP -n CLUSTER --query nodeResourceGroup -o tsv"
    if identity.resource_id:
        resource_id = quote(identity.resource_id)
    else:
        resource_id = f'"$(az identity list --query "{_query(identity)}.id" -o tsv)"'
    scale_set = '-g "$NODES" -n SCALE_SET'
    return (
        f'NODES="$({group})"',
        """az vmss list -g "$NODES" --query '[].name' -o tsv""",
        f"az vmss identity assign {scale_set} --identities {resource_id}",
        f"az vmss update-instances {scale_set} --instance-ids '*'",
    )


def _trust(identity: FederatedIdentity, audience: str) -> tuple[str, ...]:
    """Return the commands that create a federated credential for the ServiceAccount.

    Without a ServiceAccount, the identity trusts the service's own ServiceAccount. Its subject is
    unknown.
    """
    query = f"{_query(identity)}.[name, resourceGroup]"
    about = subject(identity.account) if identity.account else "SUBJECT"
    return (
        'ISSUER="$(az aks show -g GROUP -n CLUSTER --query oidcIssuerProfile.issuerUrl -o tsv)"',
        f'az identity list --query "{query}" -o tsv',
        trust_command('"$ISSUER"', about, audience),
    )
