"""What README and docs tell their reader to type, as it stands there, on a control plane."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from hooks.core.names import (
    API_VERSION,
    KIND,
    UPSTREAM_KIND,
    UPSTREAM_V1BETA1,
    UPSTREAM_V1BETA2,
)
from tests.docs import ROOT, Block, commands
from tests.e2e.api import Api
from tests.e2e.conftest import given_crds
from tests.e2e.control_plane import ControlPlane
from tests.e2e.eventually import eventually
from tests.e2e.install import crds_text
from tests.e2e.scene import USERS, Scene
from tests.e2e.shell import run
from tests.e2e.stage import Stage, open_stage
from tests.model import namespace, service_account
from tests.test_gitops import PATCH
from tests.tools import require

NAMESPACE: Final = "team-a"
IDENTITY: Final = "11111111-2222-3333-4444-555555555555"
REGISTRY: Final = "myregistry.azurecr.io"  # in the texts; here it is the emulator's
SECRET: Final = "acr-pull-app"
KINDS: Final = (
    (API_VERSION, KIND),
    (UPSTREAM_V1BETA1, UPSTREAM_KIND),
    (UPSTREAM_V1BETA2, UPSTREAM_KIND),
)


def type_in(plane: ControlPlane, block: Block, registry: str = REGISTRY) -> str:
    """Run *block* as a reader at the project's root does; return what it printed.

    A pipe fails where a part of it does.
    """
    text = block.text.replace(REGISTRY, registry)
    return run(plane, plane.directory, f"set -o pipefail\ncd {ROOT}\n{text}")


@pytest.fixture
def metacontroller_crds(request: pytest.FixtureRequest) -> Path | None:
    """Return the file with Metacontroller's CRDs, None where stand-ins do; skip on a cluster."""
    given = given_crds(request)
    require("jq", "openssl")
    return given


@pytest.fixture
def reader(tmp_path: Path, metacontroller_crds: Path | None) -> Iterator[tuple[Stage, Scene]]:
    """Start all but Metacontroller, and return it with the Namespace that the texts name."""
    with open_stage(tmp_path, metacontroller_crds) as stage:
        spec = {"acrServer": stage.emulator.acr_server, "managedIdentityClientID": IDENTITY}
        scene = Scene(stage.api, NAMESPACE, spec, lambda: None)
        scene.open()
        yield stage, scene


@pytest.mark.parametrize("page", ["README.md", "install.md"])
def test_install_and_uninstall(tmp_path: Path, metacontroller_crds: Path | None, page: str) -> None:
    """The commands of a page install all objects, and the commands to uninstall remove them."""
    crds = tmp_path / "metacontroller-crds.yaml"
    crds.write_text(crds_text(metacontroller_crds))
    everything = ("get", "-k", str(ROOT / "install"), "--output=name")
    with ControlPlane(tmp_path) as plane:
        plane.start_controllers()
        (block,) = (block for block in commands("install") if block.page == page)
        local = re.sub(r"https://\S+/metacontroller-crds-v1.yaml", str(crds), block.text)
        type_in(plane, replace(block, text=local))
        assert plane.kubectl(*everything)
        for block in commands("uninstall"):
            type_in(plane, block)
        assert plane.kubectl(*everything, "--ignore-not-found") == ""


def test_install_beside_a_metacontroller(tmp_path: Path, metacontroller_crds: Path | None) -> None:
    """The commands install all objects beside a Metacontroller of the cluster."""
    with ControlPlane(tmp_path) as plane:
        plane.kubectl("apply", "--server-side", "-f", "-", text=crds_text(metacontroller_crds))
        plane.start_controllers()
        for block in commands("install-shared"):
            type_in(plane, block)
        assert plane.kubectl("get", "-k", str(ROOT / "metacontroller"), "--output=name")


def test_bound(reader: tuple[Stage, Scene], metacontroller_binary: Path) -> None:
    """Whatever is typed about a binding succeeds, and it is Ready after each."""
    stage, scene = reader
    with stage.run_metacontroller(metacontroller_binary, "dynamic-apply"):
        scene.bind("app")
        scene.ready("app")
        for block in commands(""):
            type_in(stage.plane, block, stage.emulator.acr_server)
            eventually(partial(scene.secret, SECRET))
            scene.guarded("default")
            scene.ready("app")
        left = {leave_unguarded(stage.api, *kind) for kind in KINDS}
        printed = ""
        for block in commands("uninstall"):
            applied = block.text.replace("install/", "metacontroller/")  # the folder of this stage
            printed += type_in(stage.plane, replace(block, text=applied))
        found = {line for line in printed.splitlines() if line.startswith(f"{NAMESPACE}/")}
        assert found == left
        scene.stays("default", *USERS)
        assert not scene.lost()


def leave_unguarded(api: Api, version: str, kind: str) -> str:
    """Make a ServiceAccount that only a binding, of *kind* and gone, owns; return its path."""
    made = service_account(NAMESPACE, version.partition("/")[0])
    owner = {"apiVersion": version, "kind": kind, "name": "gone", "uid": str(uuid4())}
    made["metadata"]["ownerReferences"] = [owner | {"controller": True}]
    return f"{NAMESPACE}/{api.create(made)['metadata']['name']}"


def test_argocd(stage: Stage) -> None:
    """The patch adds the health checks to Argo CD's settings, and changes no other."""
    argocd = {"name": "argocd-cm", "namespace": "argocd"}
    settings = {"url": "https://argocd.example.com"}
    stage.api.create(namespace("argocd"))
    stage.api.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": argocd, "data": settings}
    )
    (block,) = commands("argocd")
    type_in(stage.plane, block)
    found = stage.api.get("ConfigMap", "argocd", "argocd-cm")
    assert found["data"] == settings | PATCH["data"]


def test_tenant_that_edits_its_namespace(plane: ControlPlane) -> None:
    """The command shows a right that is bound in the Namespace itself."""
    (block,) = commands("tenant")
    plane.kubectl("create", "namespace", NAMESPACE)
    verdicts = ("yes", "no")  # beside a warning
    before = type_in(plane, block).splitlines()
    assert [line for line in before if line in verdicts] == ["no", "no"]
    bound = ("create", "rolebinding", "admin", "--clusterrole=cluster-admin", "-n", NAMESPACE)
    plane.kubectl(*bound, f"--serviceaccount={NAMESPACE}:default")
    after = type_in(plane, block).splitlines()
    assert [line for line in after if line in verdicts] == ["yes", "yes"]


def test_stuck(reader: tuple[Stage, Scene], metacontroller_binary: Path) -> None:
    """With Metacontroller gone, a deletion waits; the commands end it and tidy up."""
    stage, scene = reader
    with stage.run_metacontroller(metacontroller_binary, "dynamic-apply"):
        scene.bind("app")
        scene.ready("app")
        scene.guarded("default")
    scene.unbind("app")
    assert scene.binding("app")["metadata"]["deletionTimestamp"]
    freed, tidied = commands("stuck")
    type_in(stage.plane, freed)
    scene.gone("ACRPullBinding", "app")
    scene.gone("Secret", SECRET)
    scene.listed("default", *USERS, SECRET)
    type_in(stage.plane, tidied)
    scene.released("default", *USERS)
    assert not scene.lost()
