"""metacontroller/dedicated/: what its Metacontroller may not do, tried under its own token."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import pytest

from hooks.core.apis.acrpull_v1beta1 import API
from hooks.core.names import (
    ATTACHED_ANNOTATION,
    CLIENT_ID_ANNOTATION,
    PULL_SECRETS_ANNOTATION,
    UID_LABEL,
)
from tests.e2e.api import MERGE_PATCH, Api, ApiError, Object, path_of
from tests.e2e.dedicated import OVERLAY, as_metacontroller, open_dedicated
from tests.e2e.eventually import eventually
from tests.e2e.install import render
from tests.e2e.stage import Stage
from tests.e2e.test_update_policy import FORBIDDEN, OWNER, listing, owner_of
from tests.model import service_account

NAMESPACE: Final = "/api/v1/namespaces/default"
ACCOUNTS: Final = f"{NAMESPACE}/serviceaccounts"
LEASES: Final = "/apis/coordination.k8s.io/v1/namespaces"
RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
OURS: Final = "/apis/acrpull.dev/v1beta1/namespaces/default/acrpullbindings"
CLUSTER: Final = "/apis/acrpull.dev/v1beta1/clusteracrpullbindings"
DRY: Final = {"dryRun": "All"}
SECRETS: Final = "may write and delete only pull Secrets named acr-pull-*"
PULL: Final = "kubernetes.io/dockerconfigjson"
REFUSED: Final = (
    ("POST", ACCOUNTS),
    ("DELETE", f"{ACCOUNTS}/default"),
    ("DELETE", ACCOUNTS),
    ("POST", f"{ACCOUNTS}/default/token"),
    ("GET", "/api/v1/pods"),
    ("POST", f"{NAMESPACE}/pods"),
    ("DELETE", NAMESPACE),
    ("PATCH", NAMESPACE),
    ("DELETE", f"{NAMESPACE}/secrets"),
    ("GET", f"{NAMESPACE}/events"),
    ("GET", "/api/v1/configmaps"),
    ("GET", "/api/v1/nodes"),
    ("DELETE", OURS),
    ("PATCH", f"{OURS}/app/status"),
    ("POST", CLUSTER),
    ("PUT", f"{CLUSTER}/app"),
    ("PATCH", f"{CLUSTER}/app"),
    ("DELETE", f"{CLUSTER}/app"),
    ("PUT", "/apis/metacontroller.k8s.io/v1alpha1/compositecontrollers/acrpull"),
    ("POST", "/apis/metacontroller.k8s.io/v1alpha1/decoratorcontrollers"),
    ("PUT", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/acrpullbindings.acrpull.dev"),
    ("DELETE", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/acrpull-secrets"),
    ("POST", f"{RBAC}/clusterrolebindings"),
    ("PUT", f"{RBAC}/clusterroles/acrpull-metacontroller"),
    ("POST", f"{LEASES}/kube-system/leases"),
    ("GET", f"{LEASES}/kube-system/leases/kube-controller-manager"),
    ("PUT", f"{LEASES}/acrpull-system/leases/other"),
    ("DELETE", f"{LEASES}/acrpull-system/leases/acrpull"),
)


@pytest.fixture(scope="module")
def dedicated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start all but Metacontroller."""
    with open_dedicated(request, tmp_path_factory.mktemp("dedicated")) as stage:
        yield stage


@pytest.fixture(scope="module")
def metacontroller(dedicated: Stage) -> Api:
    """Return the API server as seen by who may read all Secrets, so with a token that is good."""
    api = as_metacontroller(dedicated)
    assert api.list("Secret") == []
    return api


@pytest.mark.parametrize(("method", "path"), REFUSED)
def test_refused(metacontroller: Api, method: str, path: str) -> None:
    """It has no right to this."""
    with pytest.raises(ApiError, match=r"403: .* cannot \w+ resource "):
        metacontroller.call(method, path)


def new_secret(name: str, secret_type: str, **metadata: Any) -> Object:  # noqa: ANN401  any JSON
    """Return a Secret in the Namespace `default`."""
    data = {".dockerconfigjson": "e30="} if "dockerconfigjson" in secret_type else {}
    metadata |= {"namespace": "default", "name": name}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": secret_type,
        "metadata": metadata,
        "data": data,
    }


def refused(message: str, act: partial[Any]) -> None:
    """Expect a policy to refuse *act*, a dry run, soon: it takes a moment to be in force."""

    def check() -> None:
        try:
            act()
        except ApiError as error:
            assert message in str(error)  # noqa: PT017  the alternative is to try again
        else:
            raise AssertionError(f"not refused with: {message}")

    eventually(check)


@pytest.mark.parametrize(
    ("name", "secret_type"),
    [
        ("acr-pull-app", "Opaque"),
        ("acr-pull-app", "kubernetes.io/service-account-token"),
        ("other", PULL),
        ("other-acr-pull-app", PULL),
        ("acr-pull", PULL),
    ],
)
def test_other_secrets(dedicated: Stage, metacontroller: Api, name: str, secret_type: str) -> None:
    """It writes no Secret that is none to pull with, and so gets no token of a ServiceAccount.

    Nor one to pull with whose name is none of ours.
    """
    owner = {"kubernetes.io/service-account.name": "default"}
    secret = new_secret(name, secret_type, annotations=owner)
    refused(SECRETS, partial(metacontroller.create, secret, **DRY))
    dedicated.api.create(secret)
    path = path_of("Secret", "default", name)
    change = {"metadata": {"labels": {"mine": "1"}}}
    refused(SECRETS, partial(metacontroller.call, "PATCH", path, change, MERGE_PATCH, DRY))
    refused(SECRETS, partial(metacontroller.call, "DELETE", path, params=DRY))
    dedicated.api.delete("Secret", "default", name)


@pytest.mark.parametrize("binding", ["app", "a.b", "a" * 253])
def test_pull_secrets(metacontroller: Api, binding: str) -> None:
    """A Secret to pull with it does write and delete, under each name that a binding gives it."""
    name = API.secret_name(binding)
    secret = new_secret(name, PULL)
    metacontroller.create(secret)
    metacontroller.replace(secret | {"immutable": True})
    metacontroller.delete("Secret", "default", name)


def test_policies_of_the_base(dedicated: Stage, metacontroller: Api) -> None:
    """They know this account: it may change and delete no ServiceAccount that is bound."""
    bound = service_account("default", "bound")
    bound["metadata"]["annotations"] = {PULL_SECRETS_ANNOTATION: "acr-pull-app"}
    dedicated.api.create(bound)
    path = path_of("ServiceAccount", "default", "bound")
    change = {"metadata": {"labels": {"mine": "1"}}}
    refused(
        "may not change labels except controller-uid",
        partial(metacontroller.call, "PATCH", path, change, MERGE_PATCH, DRY),
    )
    grant = ("clusterrolebinding", "more", "--clusterrole=edit")
    dedicated.plane.kubectl("create", *grant, "--serviceaccount=acrpull-system:acrpull")
    refused(
        "does not belong to the binding",
        partial(metacontroller.call, "DELETE", path, params=DRY),
    )
    dedicated.plane.kubectl("delete", "clusterrolebinding", "more")


@pytest.fixture(scope="module")
def unbound(dedicated: Stage) -> Object:
    """Return a ServiceAccount that no binding names."""
    account = service_account("default", "unbound", pull_secrets=("zeta", "acr-pull-x", "alpha"))
    account["metadata"] |= {
        "labels": {"mine": "1"},
        "annotations": {"mine": "1"},
        "finalizers": ["example.com/mine"],
    }
    account |= {"secrets": [{"name": "mine"}], "automountServiceAccountToken": False}
    return dedicated.api.create(account)


UNBOUND: Final = path_of("ServiceAccount", "default", "unbound")
OTHERS: Final[dict[str, Object]] = {
    "identity": {"metadata": {"annotations": {CLIENT_ID_ANNOTATION: "evil"}}},
    "owner that does not exist": {"metadata": {"ownerReferences": [owner_of("gone", "gone")]}},
    "entries claimed": {
        "metadata": {"annotations": {ATTACHED_ANNOTATION: "zeta,alpha"}},
        "imagePullSecrets": None,
    },
    "entries claimed, to remove them next": {
        "metadata": {"annotations": {ATTACHED_ANNOTATION: "zeta,alpha"}}
    },
}


@pytest.mark.usefixtures("unbound")
@pytest.mark.parametrize("patch", [*FORBIDDEN.values(), *OTHERS.values()], ids=FORBIDDEN | OTHERS)
def test_unbound_serviceaccount(metacontroller: Api, patch: Object) -> None:
    """The account changes nothing of a user's on a ServiceAccount that is not bound either."""
    refused(
        "acrpull-serviceaccount-update",
        partial(metacontroller.call, "PATCH", UNBOUND, patch, MERGE_PATCH, DRY),
    )


def test_serviceaccount_of_the_cluster(metacontroller: Api) -> None:
    """Nor on one of kube-system."""
    refused(
        "acrpull-serviceaccount-update",
        partial(
            metacontroller.call,
            "PATCH",
            path_of("ServiceAccount", "kube-system", "default"),
            OTHERS["identity"],
            MERGE_PATCH,
            DRY,
        ),
    )


def test_released_serviceaccount(metacontroller: Api, unbound: Object) -> None:
    """The account binds and releases a ServiceAccount, and then may not change it either."""
    entries = ("zeta", "acr-pull-x", "alpha")
    marks: Object = {
        "labels": {UID_LABEL: "a"},
        "annotations": {PULL_SECRETS_ANNOTATION: "acr-pull-app"},
    }
    attached: Object = {"annotations": {ATTACHED_ANNOTATION: "acr-pull-app"}}
    nothing: Object = {
        "labels": {UID_LABEL: None},
        "annotations": {PULL_SECRETS_ANNOTATION: None, ATTACHED_ANNOTATION: None},
    }
    for patch in (
        {"metadata": marks},
        {"metadata": {"ownerReferences": [OWNER]}},
        {"metadata": attached, "imagePullSecrets": listing(*entries, "acr-pull-app")},
        {"imagePullSecrets": listing(*entries)},
        {"metadata": nothing},
        {"metadata": {"ownerReferences": None}},
    ):
        released = metacontroller.call("PATCH", UNBOUND, patch, MERGE_PATCH)
    assert own_fields(released) == own_fields(unbound)
    for patch in FORBIDDEN.values():
        with pytest.raises(ApiError, match=r"403: .*acrpull-serviceaccount-update"):
            metacontroller.call("PATCH", UNBOUND, patch, MERGE_PATCH, DRY)


def test_lost_serviceaccount(dedicated: Stage, metacontroller: Api) -> None:
    """Two writes can't make the garbage collector delete a ServiceAccount that is not bound.

    The second write refers to a Namespace that does not exist, with the uid of the first reference.
    """
    dedicated.api.create(service_account("default", "kept"))
    path = path_of("ServiceAccount", "default", "kept")
    owners = {"metadata": {"ownerReferences": [OWNER]}}
    metacontroller.call("PATCH", path, owners, MERGE_PATCH)
    owners = {"metadata": {"ownerReferences": [owner_of("gone", OWNER["uid"])]}}
    refused(
        "must refer to the ServiceAccount's own Namespace",
        partial(metacontroller.call, "PATCH", path, owners, MERGE_PATCH, DRY),
    )
    metacontroller.call("PATCH", path, {"metadata": {"ownerReferences": None}}, MERGE_PATCH)
    assert dedicated.api.find("ServiceAccount", "default", "kept")


def own_fields(account: Object) -> Object:
    """Return *account* without what each write changes."""
    changing = ("resourceVersion", "managedFields")
    meta = {key: value for key, value in account["metadata"].items() if key not in changing}
    return account | {"metadata": meta}


def test_finalizers_of_secrets(dedicated: Stage, metacontroller: Api) -> None:
    """The account labels a Secret, as a takeover does, but blocks the deletion of none."""
    message = "may not change finalizers of Secrets"
    held = {"finalizers": ["example.com/hold"]}
    secret = new_secret("acr-pull-held", PULL)
    refused(
        message, partial(metacontroller.create, new_secret("acr-pull-held", PULL, **held), **DRY)
    )
    dedicated.api.create(secret)
    path = path_of("Secret", "default", "acr-pull-held")
    label = {"metadata": {"labels": {UID_LABEL: "a"}}}
    metacontroller.call("PATCH", path, label, MERGE_PATCH)
    refused(
        message,
        partial(metacontroller.call, "PATCH", path, {"metadata": held}, MERGE_PATCH, DRY),
    )
    dedicated.api.delete("Secret", "default", "acr-pull-held")


def test_pod(dedicated: Stage) -> None:
    """The Pod is admitted as it is written where `restricted` is enforced."""
    (deployment,) = (m for m in render(dedicated.plane, OVERLAY) if m["kind"] == "Deployment")
    pod = {"apiVersion": "v1", "kind": "Pod", **deployment["spec"]["template"]}
    pod["metadata"] = {**pod["metadata"], "name": "acrpull"}
    strict = {**DRY, "fieldValidation": "Strict"}
    path = "/api/v1/namespaces/acrpull-system/pods"
    made = dedicated.api.call("POST", path, pod, params=strict)
    hooks, own = made["spec"]["containers"]
    assert [mount["name"] for mount in hooks["volumeMounts"]] == ["tmp"]
    assert [mount["name"] for mount in own["volumeMounts"]] == ["metacontroller-api-access"]
