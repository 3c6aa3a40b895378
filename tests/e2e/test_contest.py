"""Another client removes the entry at every change: acrpull slows down and names the fight."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.e2e.api import ApiError
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage

FIGHT_SECONDS: Final = 30


@contextmanager
def remover(scene: Scene) -> Iterator[list[float]]:
    """Remove acrpull's entry whenever it appears; yield the moments."""
    moments: list[float] = []
    over = threading.Event()

    def run() -> None:
        while not over.wait(0.02):
            names = [e.get("name") for e in scene.account("default").get("imagePullSecrets", [])]
            if "acr-pull-app" in names:
                entries = [{"name": name} for name in USERS]
                try:
                    scene.edit("default", imagePullSecrets=entries)
                except ApiError:  # a conflict: the next look tries again
                    continue
                moments.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield moments
    finally:
        over.set()
        thread.join()


def test_fight(stage: Stage, calm_scene: Scene) -> None:
    """Writes become rare, the reason is named, and the entry comes back when the fight is over."""
    scene = calm_scene
    scene.bind("app")
    scene.ready("app")
    with remover(scene) as removals:
        message = scene.says("app", "Ready", "False/EntryRemoved")
        assert "--show-managed-fields" in message
        since, soon, calls = attached_since(scene), len(removals), len(stage.recorder.exchanges)
        time.sleep(FIGHT_SECONDS)
        assert len(removals) - soon <= 4  # after 5, 10 and 20 s, and one that was under way
        assert len(stage.recorder.exchanges) - calls < 60
        assert attached_since(scene) == since
        assert scene.binding("app")["status"]["attachAttempts"] >= 1
    scene.listed("default", *USERS, "acr-pull-app")


def attached_since(scene: Scene) -> str:
    """Return since when the binding is not attached."""
    found = scene.binding("app")["status"]["conditions"]
    attached = next(c for c in found if c["type"] == "Attached")
    assert attached["status"] == "False"
    return str(attached["lastTransitionTime"])
