"""At rest nothing is asked: whatever the state, it settles."""

import time
from random import Random

from tests.e2e.eventually import eventually
from tests.e2e.killer import Killer
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage

REST_SECONDS = 10
SETTLED_SECONDS = 130
GOING_SECONDS = 120


def test_rest(stage: Stage, calm: Killer, calm_scene: Scene) -> None:
    """With bindings in every state that lasts, the hooks are not called for 10 s."""
    scene = calm_scene
    scene.make_account("build", "beta")
    for name, account in (("app", None), ("jobs", None), ("tools", "build"), ("lost", "absent")):
        scene.bind(name, account)
    scene.bind(scene.name, "build")
    scene.bind("denied", acrServer="registry.example.com")
    scene.bind("gone", "build")
    scene.ready("gone")
    scene.unbind("gone")
    scene.gone("ACRPullBinding", "gone")
    scene.ready("app", "jobs", "tools", scene.name)
    scene.says("lost", "Ready", "False/ServiceAccountNotFound")
    scene.says("denied", "Ready", "False/ServerNotAllowed")
    scene.listed("default", *USERS, "acr-pull-app", "acr-pull-jobs")
    check_rest(stage)
    check_restart(stage, calm)


def check_rest(stage: Stage) -> None:
    """Once all is done, no hook is called for 10 s.

    Before that, a last call may be due: 60 s after another client removed an entry or a Secret, and
    120 s after an attachment began.
    """
    await_quiet(stage)
    deadline = time.monotonic() + SETTLED_SECONDS
    while paths := calls_of(stage, REST_SECONDS):
        assert time.monotonic() < deadline, paths


def calls_of(stage: Stage, seconds: float) -> list[str]:
    """Return the paths of the hook calls of the next *seconds*."""
    before = len(stage.recorder.exchanges)
    time.sleep(seconds)
    return [exchange.path for exchange in stage.recorder.exchanges[before:]]


def check_restart(stage: Stage, killer: Killer) -> None:
    """A Metacontroller that starts anew asks about everything and writes nothing."""
    before = versions(stage)
    again = Killer(killer.process, Random(0), chance=1)  # noqa: S311  it decides nothing
    again.after_write()
    again.join()
    calls = len(stage.recorder.exchanges)
    while len(stage.recorder.exchanges) == calls:
        time.sleep(0.1)
    await_quiet(stage)
    assert versions(stage) == before


def versions(stage: Stage) -> dict[str, str]:
    """Return the resourceVersion of all that Metacontroller may write."""
    kinds = ("ACRPullBinding", "Secret", "ServiceAccount")
    found = (obj for kind in kinds for obj in stage.api.list(kind))
    return {obj["metadata"]["uid"]: obj["metadata"]["resourceVersion"] for obj in found}


def await_quiet(stage: Stage, seconds: float = 2, within: float = 30) -> None:
    """Wait until no Namespace of another scene is going, and no hook was called for *seconds*."""

    def alone() -> None:
        phases = {space["status"]["phase"] for space in stage.api.list("Namespace")}
        assert phases == {"Active"}

    eventually(alone, GOING_SECONDS)
    deadline = time.monotonic() + within
    calls = -1
    while calls != len(stage.recorder.exchanges):
        assert time.monotonic() < deadline, "the hooks are called without end"
        calls = len(stage.recorder.exchanges)
        time.sleep(seconds)
