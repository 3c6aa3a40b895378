"""acrpull's Pod in a cluster that allows its priority class by quota only, as GKE does."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import pytest
import yaml

from tests.docs import blocks
from tests.e2e.api import ApiError, Object
from tests.e2e.conftest import NO_BINARY
from tests.e2e.control_plane import BINARY, ControlPlane
from tests.e2e.eventually import eventually
from tests.e2e.install import ROOT, render
from tests.e2e.pod import admit, new_pod

# https://kubernetes.io/docs/concepts/policy/resource-quotas/#limit-priority-class-consumption-by-default
LIMITED: Final = """
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: ResourceQuota
  configuration:
    apiVersion: apiserver.config.k8s.io/v1
    kind: ResourceQuotaConfiguration
    limitedResources:
    - resource: pods
      matchScopes:
      - {scopeName: PriorityClass, operator: In, values: [system-cluster-critical]}
"""
(QUOTA,) = (block.text for block in blocks() if "kind: ResourceQuota" in block.text)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Start a control plane that limits the class, with the Namespace and the ServiceAccount."""
    if not BINARY.exists():
        pytest.fail(NO_BINARY)
    directory = tmp_path_factory.mktemp("scheduling")
    config = directory / "admission.yaml"
    config.write_text(LIMITED)
    with ControlPlane(directory, [f"--admission-control-config-file={config}"]) as plane:
        for name in ("namespace", "serviceaccount"):
            plane.kubectl("apply", "-f", str(ROOT / f"metacontroller/{name}.yaml"))
        yield plane


@pytest.fixture
def pod(plane: ControlPlane) -> Object:
    """Return the Pod of the install."""
    (deployment,) = (m for m in render(plane, "metacontroller") if m["kind"] == "Deployment")
    return new_pod(deployment)


def test_quota(plane: ControlPlane, pod: Object) -> None:
    """The Pod is refused without a quota, and admitted with the quota that the page shows."""
    with pytest.raises(ApiError, match="insufficient quota to match these scopes"):
        admit(plane.api, pod)
    quota = yaml.safe_load(QUOTA)
    plane.kubectl("apply", "-f", "-", text=QUOTA)
    # The status that the controller of quotas writes; it does not run here.
    hard = quota["spec"]["hard"]
    status = {"hard": hard, "used": dict.fromkeys(hard, "0")}
    path = "/api/v1/namespaces/acrpull-system/resourcequotas/acrpull"
    live = plane.api.call("GET", path)
    plane.api.call("PUT", f"{path}/status", {**live, "status": status})
    eventually(partial(admit, plane.api, pod))  # the API server's cache of quotas is behind
    assert pod["spec"]["priorityClassName"] == "system-cluster-critical"
