"""A ClusterACRPullBinding and its bindings, in both apply strategies, with and without kills."""

import time
from collections.abc import Iterator

import pytest

from hooks.core.names import CLUSTER_KIND, SERVERS_ANNOTATION
from tests.e2e.api import BINDING, ApiError
from tests.e2e.eventually import eventually
from tests.e2e.fleet_scene import FleetScene, play_fleet
from tests.e2e.ground import Ground
from tests.e2e.killer import Killer
from tests.e2e.scene import SETTLE_SECONDS, USERS
from tests.e2e.stage import Stage
from tests.e2e.test_rest import await_quiet
from tests.model import binding, namespace

HELD = "example.com/held"  # a finalizer


@pytest.fixture
def fleet(ground: Ground, killer: Killer) -> Iterator[FleetScene]:
    """Return Namespaces; Metacontroller may be killed after each write of a user."""
    with play_fleet(ground, killer) as opened:
        yield opened


@pytest.fixture
def calm_fleet(ground: Ground, calm: Killer) -> Iterator[FleetScene]:
    """Return Namespaces; Metacontroller runs all the time."""
    with play_fleet(ground, calm) as opened:
        yield opened


def test_selection(fleet: FleetScene) -> None:
    """A binding exists in exactly the Namespaces with the label, and is attached there."""
    first, second = fleet.scenes
    fleet.select(first)
    fleet.create()
    fleet.says("True/Ready", (1, 1, 1))
    fleet.attached(first)
    fleet.select(second)
    fleet.says("True/Ready", (2, 2, 2))
    fleet.attached(first, second)
    fleet.select(first, selected=False)
    fleet.released(first)
    fleet.says("True/Ready", (1, 1, 1))
    fleet.attached(second)
    fleet.select(second, selected=False)
    fleet.released(second)
    fleet.says("True/Ready", (0, 0, 0))


def test_deletion(fleet: FleetScene) -> None:
    """Its deletion deletes all bindings, and releases all ServiceAccounts."""
    fleet.create_everywhere()
    fleet.attached(*fleet.scenes)
    fleet.delete()
    fleet.released(*fleet.scenes)


def test_foreground_deletion(fleet: FleetScene) -> None:
    """The bindings go, too; an entry can stay, as after the same deletion of a binding."""
    fleet.create_everywhere()
    fleet.attached(*fleet.scenes)
    fleet.delete("Foreground")
    for scene in fleet.scenes:
        scene.gone(BINDING, fleet.name)
        scene.gone("Secret", fleet.secret)

    def check() -> None:
        assert fleet.api.find(CLUSTER_KIND, "", fleet.name) is None

    eventually(check)


def test_template(fleet: FleetScene) -> None:
    """A change of the template reaches each binding; labels of users stay."""
    first, second = fleet.scenes
    fleet.create_everywhere()
    mine = {"metadata": {"labels": {"mine": "1"}, "annotations": {"mine": "1"}}}
    fleet.api.merge(BINDING, first.name, fleet.name, mine)
    meta = {"labels": {"team": "a"}, "annotations": {"example.com/owner": "platform"}}
    spec = {"scope": "repository:app:pull", "serviceAccountName": "build"}
    for scene in fleet.scenes:
        scene.make_account("build")
    fleet.edit(spec={"template": {"metadata": meta, "spec": spec}})
    fleet.says("True/Ready", (2, 2, 2))
    for scene in fleet.scenes:
        scene.listed("build", fleet.secret)
        scene.released("default", *USERS)
        observed = scene.binding(fleet.name)
        assert spec.items() <= observed["spec"].items()
        assert meta["labels"].items() <= observed["metadata"]["labels"].items()
        assert meta["annotations"].items() <= observed["metadata"]["annotations"].items()
    nothing = {"metadata": None, "spec": {"scope": None, "serviceAccountName": None}}
    fleet.edit(spec={"template": nothing})
    fleet.attached(first, second)
    fleet.says("True/Ready", (2, 2, 2))
    for scene in fleet.scenes:
        observed = scene.binding(fleet.name)
        assert "scope" not in observed["spec"]
        assert "team" not in observed["metadata"]["labels"]
    kept = first.binding(fleet.name)["metadata"]
    assert (kept["labels"]["mine"], kept["annotations"]["mine"]) == ("1", "1")


def test_repaired(fleet: FleetScene) -> None:
    """A binding that a user changes or deletes is repaired or created again."""
    first, second = fleet.scenes
    fleet.create_everywhere()
    server = first.binding(fleet.name)["spec"]["acrServer"]
    first.respec(fleet.name, acrServer="registry.example.com")
    second.unbind(fleet.name)

    def check() -> None:
        assert first.binding(fleet.name)["spec"]["acrServer"] == server

    eventually(check)
    fleet.says("True/Ready", (2, 2, 2))
    fleet.attached(first, second)


def test_binding_of_a_user(fleet: FleetScene) -> None:
    """A binding of that name which a user created stays unchanged until the user deletes it."""
    first, second = fleet.scenes
    mine = {**first.spec, "scope": "repository:mine:pull"}
    own = fleet.api.create(binding(first.name, fleet.name, **mine))
    for scene in fleet.scenes:
        fleet.select(scene)
    fleet.create()
    fleet.says("False/BindingsNotReady", (2, 1, 1), {first.name: "BindingNameTaken"})
    fleet.attached(second)
    time.sleep(SETTLE_SECONDS)
    observed = first.binding(fleet.name)
    assert observed["spec"] == {"serviceAccountName": "default", **mine}
    for key in ("uid", "labels", "ownerReferences"):
        assert observed["metadata"].get(key) == own["metadata"].get(key)
    fleet.delete()
    fleet.released(second)
    assert first.binding(fleet.name)["metadata"]["uid"] == own["metadata"]["uid"]
    fleet.create()
    fleet.says("False/BindingsNotReady", (2, 1, 1), {first.name: "BindingNameTaken"})
    first.unbind(fleet.name)
    fleet.says("True/Ready", (2, 2, 2))
    assert "scope" not in first.binding(fleet.name)["spec"]


def test_copy_of_a_user(calm_fleet: FleetScene, ground: Ground) -> None:
    """A user of a Namespace can't copy a binding, and a Namespace selected then gets its own."""
    stage, fleet = ground.stage, calm_fleet
    if stage is None:
        pytest.skip("a cluster's users are not known")
    first, second = fleet.scenes
    fleet.select(first)
    fleet.create()
    fleet.says("True/Ready", (1, 1, 1))
    role = ("rolebinding", "jane", "-n", first.name)
    stage.plane.kubectl("create", *role, "--clusterrole=edit", "--user=jane")
    user = fleet.api.as_user("jane")
    copy = first.binding(fleet.name)
    kept = ("namespace", "labels", "ownerReferences")
    copy["metadata"] = {key: copy["metadata"][key] for key in kept} | {"name": "copy"}
    copy["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = False
    with pytest.raises(ApiError, match=r"^403: .*Only Metacontroller adds the label"):
        user.create(copy)
    user.merge(BINDING, first.name, fleet.name, {"metadata": {"labels": {"mine": "1"}}})
    fleet.select(second)
    fleet.says("True/Ready", (2, 2, 2))
    fleet.attached(first, second)


def test_denied_by_a_namespace(fleet: FleetScene) -> None:
    """The annotations of a Namespace deny its binding, and the status tells so."""
    first, second = fleet.scenes
    listed = {"metadata": {"annotations": {SERVERS_ANNOTATION: "other.azurecr.io"}}}
    fleet.api.merge("Namespace", "", first.name, listed)
    for scene in fleet.scenes:
        fleet.select(scene)
    fleet.create()
    status = fleet.says("False/BindingsNotReady", (2, 2, 1), {first.name: "ServerNotAllowed"})
    stalled = status["conditions"][1]
    assert (stalled["type"], stalled["reason"]) == ("Stalled", "ServerNotAllowed")
    fleet.attached(second)
    first.released("default", *USERS)
    allowed = {"metadata": {"annotations": {SERVERS_ANNOTATION: None}}}
    fleet.api.merge("Namespace", "", first.name, allowed)
    fleet.says("True/Ready", (2, 2, 2))


def test_namespace_is_deleted(fleet: FleetScene) -> None:
    """A Namespace that is being deleted blocks nothing, even if it can't end."""
    first, second = fleet.scenes
    fleet.create_everywhere()
    held = {"name": "held", "namespace": first.name, "finalizers": [HELD]}
    fleet.api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})
    first.uids.clear()
    first.close()
    fleet.disturb()
    fleet.says("True/Ready", (1, 1, 1))
    first.gone(BINDING, fleet.name)
    fleet.edit(spec={"template": {"metadata": {"labels": {"team": "a"}}}})
    fleet.says("True/Ready", (1, 1, 1))
    fleet.delete()
    fleet.released(second)
    assert fleet.api.get("Namespace", "", first.name)["status"]["phase"] == "Terminating"
    fleet.api.merge("ConfigMap", first.name, "held", {"metadata": {"finalizers": None}})

    def check() -> None:
        assert fleet.api.find("Namespace", "", first.name) is None

    eventually(check)
    fleet.api.create(namespace(first.name))  # to be deleted at the end of the scene


def test_rest(calm_fleet: FleetScene, ground: Ground) -> None:
    """Once the status is written, no hook is called."""
    stage = ground.stage
    if stage is None:
        pytest.skip("a cluster's hook calls are not recorded")
    fleet = calm_fleet
    fleet.select(fleet.scenes[0])
    fleet.api.create(binding(fleet.scenes[1].name, fleet.name, **fleet.scenes[1].spec))
    fleet.select(fleet.scenes[1])
    fleet.create()
    fleet.says("False/BindingsNotReady", (2, 1, 1), {fleet.scenes[1].name: "BindingNameTaken"})
    settled(stage, fleet.name)


def settled(stage: Stage, name: str) -> None:
    """Expect no write to the ClusterACRPullBinding *name* at rest."""
    await_quiet(stage)
    version = stage.api.get(CLUSTER_KIND, "", name)["metadata"]["resourceVersion"]
    time.sleep(SETTLE_SECONDS)
    assert stage.api.get(CLUSTER_KIND, "", name)["metadata"]["resourceVersion"] == version
