"""The component metacontroller/pods: a new Pod lists the Secrets of its bindings.

No Metacontroller runs, so nothing but the policy adds entries.
"""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any, Final
from uuid import UUID

import pytest
import yaml

from tests.e2e.api import BINDING, MERGE_PATCH, Object, path_of
from tests.e2e.conftest import given_crds
from tests.e2e.eventually import eventually
from tests.e2e.other_policy import mutating_policy
from tests.e2e.stage import Stage, open_stage
from tests.model import binding, service_account
from tests.model import namespace as new_namespace

NUMBERS: Final = count(1)
SPEC: Final = {"acrServer": "a.azurecr.io", "managedIdentityClientID": str(UUID(int=1))}
LONG: Final = "x" * 250  # a binding whose Secret has a hash in its name


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start a control plane with the component."""
    directory = tmp_path_factory.mktemp("pods")
    with open_stage(directory, given_crds(request), "metacontroller/pods") as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def in_force(stage: Stage) -> None:
    """Wait until the policy is in force."""
    space = Space(stage, "in-force")
    space.bind("app")

    def check() -> None:
        assert space.pod() == ["acr-pull-app"]

    eventually(check)


class Space:
    """A new Namespace with the ServiceAccount `default`."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.api, self.name = stage.api, name
        self.api.create(new_namespace(name))
        eventually(lambda: self.api.get("ServiceAccount", name, "default"))

    def bind(self, name: str, **spec: Any) -> Object:  # noqa: ANN401  any JSON
        """Create a binding."""
        return self.api.create(binding(self.name, name, **(SPEC | spec)))

    def pod(self, account: str = "default", *entries: str, **metadata: Any) -> list[str]:  # noqa: ANN401
        """Create a Pod that lists *entries*, and return the names that the created Pod lists."""
        made = self.api.create(new_pod(self.name, account, entries, **metadata))
        return [entry.get("name", "") for entry in made["spec"].get("imagePullSecrets", [])]


def new_pod(namespace: str, account: str, entries: tuple[str, ...] = (), **metadata: Any) -> Object:  # noqa: ANN401
    """Return a Pod of a new name."""
    spec: Object = {
        "serviceAccountName": account,
        "containers": [{"name": "app", "image": "a.azurecr.io/app"}],
    }
    if entries:
        spec["imagePullSecrets"] = [{"name": name} for name in entries]
    meta = {"name": f"app-{next(NUMBERS)}", "namespace": namespace, **metadata}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def until(space: Space, *expected: str) -> None:
    """Expect a new Pod to list *expected*, once the policy has seen the last write."""

    def check() -> None:
        assert space.pod() == list(expected)

    eventually(check)


def until_sorted(space: Space, *expected: str) -> None:
    """Expect a new Pod to list *expected* in any order, once the policy has seen the last write."""

    def check() -> None:
        assert sorted(space.pod()) == sorted(expected)

    eventually(check)


def test_all_in_one_apply(stage: Stage) -> None:
    """A Namespace, a ServiceAccount, a binding and a Pod in one apply: no Pod lacks the entry."""
    for number in range(30):
        name = f"one-apply-{number}"
        objects = [
            new_namespace(name),
            service_account(name, "app"),
            binding(name, "app", serviceAccountName="app", **SPEC),
            new_pod(name, "app"),
        ]
        stage.plane.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(objects))
        (pod,) = stage.api.list("Pod", name)
        assert pod["spec"].get("imagePullSecrets") == [{"name": "acr-pull-app"}], number


def test_several_service_accounts(stage: Stage) -> None:
    """A Pod gets the entries of bindings with its ServiceAccount in a list, or with all."""
    space = Space(stage, "several")
    for name in ("a", "b"):
        space.api.create(service_account(space.name, name))
    space.bind("every", serviceAccountNames=["*"])
    space.bind("list", serviceAccountNames=["a", "default"])
    space.bind("none", serviceAccountNames=[])

    def check() -> None:
        for account, secrets in {"default": ["every", "list"], "a": ["every", "list"]}.items():
            assert sorted(space.pod(account)) == [f"acr-pull-{name}" for name in secrets]
        assert space.pod("b") == ["acr-pull-every"]

    eventually(check)


def test_own_entries_come_first(stage: Stage) -> None:
    """A Pod keeps its own entries, and those of its ServiceAccount, in their order."""
    space = Space(stage, "own-entries")
    space.api.create(service_account(space.name, "app", pull_secrets=("zeta", "alpha")))
    space.bind("app", serviceAccountName="app")
    space.bind("jobs", serviceAccountName="app")
    space.bind("other", serviceAccountName="another")

    def check() -> None:
        first, second, *ours = space.pod("app")
        assert [first, second] == ["zeta", "alpha"]
        assert sorted(ours) == ["acr-pull-app", "acr-pull-jobs"]

    eventually(check)
    assert space.pod("app", "mine")[0] == "mine"
    assert space.pod("app", "acr-pull-app", "acr-pull-jobs") == ["acr-pull-app", "acr-pull-jobs"]
    assert space.pod() == []


@pytest.mark.parametrize(
    "reason", ["InvalidSpec", "IdentityNotAllowed", "ServerNotAllowed", "SecretNameTaken"]
)
def test_without_secret(stage: Stage, reason: str) -> None:
    """A binding that has no Secret of its own adds no entry; a failing binding does."""
    space = Space(stage, f"without-{reason.lower()}")
    space.bind("app")
    until(space, "acr-pull-app")
    for value, expected in ((reason, []), ("IdentityNotFound", ["acr-pull-app"])):
        set_status(space, "app", conditions=[condition(value)])
        until(space, *expected)


def test_deleted_binding(stage: Stage) -> None:
    """A binding under deletion adds no entry."""
    space = Space(stage, "deleted-binding")
    space.bind("app")
    until(space, "acr-pull-app")
    held = {"metadata": {"finalizers": ["example.com/mine"]}}
    space.api.merge(BINDING, space.name, "app", held)
    space.api.delete(BINDING, space.name, "app")
    until(space)
    space.api.merge(BINDING, space.name, "app", {"metadata": {"finalizers": None}})


def test_long_name(stage: Stage) -> None:
    """The name of a Secret with a hash is read from the status."""
    space = Space(stage, "long-name")
    space.bind(LONG)
    set_status(space, LONG, secretName="acr-pull-hash")
    until(space, "acr-pull-hash")


def test_mirror_pod(stage: Stage) -> None:
    """A mirror Pod of a kubelet stays as it is: the API server would reject a change."""
    space = Space(stage, "mirror-pod")
    space.bind("app")
    until(space, "acr-pull-app")
    mirror = new_pod(space.name, "", annotations={"kubernetes.io/config.mirror": "x"})
    del mirror["spec"]["serviceAccountName"]
    mirror["spec"]["nodeName"] = "node"
    made = space.api.create(mirror)
    assert "imagePullSecrets" not in made["spec"]


def test_pod_of_a_controller(stage: Stage) -> None:
    """A controller that may not read bindings creates a Pod: the Pod lists the Secret."""
    space = Space(stage, "controller")
    space.bind("app")
    until(space, "acr-pull-app")
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "app", "uid": "app"}
    pod = new_pod(space.name, "default", ownerReferences=[{**owner, "controller": True}])
    controller = stage.api.as_user("system:serviceaccount:kube-system:replicaset-controller")
    made = controller.create(pod)
    assert made["spec"]["imagePullSecrets"] == [{"name": "acr-pull-app"}]


def test_other_policy(stage: Stage) -> None:
    """Another policy replaces the list of each Pod; the entry is added again."""
    space = Space(stage, "other-policy")
    space.bind("app")
    until(space, "acr-pull-app")
    expression = """[JSONPatch{op: "add", path: "/spec/imagePullSecrets",
    value: [{"name": "corp"}]}]"""

    def acts() -> bool:
        return "corp" in space.pod()

    with mutating_policy(stage.api, "pods", expression, acts):
        assert space.pod() == ["corp", "acr-pull-app"]


def test_latency(stage: Stage, tally: Counter[str]) -> None:
    """The summary shows the time of a Pod's creation, by the number of bindings."""
    for bindings in (0, 10, 200):
        space = Space(stage, f"latency-{bindings}")
        for number in range(bindings):
            space.bind(f"app-{number}", serviceAccountName="default" if number < 5 else "another")
        until_sorted(space, *(f"acr-pull-app-{number}" for number in range(min(bindings, 5))))
        tally[f"microseconds to create a Pod with {bindings} bindings"] = int(1e6 * latency(space))


def test_no_pod_is_blocked(stage: Stage) -> None:
    """Pods are created with far too many entries, and without the kind ACRPullBinding."""
    space = Space(stage, "not-blocked")
    space.bind("app")
    many = tuple(f"secret-{number}" for number in range(20_000))
    until(space, "acr-pull-app")
    assert space.pod("default", *many) == list(many)
    assert space.pod("default", *many[:1001]) == list(many[:1001])
    assert space.pod("default", *many[:1000]) == [*many[:1000], "acr-pull-app"]
    stage.plane.kubectl("delete", "crd", "acrpullbindings.acrpull.dev")
    for _ in range(20):
        space.pod()
        time.sleep(0.1)


def condition(reason: str) -> Object:
    """Return the condition Ready, False for *reason*."""
    return {
        "type": "Ready",
        "status": "False",
        "reason": reason,
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


def set_status(space: Space, name: str, **status: Any) -> None:  # noqa: ANN401  any JSON
    """Write a binding's status."""
    path = f"{path_of(BINDING, space.name, name)}/status"
    space.api.call("PATCH", path, {"status": status}, MERGE_PATCH)


def latency(space: Space, pods: int = 50) -> float:
    """Return the median seconds of a creation of a Pod."""
    seconds = []
    for _ in range(pods):
        begin = time.perf_counter()
        space.pod()
        seconds.append(time.perf_counter() - begin)
    return sorted(seconds)[pods // 2]
