"""Another client removes acrpull's entry from a ServiceAccount again and again."""

from collections.abc import Container

import pytest

from tests.properties.scene import Scene
from tests.properties.targets import Target
from tests.properties.world import STRATEGIES


@pytest.mark.parametrize("name", ["acr-pull-app", "acr-pull-jobs"], ids=["owner", "other"])
@pytest.mark.parametrize("target", ["default", ("default",), ("*",)], ids=["one", "list", "every"])
@pytest.mark.parametrize(("delay", "stale"), [(0.5, 0), (30, 0), (50, 0), (0.5, 0.5), (30, 0.5)])
def test_a_client_that_removes_an_entry_again_and_again(
    name: str, target: Target, delay: float, stale: float
) -> None:
    """The owner slows down, and only the binding whose entry is removed is not Ready."""
    scene = Scene(STRATEGIES[0], stale=stale)
    for binding in ("app", "jobs"):
        scene.bindings.create(binding, target)
        scene.settle()
    assert remove_entries(scene, {name}, 600, delay) <= 15  # without a wait, every delay
    fought = name.removeprefix("acr-pull-")
    expected = {"app": "True Ready", "jobs": "True Ready", fought: "False EntryRemoved"}
    assert readiness(scene) == expected
    since = scene.since("Ready", fought)
    for _ in range(20):
        assert remove_entries(scene, {name}, 60, delay) <= 1
        assert readiness(scene) == expected
    assert scene.since("Ready", fought) == since  # an alert that waits for 15 minutes fires
    await_end(scene)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_client_that_removes_an_entry_before_acrpull_sees_it(strategy: str) -> None:
    """The owner slows down, although it never observes the entry."""
    scene = Scene(strategy)
    scene.bindings.create("app", "default")
    scene.settle()
    scene.world.advance(120)
    assert undo_entry(scene, 60) > undo_entry(scene, 60) <= 2
    assert scene.conditions()["Ready"] == "False EntryRemoved"
    scene.world.advance(600)
    scene.settle()
    assert scene.conditions()["Ready"] == "True Ready"


def undo_entry(scene: Scene, seconds: float) -> int:
    """Remove the entry at once after each write, and return how often; *seconds* pass."""

    def undo() -> bool:
        if "acr-pull-app" not in scene.listed():
            return False
        scene.accounts.relist("default", lambda old: [n for n in old if n != "acr-pull-app"])
        return True

    return scene.oppose(undo, seconds)


def test_the_entry_of_another_is_still_removed(scene: Scene) -> None:
    """The owner becomes Ready although the other client goes on with another binding's entry."""
    for binding in ("app", "jobs"):
        scene.bindings.create(binding, "default")
        scene.settle()
    remove_entries(scene, {"acr-pull-app", "acr-pull-jobs"}, 60)
    assert readiness(scene) == {"app": "False EntryRemoved", "jobs": "False EntryRemoved"}
    remove_entries(scene, {"acr-pull-jobs"}, 300)
    assert readiness(scene) == {"app": "True Ready", "jobs": "False EntryRemoved"}
    await_end(scene)


def remove_entries(scene: Scene, names: Container[str], seconds: float, delay: float = 0.5) -> int:
    """Remove entries every *delay* seconds, and return how often; *seconds* pass."""
    removals = 0
    for _ in range(round(seconds / delay)):
        scene.world.advance(delay)
        if any(name in names for name in scene.listed()):
            scene.accounts.relist("default", lambda old: [n for n in old if n not in names])
            removals += 1
            scene.world.settle()
    return removals


def await_end(scene: Scene) -> None:
    """Wait until the contest ends, because no client removes an entry."""
    for _ in range(20):
        scene.world.advance(30)
    scene.settle()
    assert readiness(scene) == {"app": "True Ready", "jobs": "True Ready"}
    assert {"acr-pull-app", "acr-pull-jobs"} <= set(scene.listed())


def readiness(scene: Scene) -> dict[str, str]:
    """Return the state of each binding."""
    return {name: scene.conditions(name)["Ready"] for name in ("app", "jobs")}
