"""Some combinations of the components, installed on a control plane.

Each subset is built in `test_subsets.py`. Other tests check what the components do.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.e2e.components import ORDER, write_kustomization
from tests.e2e.control_plane import ControlPlane
from tests.e2e.eventually import eventually
from tests.e2e.install import Manifest
from tests.e2e.pod import admit, new_pod
from tests.e2e.subset import within

POLICIES: Final = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
STAYING: Final = {"Namespace", "CustomResourceDefinition"}
STACKS: Final = (
    ("dedicated",),
    ("mtls", "workload-identity", "monitoring", "upstream"),
    ("mtls", "workload-identity", "monitoring", "admission", "pods", "upstream"),
    tuple(name for name in ORDER if name != "admission"),
    ORDER,
)


@pytest.fixture(scope="module", params=STACKS, ids="+".join)
def folder(
    request: pytest.FixtureRequest, plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Install a stack from a user's kustomization, without a warning, and delete it.

    The Namespace and the CRDs stay, because their deletion can take minutes. The API server waits
    ever longer between its attempts to delete a young CRD ("storage is (re)initializing").
    """
    folder = tmp_path_factory.mktemp("stack")
    write_kustomization(folder, *request.param)
    plane.kubectl("apply", "-k", str(folder), "--validate=strict", "--warnings-as-errors")
    yield folder
    deleted = [m for m in rendered(plane, folder) if m["kind"] not in STAYING]
    plane.kubectl("delete", "-f", "-", "--warnings-as-errors", text=yaml.safe_dump_all(deleted))


def rendered(plane: ControlPlane, folder: Path) -> list[Manifest]:
    """Return the objects of the kustomization in *folder*."""
    return list(yaml.safe_load_all(plane.kubectl("kustomize", str(folder))))


@pytest.fixture(scope="module")
def manifests(plane: ControlPlane, folder: Path) -> list[Manifest]:
    """Return the objects of the stack."""
    return rendered(plane, folder)


def test_installed(plane: ControlPlane, folder: Path, manifests: list[Manifest]) -> None:
    """All is there as it is written: no field was pruned, none was understood otherwise."""
    items = json.loads(plane.kubectl("get", "-k", str(folder), "-o=json"))["items"]
    live = {key(item): item for item in items}
    assert len(live) == len(manifests)
    for manifest in manifests:
        assert within(live[key(manifest)], manifest) == manifest


def key(manifest: Manifest) -> tuple[str, str]:
    """Return what tells objects apart in one install."""
    return manifest["kind"], manifest["metadata"]["name"]


def test_expressions_are_of_the_right_types(plane: ControlPlane, manifests: list[Manifest]) -> None:
    """The API server checked each admission policy's CEL against its kinds, and found nothing."""

    def check(name: str) -> None:
        policy = plane.api.call("GET", f"{POLICIES}/{name}")
        status = policy.get("status", {})
        assert status.get("observedGeneration") == policy["metadata"]["generation"]
        assert status.get("typeChecking") == {}

    for kind, name in map(key, manifests):
        if kind == "ValidatingAdmissionPolicy":
            eventually(partial(check, name))


def test_pod(plane: ControlPlane, manifests: list[Manifest]) -> None:
    """The Pod is admitted as it is written, where `restricted` is enforced."""
    (deployment,) = (m for m in manifests if m["kind"] == "Deployment")
    pod = new_pod(deployment)
    assert within(admit(plane.api, pod), pod) == pod
