"""Which identity a workload's binding means, and what is to be done where that can't be said."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from hooks.core.exchange.federation import (
    PROPAGATION,
    pending_if_new,
    resolve_identity,
    subject,
    trust_command,
)
from hooks.core.model.binding import Condition, Spec
from hooks.core.model.cluster import ServiceAccount
from hooks.core.model.identity import FederatedIdentity, Identity, TrustedAccount, WorkloadIdentity
from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed, TokenRequest
from hooks.core.observed import Observed
from hooks.core.policy.decision_settings import Policy
from hooks.core.policy.permission import Reject
from hooks.core.renewal.decision import Mint, MintReason, inputs_hash
from hooks.core.renewal.resolve import Hold, resolve
from tests.core.builders import (
    ACCOUNT,
    AUDIENCE,
    BINDING,
    CLIENT_ID,
    FAILED,
    IDENTITY,
    MINUTE,
    NAMESPACE,
    NOW,
    OBSERVED,
    POLICY,
    SECOND,
    SERVER,
    decide,
)

TENANT = "22222222-3333-4444-5555-666666666666"
OTHER_ID = "99999999-2222-3333-4444-555555555555"
ON = replace(POLICY, workload_identity=True)
OWN = replace(POLICY, own_token=True, tenant_id=TENANT)
NOTED = replace(ACCOUNT, uid="uid-1", client_id=CLIENT_ID, tenant_id=TENANT)
BUILDER = ServiceAccount("builder", "team-a", uid="uid-2", client_id=OTHER_ID, tenant_id=TENANT)
TRUST = TrustedAccount("team-a", "default", "uid-1")
ASKED = FederatedIdentity(TENANT, CLIENT_ID, TRUST)
FULL = WorkloadIdentity(client_id=CLIENT_ID, tenant_id=TENANT)


def observe(workload: WorkloadIdentity, *accounts: ServiceAccount) -> Observed:
    """Return what is observed of a binding by *workload*, and of all *accounts*."""
    binding = replace(BINDING, spec=Spec(SERVER, workload, None))
    return replace(OBSERVED, binding=binding, accounts=(), related=accounts, secret=None)


@pytest.mark.parametrize(
    ("observed", "policy", "identity"),
    [
        pytest.param(observe(WorkloadIdentity(), NOTED), ON, ASKED, id="annotations"),
        pytest.param(
            observe(FULL, replace(NOTED, client_id="x", tenant_id="x")), ON, ASKED, id="spec-first"
        ),
        pytest.param(
            observe(WorkloadIdentity(client_id=CLIENT_ID), replace(NOTED, tenant_id=None)),
            replace(ON, tenant_id=TENANT),
            ASKED,
            id="tenant-by-default",
        ),
        pytest.param(
            observe(WorkloadIdentity(), NOTED), replace(ON, tenant_id=OTHER_ID), ASKED,
            id="annotation-before-default",
        ),
        pytest.param(
            observe(WorkloadIdentity("builder"), NOTED, BUILDER),
            ON,
            FederatedIdentity(TENANT, OTHER_ID, TrustedAccount("team-a", "builder", "uid-2")),
            id="U1-another-account",
        ),
        pytest.param(
            replace(observe(FULL), related=None),
            ON,
            replace(ASKED, account=replace(TRUST, uid="")),
            id="by-hand",
        ),
        pytest.param(
            replace(observe(WorkloadIdentity()), related=None, accounts=(NOTED,)),
            ON,
            ASKED,
            id="by-hand-with-the-account",
        ),
    ],
)  # fmt: skip
def test_trusted(observed: Observed, policy: Policy, identity: FederatedIdentity) -> None:
    """The spec says which identity, then the ServiceAccount, then the service which tenant."""
    request = TokenRequest(identity, SERVER, None, AUDIENCE)
    assert resolve(observed, policy) == request
    assert decide(observed, policy, NOW) == Mint(request, None, MintReason.NO_SECRET)


@pytest.mark.parametrize(
    ("observed", "policy", "reason", "words"),
    [
        pytest.param(
            observe(FULL, NOTED), POLICY, "InvalidSpec", ("WORKLOAD_IDENTITY=enabled",), id="off"
        ),
        pytest.param(
            observe(FULL), ON, "ServiceAccountNotFound", ('ServiceAccount "default"', "Create it"),
            id="no-account",
        ),
        pytest.param(
            observe(WorkloadIdentity("builder", CLIENT_ID, TENANT), NOTED), ON,
            "ServiceAccountNotFound", ("spec.workloadIdentity.serviceAccountName", "e.g. default"),
            id="no-such-account",
        ),
        pytest.param(
            observe(WorkloadIdentity(tenant_id=TENANT), replace(NOTED, client_id=None)), ON,
            "InvalidSpec",
            ("azure.workload.identity/client-id", "missing", "spec.workloadIdentity.clientID"),
            id="no-client-id",
        ),
        pytest.param(
            observe(WorkloadIdentity(), replace(NOTED, client_id="puller")), ON,
            "InvalidSpec", ("azure.workload.identity/client-id", "not a GUID"), id="bad-client-id",
        ),
        pytest.param(
            observe(WorkloadIdentity(), replace(NOTED, tenant_id=None)), ON, "InvalidSpec",
            ("azure.workload.identity/tenant-id", "missing", "spec.workloadIdentity.tenantID"),
            id="no-tenant-id",
        ),
        pytest.param(
            observe(WorkloadIdentity(), replace(NOTED, tenant_id=f"{TENANT}/../x")), ON,
            "InvalidSpec", ("azure.workload.identity/tenant-id", "not a GUID"), id="bad-tenant-id",
        ),
        pytest.param(
            replace(observe(WorkloadIdentity()), related=None), ON, "InvalidSpec",
            ("azure.workload.identity/client-id",), id="by-hand",
        ),
        pytest.param(
            replace(observe(FULL), binding=replace(
                BINDING, spec=Spec(SERVER, Identity(resource_id="/subscriptions/x"), None)
            )),
            OWN, "InvalidSpec", ("managedIdentityResourceID", "managedIdentityClientID"),
            id="resource-id-without-imds",
        ),
    ],
)  # fmt: skip
def test_held(observed: Observed, policy: Policy, reason: str, words: tuple[str, ...]) -> None:
    """What is missing is named with where to put it and a valid example; the Secret stays."""
    found = decide(observed, policy, NOW)
    assert isinstance(found, Hold)
    assert (found.reason, found.resync_after_seconds) == (reason, 300)
    assert all(word in found.message for word in words)
    assert "e.g. " in found.message


def test_own_token() -> None:
    """Without IMDS, a managed identity is one that trusts the service itself."""
    identity = FederatedIdentity(TENANT, CLIENT_ID, None)
    assert resolve(OBSERVED, OWN) == TokenRequest(identity, SERVER, None, AUDIENCE)
    assert str(identity) == CLIENT_ID


def test_namespace_lists_identities_of_nodes() -> None:
    """A Namespace's list of identities is for those of nodes; its list of servers for all."""
    listed = replace(NAMESPACE, identities=(OTHER_ID,))
    observed = observe(FULL, NOTED)
    assert isinstance(resolve(replace(observed, namespace=listed), ON), TokenRequest)
    managed = replace(observed, binding=replace(BINDING, spec=Spec(SERVER, IDENTITY, None)))
    for policy in (ON, OWN):
        assert isinstance(resolve(replace(managed, namespace=listed), policy), Reject)
    other = replace(NAMESPACE, servers=("other.azurecr.io",))
    assert isinstance(resolve(replace(observed, namespace=other), ON), Reject)


@pytest.mark.parametrize(
    "identity",
    [
        replace(ASKED, tenant_id=OTHER_ID),
        replace(ASKED, client_id=OTHER_ID),
        replace(ASKED, account=replace(TRUST, namespace="team-b")),
        replace(ASKED, account=replace(TRUST, name="builder")),
        replace(ASKED, account=None),
        Identity(client_id=CLIENT_ID),
        Identity(TENANT, CLIENT_ID),
    ],
    ids=["tenant", "client", "namespace", "name", "own-token", "managed", "same-parts"],
)
def test_inputs_hash(identity: Identity | FederatedIdentity) -> None:
    """The hash covers the identity and whom it trusts (U3), and tells a managed one from it."""
    request = TokenRequest(ASKED, SERVER, None, AUDIENCE)
    assert inputs_hash(replace(request, identity=identity)) != inputs_hash(request)


@pytest.mark.parametrize(
    ("status", "since", "pending"),
    [
        (None, NOW, True),
        ("True", NOW - PROPAGATION, True),
        ("False", NOW - PROPAGATION + SECOND, True),
        ("False", NOW - PROPAGATION, False),
        ("False", NOW - timedelta(days=1), False),
    ],
    ids=["first", "worked-before", "young", "old", "older"],
)
def test_young(status: str | None, since: datetime, *, pending: bool) -> None:
    """A credential that Entra does not know may be on its way for 10 minutes."""
    before = None
    if status:
        before = Condition("RenewalHealthy", status, "FederationPending", "", 1, since)
    refused = MintFailed(Reason.FEDERATION_REFUSED, "create it")
    found = pending_if_new(refused, before, NOW)
    assert found.reason == ("FederationPending" if pending else "FederationRefused")
    assert found.message == "create it"
    assert pending_if_new(FAILED, before, NOW) == FAILED


def test_ten_minutes() -> None:
    """That is what README says."""
    assert PROPAGATION == 10 * MINUTE


def test_trust_command() -> None:
    """The command is one that a shell takes as it is, whatever the names."""
    assert str(TRUST) == "team-a/default"
    assert subject(TRUST) == "system:serviceaccount:team-a:default"
    assert trust_command("ISSUER", subject(replace(TRUST, name="a.b")), "api://x") == (
        "az identity federated-credential create --name team-a-a-b --identity-name IDENTITY "
        "--resource-group GROUP --issuer ISSUER --subject system:serviceaccount:team-a:a.b "
        "--audiences api://x"
    )
    odd = trust_command("ISSUER", "$(x)", "api://x")
    assert "--name x " in odd
    assert "--subject '$(x)'" in odd
    assert "--name acrpull " in trust_command("ISSUER", "system:serviceaccount:", "api://x")
    long = trust_command("ISSUER", subject(replace(TRUST, name="a" * 253)), "api://x")
    assert len(long.split()[5]) == 120


def test_young_after_another_failure() -> None:
    """What failed for another reason before says nothing of the credential."""
    since = NOW - timedelta(days=1)
    before = Condition("RenewalHealthy", "False", "RegistryDenied", "", 1, since)
    refused = MintFailed(Reason.FEDERATION_REFUSED, "create it")
    assert pending_if_new(refused, before, NOW).reason == Reason.FEDERATION_PENDING


def test_namespace_is_no_path() -> None:
    """By hand, a Namespace may be anything; it is a part of a URL."""
    binding = replace(OBSERVED.binding, namespace="x/../../y")
    found = resolve_identity(WorkloadIdentity(), replace(OBSERVED, binding=binding), ON)
    assert isinstance(found, tuple)
    assert found[1].startswith("metadata.namespace is not a valid name")


def test_another_namespace() -> None:
    """By hand, ServiceAccounts of other Namespaces may be there; theirs are not to be had."""
    found = resolve(observe(WorkloadIdentity(), replace(NOTED, namespace="team-b")), ON)
    assert isinstance(found, Hold)
    assert found.reason == Reason.SERVICE_ACCOUNT_NOT_FOUND
    assert "fix spec.serviceAccountName, e.g." in found.message


@pytest.mark.parametrize(
    ("key", "client", "tenant"),
    [
        ("azure.workload.identity/client_id", True, False),
        ("azure.workload.identity/clientid", True, False),
        ("azure.workload.identity/client-Id", True, False),
        ("azure.workload.identity/clientID", True, False),
        ("azure.workload.identity/client", True, False),
        ("azure.workload.identity/cleint-id", True, False),
        ("azure.workload-identity/client-id", True, False),
        ("azure.workload.identity.io/client-id", True, False),
        ("azure.workload.identity/tenantid", False, True),
        ("azure.workload.identity/tenant_id", False, True),
        ("azure.workload.identity/use", False, False),
        ("azure.workload.identity/service-account-token-expiration", False, False),
        ("kubernetes.azure.com/acr-client-id", False, False),
        ("client-id", False, False),
        ("azure.workload.identity/client-id\n", False, False),
    ],
)
def test_misspelled_annotation(key: str, *, client: bool, tenant: bool) -> None:
    """An annotation whose key is another spelling is named, and no other one is.

    https://github.com/Azure/azure-workload-identity/issues/1026
    """
    account = ServiceAccount("default", "team-a", annotations=frozenset({key, "other.example/key"}))
    asked = {
        "clientID": WorkloadIdentity(tenant_id=TENANT),
        "tenantID": WorkloadIdentity(None, CLIENT_ID),
    }
    for field, told in (("clientID", client), ("tenantID", tenant)):
        found = resolve(observe(asked[field], account), ON)
        assert isinstance(found, Hold)
        rest = f', but "{key}" is set. Rename that' if told else ". Set it"
        assert f"is missing{rest}" in found.message
        assert f"set spec.workloadIdentity.{field}, e.g. " in found.message
        assert (f'"{key}"' in found.message) is told


@pytest.mark.parametrize(("before", "told"), [(99, True), (100, False)])
def test_many_annotations(before: int, *, told: bool) -> None:
    """A misspelled key is looked for among the first 100 annotations."""
    key = "azure.workload.identity/clientid"
    keys = frozenset({key, *(f"a{number}" for number in range(before))})
    account = replace(NOTED, client_id=None, annotations=keys)
    found = resolve(observe(WorkloadIdentity(), account), ON)
    assert isinstance(found, Hold)
    assert (key in found.message) is told


def test_right_annotation_beside() -> None:
    """The tenant's annotation is no misspelling of the client's."""
    keys = frozenset({"azure.workload.identity/tenant-id", "azure.workload.identity/client-id"})
    account = replace(NOTED, client_id=None, annotations=keys)
    found = resolve(observe(WorkloadIdentity(), account), ON)
    assert isinstance(found, Hold)
    assert "is missing. Set it" in found.message
