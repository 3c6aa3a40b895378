"""Metacontroller's apply strategy is changed, by its flag, while there are bindings."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.api import BINDING
from tests.e2e.conftest import given_crds
from tests.e2e.eventually import eventually
from tests.e2e.ground import new_scene
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage, open_stage

STRATEGIES = {
    "dynamic-apply": "server-side-apply",
    "server-side-apply": "dynamic-apply",
}


@pytest.fixture
def changed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """Start all but Metacontroller."""
    with open_stage(tmp_path, given_crds(request)) as stage:
        yield stage


def relabel(scene: Scene) -> set[str]:
    """Replace the label "team" by "area" in a template, and return the labels of the Secret."""
    labels = {"team": None, "area": "shop"}
    scene.respec("app", secretTemplate={"metadata": {"labels": labels}})

    def check() -> set[str]:
        found = set(scene.secret("acr-pull-app")["metadata"]["labels"])
        assert "area" in found
        return found

    return eventually(check)


def test_change(changed: Stage, metacontroller_binary: Path, strategy: str) -> None:
    """What one wrote the other writes too, also of a binding named as its Namespace."""
    scene = new_scene(changed, "same")
    names = ("same", "app")
    scene.make_account("build", "beta")
    scene.bind("same", "default")
    scene.bind("app", "build", secretTemplate={"metadata": {"labels": {"team": "shop"}}})
    with changed.run_metacontroller(metacontroller_binary, strategy):
        scene.ready(*names)
    with changed.run_metacontroller(metacontroller_binary, STRATEGIES[strategy]):
        scene.bind("jobs")
        scene.ready(*names, "jobs")
        scene.stays("default", *USERS, "acr-pull-same", "acr-pull-jobs")
        # dynamic-apply's write still owns the label, as a field manager of its own.
        assert ("team" in relabel(scene)) == (strategy == "dynamic-apply")
        for name in (*names, "jobs"):
            scene.unbind(name)
            scene.gone(BINDING, name)
        scene.released("default", *USERS)
        scene.released("build", "beta")
    assert not scene.lost()
