"""The move from the mode `adoption` to `admission`, and back, on a running cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final

import pytest
import yaml

from hooks.core.names import ADMISSION_KINDS, ADMISSION_POLICY
from tests.e2e.api import BINDING, Api, Object
from tests.e2e.conftest import given_crds
from tests.e2e.eventually import eventually
from tests.e2e.ground import new_scene
from tests.e2e.install import BASE, render, retarget, settings_in
from tests.e2e.killer import Killer
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage, open_stage
from tests.e2e.watch import watching

ADMISSION: Final = "metacontroller/admission"
FINALIZER: Final = "metacontroller.io/compositecontroller-acrpull"
# The ServiceAccounts with their bindings.
LISTED: Final = {
    "default": [*USERS, "acr-pull-app", "acr-pull-jobs"],  # shared
    "build": ["beta", "acr-pull-build"],
    "alone": ["acr-pull-team"],  # of a binding with the name of its Namespace
}


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """Start the whole stage except Metacontroller, in the mode `adoption`."""
    with open_stage(tmp_path, given_crds(request)) as running:
        yield running


@pytest.mark.parametrize("mood", ["calm", "killed"])
def test_change(
    request: pytest.FixtureRequest,
    stage: Stage,
    metacontroller_binary: Path,
    strategy: str,
    mood: str,
) -> None:
    """No entry is missing at any moment, and no mark of the other mode stays behind."""
    scene = new_scene(stage, "team")
    scene.make_account("build", "beta")
    scene.make_account("alone")
    with stage.run_metacontroller(metacontroller_binary, strategy) as metacontroller:
        seed = f"{request.config.getoption('--seed')} {request.node.name}"
        killer = Killer(metacontroller, Random(seed), {"calm": 0.0, "killed": 1.0}[mood])  # noqa: S311
        for name, account in (("app", None), ("jobs", None), ("build", "build"), ("team", "alone")):
            scene.bind(name, account)
        is_bound(scene)
        with every_version(stage.api, scene.name) as missing:
            for overlay in (ADMISSION, BASE, ADMISSION):
                move(stage, overlay, killer)
                scene.admission = overlay == ADMISSION
                is_bound(scene)
                marked(scene)
            assert not missing
        for name in ("app", "jobs", "build", "team"):
            scene.unbind(name)
            scene.gone(BINDING, name)
        scene.released("default", *USERS)
        scene.released("build", "beta")
        scene.released("alone")
    assert not scene.lost()


def move(stage: Stage, overlay: str, killer: Killer) -> None:
    """Install *overlay* as docs/operations.md tells it; the hooks restart in the middle."""
    manifests = render(stage.plane, overlay)
    host, port = stage.recorder.address.split(":")
    changed = [retarget(manifest, f"{host}:{port}") for manifest in manifests]
    killer.after_write()
    stage.plane.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(changed))
    killer.after_write()
    stage.service.stop()
    stage.service.environment["ATTACHMENT"] = settings_in(manifests).get("ATTACHMENT", "adoption")
    stage.service.start()
    killer.after_write()
    killer.join()
    assert stage.metacontroller is not None
    stage.metacontroller.kill()
    stage.metacontroller.start()
    if overlay == BASE:
        for kind in ADMISSION_KINDS:
            stage.plane.kubectl("delete", kind, ADMISSION_POLICY)


def is_bound(scene: Scene) -> None:
    """Expect each binding to be Ready, and each ServiceAccount to list its Secrets."""
    scene.ready("app", "jobs", "build", "team")
    for account, entries in LISTED.items():
        scene.listed(account, *entries)


def marked(scene: Scene) -> None:
    """Expect the marks of the mode on each ServiceAccount and binding, and no others."""
    for account in LISTED:
        scene.guarded(account)

    def check() -> None:
        for name in ("app", "jobs", "build", "team"):
            finalizers = scene.binding(name)["metadata"].get("finalizers", [])
            assert finalizers == ([] if scene.admission else [FINALIZER])

    eventually(check)


@contextmanager
def every_version(api: Api, namespace: str) -> Iterator[list[str]]:
    """Watch the ServiceAccounts; yield a list of versions with a missing entry."""
    missing: list[str] = []

    def note(_: str, account: Object) -> None:
        name = account["metadata"]["name"]
        entries = {entry.get("name") for entry in account.get("imagePullSecrets", [])}
        if not set(LISTED.get(name, ())) <= entries:
            missing.append(f"{name} lists {entries}: {account['metadata']}")

    with watching(api, "ServiceAccount", note, namespace) as ended:
        yield missing
        assert not ended.is_set(), "the watch has ended"
