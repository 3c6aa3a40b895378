"""Bindings that go: the ServiceAccount stays, as it was."""

import pytest

from tests.e2e.killer import Killer
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage


def test_oldest_first(scene: Scene) -> None:
    """The others take the ServiceAccount over; the last one leaves it as its user made it."""
    for name in ("app", "jobs", "tools"):
        scene.bind(name)
        scene.ready(name)
    scene.unbind("app")
    scene.gone("ACRPullBinding", "app")
    scene.listed("default", *USERS, "acr-pull-jobs", "acr-pull-tools")
    scene.gone("Secret", "acr-pull-app")
    scene.unbind("jobs")
    scene.gone("ACRPullBinding", "jobs")
    scene.listed("default", *USERS, "acr-pull-tools")
    scene.unbind("tools")
    scene.gone("ACRPullBinding", "tools")
    scene.released("default", *USERS)
    scene.gone("Secret", "acr-pull-tools")
    assert scene.account("default")["metadata"]["annotations"] == {"mine": "1"}


def test_at_once(scene: Scene) -> None:
    """A binding may be deleted as soon as it was made."""
    for _ in range(3):
        scene.bind("app")
        scene.unbind("app")
        scene.gone("ACRPullBinding", "app")
    scene.released("default", *USERS)


@pytest.mark.parametrize("propagation", ["Foreground", "Orphan"])
def test_cascade(scene: Scene, propagation: str) -> None:
    """Metacontroller writes nothing then; the next binding takes the entry off."""
    scene.bind("app")
    scene.ready("app")
    scene.guarded("default")
    scene.unbind("app", propagation)
    scene.gone("ACRPullBinding", "app")
    scene.bind("jobs")
    scene.ready("jobs")
    scene.listed("default", *USERS, "acr-pull-jobs")


def test_without_metacontroller(stage: Stage, scene: Scene, killer: Killer) -> None:
    """With its finalizer stripped and Metacontroller down, the binding takes nothing along."""
    scene.bind("app")
    scene.ready("app")
    scene.guarded("default")
    killer.join()
    assert stage.metacontroller is not None
    stage.metacontroller.kill()
    try:
        scene.api.merge("ACRPullBinding", scene.name, "app", {"metadata": {"finalizers": None}})
        scene.api.delete("ACRPullBinding", scene.name, "app")
        scene.gone("ACRPullBinding", "app")
        scene.gone("Secret", "acr-pull-app")  # so the garbage collector was here
    finally:
        stage.metacontroller.start()
    scene.bind("jobs")
    scene.ready("jobs")
    scene.listed("default", *USERS, "acr-pull-jobs")
