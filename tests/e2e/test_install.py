"""`kubectl apply -k metacontroller/` as the API server judges it, and its Pod."""

import copy
import json
from functools import partial
from typing import Final

import pytest

from tests.e2e.api import ApiError, Object
from tests.e2e.eventually import eventually
from tests.e2e.install import ROOT, Manifest, render, retarget
from tests.e2e.pod import admit, new_pod
from tests.e2e.stage import Stage
from tests.e2e.subset import within

FOLDER: Final = "metacontroller"
POLICIES: Final = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


def kubectl_k(stage: Stage, *arguments: str) -> str:
    """Return what `kubectl` prints about all of the install."""
    return stage.plane.kubectl(*arguments, "-k", str(ROOT / FOLDER))


def name_of(manifest: Manifest) -> str:
    """Return kind, group and name as `kubectl -o name` prints them."""
    group = manifest["apiVersion"].rpartition("/")[0]
    kind = ".".join(part for part in (manifest["kind"].lower(), group) if part)
    return f"{kind}/{manifest['metadata']['name']}"


@pytest.fixture(scope="module")
def manifests(stage: Stage) -> list[Manifest]:
    """Return what the install is made of."""
    return render(stage.plane, FOLDER)


@pytest.mark.parametrize("command", ["apply --server-side --force-conflicts", "delete"])
def test_dry_run(stage: Stage, manifests: list[Manifest], command: str) -> None:
    """The install, and the uninstall, is accepted as a whole, without a warning.

    A plain `apply`, which the stage has done, would now send nothing: all is as it should be.
    """
    flags = ("--dry-run=server", "--warnings-as-errors", "--output=name")
    printed = kubectl_k(stage, *command.split(), *flags).split()
    assert sorted(printed) == sorted(map(name_of, manifests))


def test_installed(stage: Stage, manifests: list[Manifest]) -> None:
    """All is there as it is written: no field was pruned, none was understood otherwise."""
    live = {name_of(obj): obj for obj in json.loads(kubectl_k(stage, "get", "-o=json"))["items"]}
    for manifest in manifests:
        wanted = retarget(manifest, stage.recorder.address)
        assert within(live[name_of(manifest)], wanted) == wanted


def test_expressions_are_of_the_right_types(stage: Stage, manifests: list[Manifest]) -> None:
    """The API server checked each admission policy's CEL against its kinds, and found nothing."""

    def check(name: str) -> None:
        policy = stage.api.call("GET", f"{POLICIES}/{name}")
        status = policy.get("status", {})
        assert status.get("observedGeneration") == policy["metadata"]["generation"]
        assert status.get("typeChecking") == {}

    policies = [m for m in manifests if m["kind"] == "ValidatingAdmissionPolicy"]
    assert policies
    for manifest in policies:
        eventually(partial(check, manifest["metadata"]["name"]))


@pytest.fixture(scope="module")
def pod(manifests: list[Manifest]) -> Object:
    """Return a Pod from the Deployment's template."""
    (deployment,) = (m for m in manifests if m["kind"] == "Deployment")
    return new_pod(deployment)


def test_pod(stage: Stage, pod: Object) -> None:
    """The Pod is admitted as it is written, and no token of the API server is mounted besides."""
    admitted = admit(stage.api, pod)
    assert within(admitted, pod) == pod
    assert len(admitted["spec"]["volumes"]) == len(pod["spec"]["volumes"])


@pytest.mark.parametrize(
    ("of_container", "field"),
    [
        (False, "runAsNonRoot"),
        (False, "seccompProfile"),
        (True, "allowPrivilegeEscalation"),
        (True, "capabilities"),
    ],
)
def test_no_less_will_do(stage: Stage, pod: Object, of_container: bool, field: str) -> None:
    """What the Pod gives up, it must: the level is enforced."""
    lax = copy.deepcopy(pod)
    holder = lax["spec"]["containers"][0] if of_container else lax["spec"]
    del holder["securityContext"][field]
    with pytest.raises(
        ApiError, match='403: .* violates PodSecurity "restricted:latest": .*' + field
    ):
        admit(stage.api, lax)
