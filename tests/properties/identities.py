"""The identity of a binding: a managed identity of the node, or a workload identity."""

from hooks.core.exchange.federation import GUID
from hooks.core.model.identity import FederatedIdentity, Identity, TrustedAccount
from hooks.core.model.reason import Reason
from hooks.core.names import CLIENT_ID_ANNOTATION, TENANT_ID_ANNOTATION
from tests.model.objects import Object, annotations_of, uid_of
from tests.properties.targets import Target
from tests.properties.world import NAMESPACE, World

IDS = ("55555555-2222-3333-4444-555555555555", "66666666-2222-3333-4444-555555555555")
ANNOTATIONS: tuple[dict[str, str | None], ...] = (
    {CLIENT_ID_ANNOTATION: IDS[0], TENANT_ID_ANNOTATION: IDS[1]},
    {CLIENT_ID_ANNOTATION: IDS[1]},
    {CLIENT_ID_ANNOTATION: "puller"},
    {CLIENT_ID_ANNOTATION: None, TENANT_ID_ANNOTATION: None},
)
FEDERATED: tuple[Object, ...] = (
    {},
    {"serviceAccountName": "build"},
    {"clientID": IDS[0], "tenantID": IDS[1]},
    {"serviceAccountName": "default", "clientID": IDS[1], "tenantID": IDS[0]},
)


def wanted(world: World, spec: Object, target: Target) -> Identity | FederatedIdentity | Reason:
    """Return the identity in *spec*, valid and for *target*, or the failure."""
    asked = spec.get("workloadIdentity")
    if asked is None:
        return Identity(spec["managedIdentityClientID"])
    name = asked.get("serviceAccountName", target)
    account = world.get("ServiceAccount", name)
    if account is None:
        return Reason.SERVICE_ACCOUNT_NOT_FOUND
    said = annotations_of(account)
    client = asked.get("clientID") or said.get(CLIENT_ID_ANNOTATION, "")
    tenant = asked.get("tenantID") or said.get(TENANT_ID_ANNOTATION, "")
    if not (GUID.fullmatch(client) and GUID.fullmatch(tenant)):
        return Reason.INVALID_SPEC
    return FederatedIdentity(tenant, client, TrustedAccount(NAMESPACE, name, uid_of(account)))
