"""The hook token is rotated by the commands in docs/operations.md, as calls go on."""

import base64
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import requests

from tests.docs import commands
from tests.e2e.conftest import given_crds
from tests.e2e.eventually import eventually
from tests.e2e.ground import new_scene
from tests.e2e.scene import Scene
from tests.e2e.shell import NAMESPACE, mounted, start
from tests.e2e.stage import Stage, open_stage

PATH: Final = "/serviceaccount/sync"
BODY: Final = {"object": {"metadata": {"name": "default"}}}


@pytest.fixture
def rotated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """Start all but Metacontroller, with a token of its own."""
    with open_stage(tmp_path, given_crds(request)) as running:
        yield running


def token(stage: Stage) -> str:
    """Return the hook token that Metacontroller is to send."""
    data = stage.api.get("Secret", NAMESPACE, "acrpull-hook-token")["data"]
    return base64.b64decode(data["token"]).decode()


def status(stage: Stage, hook_token: str) -> int:
    """Return the status of a call with *hook_token*."""
    headers = {"Authorization": f"Bearer {hook_token}"}
    url = f"{stage.service.url}{PATH}"
    return requests.post(url, json=BODY, headers=headers, timeout=10).status_code


def check_more(stage: Stage, count: int) -> None:
    """Check that the hooks have been called more than *count* times."""
    assert len(stage.recorder.exchanges) > count


def busy(stage: Stage, scene: Scene, number: int) -> None:
    """Give Metacontroller something to ask about, and wait until it has."""
    count = len(stage.recorder.exchanges)
    scene.make_account(f"account-{number}")
    eventually(partial(check_more, stage, count))


def test_no_call_is_refused(rotated: Stage, metacontroller_binary: Path, tmp_path: Path) -> None:
    """Not one, from the first step to the last; then the old token is, and the new one works."""
    stage, (block,) = rotated, commands("rotation")
    folder = tmp_path / "home"
    folder.mkdir()
    files = {
        "token": Path(stage.service.environment["HOOK_TOKEN_FILE"]),
        "rotation": Path(stage.service.environment["HOOK_TOKEN_ROTATION_FILE"]),
    }
    with (
        mounted(stage.plane, "acrpull-hook-token", files) as kubelet,
        stage.run_metacontroller(metacontroller_binary, "dynamic-apply"),
    ):
        scene, old = new_scene(stage, "rotation"), token(stage)
        scene.bind("app")
        scene.ready("app")
        process = start(stage.plane, folder, block.text)
        number = 0
        while process.poll() is None:
            number += 1
            busy(stage, scene, number)
        assert process.stdout is not None
        assert process.returncode == 0, process.stdout.read()
        process.stdout.close()
        kubelet.bring()
        assert old != token(stage)
        assert (status(stage, old), status(stage, token(stage))) == (401, 200)
        scene.bind("late")
        scene.ready("late")
        assert {exchange.status for exchange in stage.recorder.exchanges} == {200}
        for kind in ("compositecontroller", "decoratorcontroller"):
            timeout = "jsonpath={.spec.hooks.sync.webhook.timeout}"
            assert stage.plane.kubectl("get", kind, "acrpull", "-o", timeout) == "10s"
        scene.close()
