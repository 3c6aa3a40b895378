"""The components `admission` and `pods` with v1beta1 of the policies, as their files describe."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from hooks.core.names import (
    ADMISSION_GROUP,
    ADMISSION_KINDS,
    ADMISSION_POLICY,
    PULL_SECRETS_ANNOTATION,
)
from tests.e2e.conftest import given_crds
from tests.e2e.control_plane import ENFORCED
from tests.e2e.eventually import eventually
from tests.e2e.ground import new_scene
from tests.e2e.install import BASE, ROOT
from tests.e2e.shell import commands_in
from tests.e2e.stage import Stage, open_stage
from tests.e2e.test_pods import new_pod
from tests.model import service_account

VERSION: Final = f"{ADMISSION_GROUP}/v1beta1"


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """Start a control plane that serves v1beta1, with changed copies of the components."""
    copies = [tmp_path / "admission", tmp_path / "pods"]
    for copy in copies:
        component = f"{BASE}/{copy.name}"
        shutil.copytree(ROOT / component, copy)
        commands = commands_in(f"{component}/kustomization.yaml", r"((?:#   sed .*\n)+)")
        subprocess.run(["/bin/sh", "-euc", commands], cwd=copy, check=True)  # noqa: S603
    flags, directory = (ENFORCED, f"--runtime-config={VERSION}=true"), tmp_path / "stage"
    directory.mkdir()
    overlay = ",".join(map(str, copies))
    with open_stage(directory, given_crds(request), overlay, flags) as running:
        yield running


def test_v1beta1(stage: Stage, metacontroller_binary: Path, strategy: str) -> None:
    """A binding becomes Ready, and a missing policy is reported."""
    scene = new_scene(stage, "old")
    scene.admission = True
    with stage.run_metacontroller(metacontroller_binary, strategy):
        scene.bind("app")
        scene.ready("app")
        scene.guarded("default")
        created = stage.api.create(new_pod("old", "default", ("mine",)))
        assert created["spec"]["imagePullSecrets"] == [{"name": "mine"}, {"name": "acr-pull-app"}]
        answers = [e.answer for e in stage.recorder.exchanges if e.path == "/customize"]
        versions = {rule["apiVersion"] for a in answers for rule in a["relatedResources"]}
        assert versions == {"v1", VERSION}
        stage.plane.kubectl("delete", ADMISSION_KINDS[1], ADMISSION_POLICY)
        eventually(partial(out_of_force, stage, scene.name))
        scene.make_account("build")
        scene.bind("jobs", "build")
        message = scene.says("jobs", "Attached", "False/PolicyMissing")
        assert f'no {ADMISSION_KINDS[1]} "{ADMISSION_POLICY}"' in message


def out_of_force(stage: Stage, namespace: str) -> None:
    """Expect the policy to change nothing: a deletion takes effect after some moments."""
    account = service_account(namespace, "dry")
    account["metadata"]["annotations"] = {PULL_SECRETS_ANNOTATION: "acr-pull-app"}
    assert "imagePullSecrets" not in stage.api.create(account, dryRun="All")
