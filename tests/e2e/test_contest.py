"""Another client undoes every write of acrpull: acrpull slows down and names the fight."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from hooks.core.names import DOCKER_CONFIG_KEY
from hooks.core.wire.dockerconfig import encode
from tests.e2e.api import ApiError
from tests.e2e.eventually import WAIT_SECONDS, eventually
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage

FIGHT_SECONDS: Final = 30
# After 5, 10 and 20 s, and one that was under way. Metacontroller may call again before its cache
# has the status of the last answer, so each attempt can be up to three.
MOST_REMOVALS: Final = 12
EMPTY: Final = encode(None, None)


def remove_entry(scene: Scene) -> bool:
    """Remove acrpull's entry; return whether there was one."""
    names = [e.get("name") for e in scene.account("default").get("imagePullSecrets", [])]
    if "acr-pull-app" not in names:
        return False
    scene.edit("default", imagePullSecrets=[{"name": name} for name in USERS])
    return True


def remove_entry_of_jobs(scene: Scene) -> bool:
    """Remove the entry of the second binding only; return whether there was one."""
    names = [e.get("name") for e in scene.account("default").get("imagePullSecrets", [])]
    if "acr-pull-jobs" not in names:
        return False
    others = [{"name": name} for name in names if name != "acr-pull-jobs"]
    scene.edit("default", imagePullSecrets=others)
    return True


def delete_secret(scene: Scene) -> bool:
    """Delete the pull Secret; return whether there was one."""
    if scene.api.find("Secret", scene.name, "acr-pull-app") is None:
        return False
    scene.api.delete("Secret", scene.name, "acr-pull-app")
    return True


def empty_secret(scene: Scene) -> bool:
    """Empty the pull Secret; return whether a token was in it."""
    if scene.secret("acr-pull-app")["data"][DOCKER_CONFIG_KEY] == EMPTY:
        return False
    scene.api.merge("Secret", scene.name, "acr-pull-app", {"data": {DOCKER_CONFIG_KEY: EMPTY}})
    return True


@contextmanager
def client(scene: Scene, undo: Callable[[Scene], bool]) -> Iterator[list[float]]:
    """Let another client *undo* each write of acrpull; yield the moments."""
    moments: list[float] = []
    over = threading.Event()

    def run() -> None:
        while not over.wait(0.02):
            try:
                if undo(scene):
                    moments.append(time.monotonic())
            except ApiError:  # a conflict: the next look tries again
                continue

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield moments
    finally:
        over.set()
        thread.join()


def fight(
    stage: Stage,
    scene: Scene,
    undo: Callable[[Scene], bool],
    condition: str,
    reason: str,
    attempts: str,
) -> str:
    """Let another client *undo* each write of acrpull; return the message of Ready.

    Expect acrpull to slow down, and *condition* to stay False for *reason*. *attempts* is the field
    of the status that counts the attempts.
    """
    with client(scene, undo) as removals:
        message = scene.says("app", "Ready", f"False/{reason}")
        since, soon = since_when(scene, condition), len(removals)
        calls = count_calls(stage, scene)
        time.sleep(FIGHT_SECONDS)
        assert len(removals) - soon <= MOST_REMOVALS
        assert count_calls(stage, scene) - calls < 120  # without a brake, 93 a second
        assert since_when(scene, condition) == since
        assert scene.binding("app")["status"][attempts] >= 1
    return message


def test_fight(stage: Stage, calm_scene: Scene) -> None:
    """Writes become rare, the reason is named, and the entry comes back when the fight is over."""
    scene = calm_scene
    scene.bind("app")
    scene.ready("app")
    message = fight(stage, scene, remove_entry, "Attached", "EntryRemoved", "attachAttempts")
    assert "--show-managed-fields" in message
    scene.listed("default", *USERS, "acr-pull-app")


@pytest.mark.adoption
def test_fight_over_the_entry_of_another(stage: Stage, calm_scene: Scene) -> None:
    """The owner slows down although its own entry stays, and only "jobs" is not Ready."""
    scene = calm_scene
    scene.bind("app")
    scene.ready("app")
    scene.bind("jobs")
    scene.ready("jobs")
    with client(scene, remove_entry_of_jobs) as removals:
        scene.says("jobs", "Ready", "False/EntryRemoved")
        soon, calls = len(removals), count_calls(stage, scene)
        time.sleep(FIGHT_SECONDS)
        assert len(removals) - soon <= MOST_REMOVALS
        assert count_calls(stage, scene) - calls < 240  # of two bindings
        scene.says("app", "Ready", "True/Ready")
    scene.listed("default", *USERS, "acr-pull-app", "acr-pull-jobs")


@pytest.mark.adoption
def test_fight_over_one_of_several(stage: Stage, calm_scene: Scene) -> None:
    """The other ServiceAccounts of a list keep the entry, and a later one gets the entry."""
    scene = calm_scene
    scene.make_account("a")
    scene.bind("app", serviceAccountNames=["default", "a", "absent"])
    scene.says("app", "Attached", "False/ServiceAccountNotFound")
    message = fight(stage, scene, remove_entry, "Attached", "EntryRemoved", "attachAttempts")
    assert "--show-managed-fields" in message
    scene.make_account("absent")
    scene.listed("absent", "acr-pull-app")
    scene.listed("a", "acr-pull-app")
    scene.listed("default", *USERS, "acr-pull-app")


@pytest.mark.parametrize("undo", [delete_secret, empty_secret])
def test_fight_over_the_secret(
    stage: Stage, calm_scene: Scene, undo: Callable[[Scene], bool]
) -> None:
    """Writes become rare, no token is requested, and the Secret comes back at the end."""
    scene = calm_scene
    scene.bind("app")
    scene.ready("app")
    tokens = stage.emulator.count("exchange")
    message = fight(stage, scene, undo, "TokenFresh", "SecretRemoved", "writeAttempts")
    assert "deletes or changes Secret" in message
    assert stage.emulator.count("exchange") == tokens
    eventually(lambda: check_token(scene), 2 * WAIT_SECONDS)


def count_calls(stage: Stage, scene: Scene) -> int:
    """Return the number of hook calls so far for objects in the Namespace of *scene*."""
    requests = (exchange.request for exchange in stage.recorder.exchanges)
    objects = (request.get("parent") or request["object"] for request in requests)
    return sum(obj["metadata"].get("namespace") == scene.name for obj in objects)


def check_token(scene: Scene) -> None:
    """Expect a token in the Secret."""
    assert scene.secret("acr-pull-app")["data"][DOCKER_CONFIG_KEY] != EMPTY


def since_when(scene: Scene, kind: str) -> str:
    """Return since when the condition *kind* is False."""
    found = next(c for c in scene.binding("app")["status"]["conditions"] if c["type"] == kind)
    assert found["status"] == "False"
    return str(found["lastTransitionTime"])
