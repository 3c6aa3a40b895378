"""metacontroller/serviceaccount-deletion.yaml: who may delete a ServiceAccount that is bound."""

import re
from collections.abc import Iterator
from itertools import count, product
from typing import Any, Final

import pytest

from hooks.core.names import (
    API_VERSION,
    ATTACHED_ANNOTATION,
    KIND,
    PULL_SECRETS_ANNOTATION,
    UPSTREAM_KIND,
    UPSTREAM_V1BETA1,
    UPSTREAM_V1BETA2,
)
from tests.e2e.api import Api, ApiError, Object, path_of
from tests.e2e.audit import requests
from tests.e2e.eventually import eventually
from tests.e2e.stage import Stage
from tests.model import binding, service_account
from tests.model import namespace as new_namespace
from tests.model.objects import controller_ref, key_of
from tests.test_manifests import POLICIES

ACCOUNTS: Final = re.findall('"(.*?)"', POLICIES["deletion"]["matchConditions"][0]["expression"])
GARBAGE_COLLECTOR: Final = "system:serviceaccount:kube-system:generic-garbage-collector"
PERSON: Final = "jane"
NUMBERS: Final = count(1)
OWNER: Final = {"apiVersion": API_VERSION, "kind": KIND, "name": "gone", "uid": "gone"}
OURS: Final = (PULL_SECRETS_ANNOTATION, ATTACHED_ANNOTATION)
ANNOTATED: Final[list[Object]] = [{"annotations": {key: "x"}} for key in OURS]
THEIRS: Final[list[Object]] = [
    {**OWNER, "apiVersion": version, "kind": UPSTREAM_KIND}
    for version in (UPSTREAM_V1BETA1, UPSTREAM_V1BETA2)
]
OWNED: Final[list[Object]] = [{"ownerReferences": [owner]} for owner in (OWNER, *THEIRS)]
BOUND: Final = [*ANNOTATED, *OWNED]
UNBOUND: Final = [{}, {"annotations": {"mine": "x"}}]


@pytest.fixture(scope="module", autouse=True)
def policy(stage: Stage, namespace: str) -> Iterator[None]:
    """Let all four delete as RBAC has it, and wait until the policy is in force."""
    users = (f"--user={user}" for user in (*ACCOUNTS, PERSON))
    stage.plane.kubectl("create", "clusterrolebinding", namespace, "--clusterrole=edit", *users)

    def in_force() -> None:
        for user in ACCOUNTS:
            expect_refusal(stage, user, make(stage, namespace, **ANNOTATED[0]))

    eventually(in_force)
    yield
    stage.plane.kubectl("delete", "clusterrolebinding", namespace)


def make(stage: Stage, namespace: str, **metadata: Any) -> Object:  # noqa: ANN401  any JSON
    """Create a ServiceAccount of a new name, with *metadata* beside it."""
    account = service_account(namespace, f"deletion-{next(NUMBERS)}")
    account["metadata"] |= metadata
    return stage.api.create(account)


def refusal(api: Api, account: Object) -> str:
    """Delete *account* as *api*'s user; return why that was refused, "" if it was not."""
    try:
        api.delete(*key_of(account))
    except ApiError as error:
        return str(error)
    return ""


def expect_refusal(stage: Stage, user: str, account: Object) -> None:
    """Expect the policy to keep *user* from deleting *account*, and to say so."""
    name = account["metadata"]["name"]
    told = (
        f"{user} may not delete ServiceAccount {name}, because the ServiceAccount does not belong "
        "to the binding"
    )
    assert re.fullmatch(f"403: .*: {told}", refusal(stage.api.as_user(user), account))


@pytest.mark.parametrize("metadata", BOUND)
@pytest.mark.parametrize("user", ACCOUNTS)
def test_bound(stage: Stage, namespace: str, user: str, metadata: Object) -> None:
    """No controller may delete it."""
    account = make(stage, namespace, **metadata)
    expect_refusal(stage, user, account)
    assert stage.api.find(*key_of(account)) == account


@pytest.mark.parametrize("user", ACCOUNTS)
def test_collection(stage: Stage, namespace: str, user: str) -> None:
    """Nor may a controller delete the ServiceAccount along with others."""
    kinds = [*BOUND, UNBOUND[0]]
    *bound, unbound = (make(stage, namespace, labels={"together": "1"}, **kind) for kind in kinds)
    path = path_of("ServiceAccount", namespace)
    with pytest.raises(ApiError, match="does not belong to the binding"):
        stage.api.as_user(user).call("DELETE", path, params={"labelSelector": "together=1"})
    assert [stage.api.find(*key_of(account)) for account in bound] == bound
    for account in (*bound, unbound):
        if stage.api.find(*key_of(account)):
            stage.api.delete(*key_of(account))


@pytest.mark.parametrize(
    ("user", "metadata"), [*product(ACCOUNTS, UNBOUND), *product([PERSON], BOUND)]
)
def test_allowed(stage: Stage, namespace: str, user: str, metadata: Object) -> None:
    """One that is not bound may go, and its user may delete any."""
    account = make(stage, namespace, **metadata)
    assert refusal(stage.api.as_user(user), account) == ""
    assert stage.api.find(*key_of(account)) is None


@pytest.mark.parametrize("user", ACCOUNTS)
def test_namespace_going(stage: Stage, namespace: str, user: str) -> None:
    """In a Namespace that is being deleted all may go; a finalizer keeps this one until then."""
    ending = f"{namespace}-{ACCOUNTS.index(user)}"
    stage.api.create(new_namespace(ending))
    account = make(stage, ending, **ANNOTATED[0], finalizers=["example.com/hold"])
    expect_refusal(stage, user, account)
    stage.api.delete("Namespace", "", ending)

    def allowed() -> None:
        assert refusal(stage.api.as_user(user), account) == ""

    eventually(allowed)
    stage.api.merge(*key_of(account), {"metadata": {"finalizers": None}})


def test_garbage_collection(stage: Stage, namespace: str) -> None:
    """The real one tries to take along what had an owner; bound ServiceAccounts stay."""
    first = binding(namespace, "owner")
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": first["metadata"]}
    owners = [stage.api.create(owner) for owner in (first, other)]
    by_binding, by_other = ({"ownerReferences": [controller_ref(owner)]} for owner in owners)
    kinds = (by_binding, *(annotated | by_other for annotated in ANNOTATED))
    bound = [make(stage, namespace, **kind) for kind in kinds]
    unbound = make(stage, namespace, **by_other)
    for owner in owners:
        stage.api.delete(*key_of(owner))

    def tried() -> None:
        assert stage.api.find(*key_of(unbound)) is None
        assert {account["metadata"]["name"] for account in bound} <= refused(stage)

    eventually(tried)
    assert [stage.api.find(*key_of(account)) for account in bound] == bound


def refused(stage: Stage) -> set[str]:
    """Return what the garbage collector was refused to delete, by the audit log."""
    return {
        request.name
        for request in requests(stage.plane.audit_log)
        if (request.user, request.verb, request.status) == (GARBAGE_COLLECTOR, "delete", 403)
    }


def test_namespace_goes(stage: Stage, namespace: str) -> None:
    """A Namespace goes away with its ServiceAccounts, bound as they are."""
    whole = f"{namespace}-whole"
    stage.api.create(new_namespace(whole))
    for metadata in BOUND:
        make(stage, whole, **metadata)
    stage.api.delete("Namespace", "", whole)

    def gone() -> None:
        assert stage.api.find("Namespace", "", whole) is None

    eventually(gone)
