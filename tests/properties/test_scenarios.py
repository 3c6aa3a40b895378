"""What becomes of whole clusters, in both apply strategies; the story is the captures' own."""

import pytest

from hooks.core.names import ATTACHED_ANNOTATION
from tests.model import Metacontroller, binding, namespace, service_account
from tests.model.objects import Object, owners_of
from tests.properties.accounts import entries_of
from tests.properties.rest import come_to_rest
from tests.properties.scene import Scene
from tests.properties.specs import SPEC
from tests.properties.world import NAMESPACE, STRATEGIES

HAND_OVER_SECONDS = 5  # for other bindings that may be deleted along, and the next call


def test_the_story(scene: Scene) -> None:
    """Entries come after the user's, move with their binding, and go with it."""
    scene.bindings.create("app", "default")
    scene.settle()
    assert scene.listed() == ["zeta", "alpha", "acr-pull-app"]
    scene.world.clock.advance(1)
    scene.bindings.create("jobs", "default")
    scene.settle()
    assert scene.listed() == ["zeta", "alpha", "acr-pull-app", "acr-pull-jobs"]
    scene.accounts.create("build", [])
    for target, default, build in (
        ("build", ["zeta", "alpha", "acr-pull-jobs"], ["acr-pull-app"]),
        ("absent", ["zeta", "alpha", "acr-pull-jobs"], []),
        ("build", ["zeta", "alpha", "acr-pull-jobs"], ["acr-pull-app"]),
    ):
        scene.bindings.move("app", target)
        scene.settle()
        assert (scene.listed(), scene.listed("build")) == (default, build)
    scene.bindings.delete("jobs")
    scene.settle()
    assert scene.listed() == ["zeta", "alpha"]


def test_a_binding_named_like_its_namespace(scene: Scene) -> None:
    """It is attached, guarded and let go like any other."""
    scene.bindings.create(NAMESPACE, "default")
    scene.settle()
    assert scene.listed() == ["zeta", "alpha", f"acr-pull-{NAMESPACE}"]
    assert {ref["kind"] for ref in owners_of(scene.world.read("ServiceAccount", "default"))} == {
        "ACRPullBinding",
        "Namespace",
    }
    scene.bindings.delete(NAMESPACE)
    scene.settle()
    assert scene.listed() == ["zeta", "alpha"]


def test_the_oldest_binding_goes_first(scene: Scene) -> None:
    """The younger one takes the ServiceAccount over, with its entry there all the while."""
    scene.bindings.create("jobs", "default")
    scene.settle()
    scene.world.clock.advance(1)
    scene.bindings.create("app", "default")
    scene.settle()

    def check_entry(_verb: str, obj: Object) -> None:
        assert obj["kind"] != "ServiceAccount" or "acr-pull-app" in entries_of(obj)

    scene.world.cluster.before_write = check_entry
    scene.bindings.delete("jobs")
    scene.world.mc.settle()
    assert scene.listed() == ["zeta", "alpha", "acr-pull-app"]
    assert scene.world.get("ACRPullBinding", "jobs") is not None
    scene.world.mc.advance(HAND_OVER_SECONDS)
    assert scene.world.get("ACRPullBinding", "jobs") is None
    scene.settle()
    assert scene.listed() == ["zeta", "alpha", "acr-pull-app"]


def test_a_service_account_that_appears_later(scene: Scene) -> None:
    """The Secret is ready before it; it is attached as soon as it exists, and when made anew."""
    scene.bindings.create("app", "build")
    scene.settle()
    assert scene.conditions()["Attached"] == "False ServiceAccountNotFound"
    assert scene.bindings.secret("app") is not None
    for entries in (["alpha"], []):
        scene.accounts.create("build", list(entries))
        scene.settle()
        assert scene.listed("build") == [*entries, "acr-pull-app"]
        scene.accounts.delete("build")
        scene.settle()


def test_a_list_that_was_cleared_is_filled_again(scene: Scene) -> None:
    """A user who clears the list, and all that tells ours from theirs, loses nothing by it."""
    scene.bindings.create("app", "default")
    scene.settle()
    scene.accounts.relist("default", lambda _: [])
    scene.accounts.strip("default", "annotations", ATTACHED_ANNOTATION)
    scene.settle()
    assert scene.listed() == ["acr-pull-app"]
    scene.bindings.delete("app")
    scene.settle()
    assert scene.listed() == []


@pytest.mark.parametrize("name", ["app", NAMESPACE])
def test_the_strategy_is_changed(scene: Scene, name: str) -> None:
    """What the one strategy wrote, the other can write too; nothing is stuck."""
    world = scene.world
    scene.bindings.create(name, "default")
    scene.settle()
    other = next(strategy for strategy in STRATEGIES if strategy != world.strategy)
    world.strategy, world.mc = other, Metacontroller(world.cluster, world.post, other)
    come_to_rest(world)
    scene.settle()
    assert scene.conditions(name)["Ready"] == "True Ready"
    scene.bindings.delete(name)
    come_to_rest(world)
    scene.settle()
    assert scene.bindings.find(name) is None
    assert scene.listed() == ["zeta", "alpha"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_namespace_is_deleted_and_its_neighbour_is_not(strategy: str) -> None:
    """Nothing of ours holds a Namespace up, and what is in another one stays as it is."""
    scene = Scene(strategy)
    cluster = scene.world.cluster
    cluster.create(namespace("team-b"))
    cluster.create(service_account("team-b", "default"))
    cluster.create(binding("team-b", "app", **SPEC))
    scene.bindings.create("app", "default")
    scene.bindings.create(NAMESPACE, "default")
    scene.settle()
    before = cluster.list(namespace="team-b")
    cluster.delete("Namespace", "", NAMESPACE)
    scene.world.settle()
    assert cluster.list(namespace=NAMESPACE) == []
    assert cluster.get("Namespace", "", NAMESPACE) is None
    assert cluster.list(namespace="team-b") == before
