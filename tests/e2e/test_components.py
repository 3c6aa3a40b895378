"""metacontroller/ with its components, each and as they go together, on a control plane.

What the API server makes of them, and of their Pod; what they do is the business of other tests.
"""

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from subprocess import CalledProcessError
from typing import Final

import pytest
import yaml

from tests.e2e.conftest import NO_BINARY, given_crds
from tests.e2e.control_plane import BINARY, ControlPlane, kubectl
from tests.e2e.eventually import eventually
from tests.e2e.install import BASE, ROOT, Manifest, crds_text
from tests.e2e.pod import admit, new_pod
from tests.e2e.subset import within

OPERATOR_CRDS: Final = BINARY.with_name("operator-crds.yaml")
POLICIES: Final = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
STACKS: Final = (
    ("upstream", "workload-identity", "mtls", "monitoring", "monitoring/upstream"),
    ("dedicated", "dedicated/owner-references"),
    ("dedicated", "monitoring", "monitoring/operator"),
    ("upstream", "dedicated", "dedicated/upstream"),
    ("upstream", "workload-identity", "mtls", "monitoring", "admission", "pods"),
    ("pods", "upstream", "dedicated", "dedicated/upstream", "admission"),
)

# Two components in a wrong order, or two that exclude each other.
REJECTED: Final = (
    ("dedicated", "mtls", "testing value /"),
    ("mtls", "dedicated", "testing value /"),
    ("dedicated", "upstream", "testing value /"),
    ("mtls", "upstream", "testing value /"),
    ("admission", "upstream", "missing path: /spec/hooks/finalize/version"),
    ("admission", "dedicated", "missing path: /spec/hooks/finalize/version"),
    ("admission", "mtls", "missing path: /spec/hooks/finalize/version"),
    ("dedicated", "workload-identity", "testing value"),
)


def test_none_is_forgotten() -> None:
    """Each folder below the install is in a stack."""
    folders = {path.parent for path in (ROOT / BASE).rglob("*/kustomization.yaml")}
    names = {str(folder.relative_to(ROOT / BASE)) for folder in folders}
    assert names == {name for stack in STACKS for name in stack}


@pytest.mark.parametrize(("first", "second", "message"), REJECTED)
def test_rejected(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    first: str,
    second: str,
    message: str,
) -> None:
    """Kustomize rejects components that would not work together in this order."""
    if not BINARY.exists():
        pytest.fail(NO_BINARY)
    write_kustomization(tmp_path, first)
    assert kubectl(tmp_path / "no-cluster", "kustomize", str(tmp_path))
    write_kustomization(tmp_path, first, second)
    with pytest.raises(CalledProcessError):
        kubectl(tmp_path / "no-cluster", "kustomize", str(tmp_path))
    assert message in capsys.readouterr().err


def write_kustomization(folder: Path, *components: str) -> None:
    """Write the install with *components* as a user's kustomization into *folder*."""
    base = os.path.relpath(ROOT / BASE, folder)
    kustomization = {"resources": [base], "components": [f"{base}/{c}" for c in components]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))


@pytest.fixture(scope="module")
def plane(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """Start a control plane with the CRDs of others."""
    given = given_crds(request)
    if not OPERATOR_CRDS.exists():
        pytest.fail(f"{NO_BINARY} {OPERATOR_CRDS.relative_to(ROOT)}")
    with ControlPlane(tmp_path_factory.mktemp("components")) as plane:
        crds = (crds_text(given), OPERATOR_CRDS.read_text("utf-8"))
        for text in crds:
            plane.kubectl("apply", "--server-side", "-f", "-", text=text)
        plane.start_controllers()
        yield plane


@pytest.fixture(scope="module", params=STACKS, ids="+".join)
def folder(
    request: pytest.FixtureRequest, plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Install a stack as a user's kustomization has it, without a warning; and take it away."""
    folder = tmp_path_factory.mktemp("stack")
    write_kustomization(folder, *request.param)
    plane.kubectl("apply", "-k", str(folder), "--validate=strict", "--warnings-as-errors")
    yield folder
    plane.kubectl("delete", "-k", str(folder), "--warnings-as-errors")


@pytest.fixture(scope="module")
def manifests(plane: ControlPlane, folder: Path) -> list[Manifest]:
    """Return what the stack is made of."""
    return list(yaml.safe_load_all(plane.kubectl("kustomize", str(folder))))


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
