"""charts/acrpull: its values, and installs, upgrades and uninstalls on a control plane."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any, Final

import pytest
import yaml

from hooks.core.names import FEDERATION_AUDIENCE
from tests.docs import blocks_in
from tests.e2e.api import BINDING
from tests.e2e.components import ORDER, PARTS, Components
from tests.e2e.conftest import open_plane
from tests.e2e.control_plane import ControlPlane
from tests.e2e.helm import CHART, NAMESPACE, by_name, components_of, helm, template
from tests.e2e.subset import within

NEEDS: Final = PARTS.items()
IMAGE: Final = "registry.example/acrpull"


@pytest.fixture
def plane(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ControlPlane]:
    """Start a control plane for one test."""
    with open_plane(request, tmp_path) as plane:
        yield plane


def test_other_namespace() -> None:
    """No object of a release names another Namespace of acrpull."""
    manifests = template(components_of(ORDER), "pull-tokens")
    assert NAMESPACE not in json.dumps(manifests)
    namespaces = {m["metadata"].get("namespace") for m in manifests}
    assert namespaces == {None, "pull-tokens"}


def test_values() -> None:
    """The Deployment has the given values, and all objects have the given labels."""
    labels = {"team": "platform"}
    values = {
        "image": {"repository": IMAGE, "digest": f"sha256:{'0' * 64}"},
        "imagePullSecrets": [{"name": "registry"}],
        "replicas": 3,
        "resources": {"limits": {"memory": "1Gi"}},
        "metacontroller": {"resources": {"limits": {"memory": "2Gi"}}},
        "nodeSelector": {"pool": "system"},
        "tolerations": [],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "",
        "settings": {"REFRESH_JITTER_SECONDS": 600, "NAMESPACE_POLICY": "required"},
        "labels": labels,
        "podLabels": {"azure.workload.identity/use": "true"},
    }
    manifests = template(values)
    assert all(labels.items() <= m["metadata"]["labels"].items() for m in manifests)
    (deployment,) = (m["spec"] for m in manifests if m["kind"] == "Deployment")
    assert deployment["replicas"] == 3
    assert deployment["template"]["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    pod = deployment["template"]["spec"]
    for field in ("imagePullSecrets", "tolerations", "affinity"):
        assert pod[field] == values[field]
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux", "pool": "system"}
    assert not pod["priorityClassName"]
    hooks, own = pod["containers"]
    assert hooks["image"] == f"{IMAGE}@sha256:{'0' * 64}"
    assert hooks["resources"]["limits"]["memory"] == "1Gi"
    assert own["resources"]["limits"]["memory"] == "2Gi"
    env = {variable["name"]: variable["value"] for variable in hooks["env"]}
    assert env["REFRESH_JITTER_SECONDS"] == "600"
    assert env["NAMESPACE_POLICY"] == "required"


def test_audience() -> None:
    """The service and the policy of its token requests have the audience of the values."""
    audience = "api://AzureCRTokenExchange"
    values = components_of(("dedicated", "workload-identity"))
    manifests = template({**values, "serviceAccountTokenAudience": audience})
    (deployment,) = (m["spec"] for m in manifests if m["kind"] == "Deployment")
    env = deployment["template"]["spec"]["containers"][0]["env"]
    assert {"name": "SERVICE_ACCOUNT_TOKEN_AUDIENCE", "value": audience} in env
    policies = [m for m in manifests if m["kind"] == "ValidatingAdmissionPolicy"]
    assert f'object.spec.audiences == [\\"{audience}\\"]' in json.dumps(policies)
    assert FEDERATION_AUDIENCE not in json.dumps(manifests)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        *((components_of((part,)), f"needs components.{whole}") for part, (whole, _) in NEEDS),
        ({"components": {"unknown": True}}, "unknown"),
        ({"components": {"dedicated": "yes"}}, "dedicated"),
        ({"settings": {"BIND": "0.0.0.0:80"}}, "invalid propertyName 'BIND'"),
        ({"serviceAccountTokenAudience": 'api://a"]'}, "does not match pattern"),
        # As after `helm upgrade --reuse-values` from a chart without the value.
        ({"serviceAccountTokenAudience": None}, "missing property 'serviceAccountTokenAudience'"),
        ({"replica": 3}, "replica"),
    ],
)  # fmt: skip
def test_rejected(capsys: pytest.CaptureFixture[str], values: dict[str, Any], message: str) -> None:
    """Helm rejects components that need other components, and values that do not exist."""
    with pytest.raises(CalledProcessError):
        template(values)
    assert message in capsys.readouterr().err


def test_lint() -> None:
    """Helm finds nothing to improve, except an icon."""
    for components in ((), ("dedicated",), ORDER):
        text = helm("lint", str(CHART), "--strict", values=components_of(components))
        assert "0 chart(s) failed" in text


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the folder with the chart, without the required version of Kubernetes.

    An API server that is built from the Go module has no version.
    """
    folder = tmp_path_factory.mktemp("charts") / CHART.name
    shutil.copytree(CHART, folder)
    text = (folder / "Chart.yaml").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("kubeVersion:")]
    (folder / "Chart.yaml").write_text("\n".join(lines))
    return str(folder)


def test_life_of_a_release(plane: ControlPlane, chart: str) -> None:
    """Install, upgrade to all components, roll back, upgrade, uninstall, and install again.

    Helm deletes the objects of a component with the component, and never a CRD or a binding.
    """

    def run(command: str, components: Components, *flags: str) -> None:
        helm(
            *(command, "acrpull", chart, "-n", NAMESPACE, *flags),
            kubeconfig=plane.kubeconfig(),
            values=components_of(components),
        )
        manifests = template(components_of(components))
        text = plane.kubectl("get", "-f", "-", "-o=json", text=yaml.safe_dump_all(manifests))
        stored = by_name(json.loads(text)["items"])
        for key, sent in by_name(manifests).items():
            assert within(stored[key], sent) == sent

    def has(kind: str, name: str) -> bool:
        return bool(plane.kubectl("get", kind, name, "--ignore-not-found", "-o=name"))

    run("install", ("dedicated",), "--create-namespace")
    bind(plane)
    run("upgrade", ORDER)
    assert has("mutatingadmissionpolicy", "acrpull-serviceaccounts")
    helm("rollback", "acrpull", "-n", NAMESPACE, kubeconfig=plane.kubeconfig())
    assert not has("mutatingadmissionpolicy", "acrpull-serviceaccounts")
    assert has("crd", "acrpullbindings.acrpull.microsoft.com")
    run("upgrade", ORDER)
    plane.kubectl("delete", "decoratorcontrollers", "acrpull", "acrpull-takeover")
    run("upgrade", ("mtls", "workload-identity"))
    assert not has("mutatingadmissionpolicy", "acrpull-serviceaccounts")
    assert not has("clusterrole", "acrpull-metacontroller")
    assert has("crd", "acrpullbindings.acrpull.microsoft.com")
    helm("uninstall", "acrpull", "-n", NAMESPACE, kubeconfig=plane.kubeconfig())
    assert not has("validatingadmissionpolicy", "acrpull-serviceaccount-deletion")
    assert plane.api.get(BINDING, "default", "app")
    run("install", ORDER)
    assert plane.api.get(BINDING, "default", "app")


def bind(plane: ControlPlane) -> None:
    """Create a binding."""
    plane.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=20s")
    spec = {
        "acrServer": "myregistry.azurecr.io",
        "managedIdentityClientID": "11111111-2222-3333-4444-555555555555",
    }
    metadata = {"name": "app", "namespace": "default"}
    manifest = {"apiVersion": "acrpull.dev/v1beta1", "kind": BINDING}
    plane.api.create({**manifest, "metadata": metadata, "spec": spec})


def test_from_kustomize_to_helm(plane: ControlPlane, chart: str) -> None:
    """Helm takes over the objects of `kubectl apply -k`."""
    plane.kubectl("apply", "-k", str(CHART.parents[1] / "install"))
    arguments = ("install", "acrpull", chart, "-n", NAMESPACE, "--take-ownership")
    helm(*arguments, kubeconfig=plane.kubeconfig())
    listed = helm("list", "-n", NAMESPACE, "-q", kubeconfig=plane.kubeconfig())
    assert listed.split() == ["acrpull"]


def test_page(plane: ControlPlane, chart: str, tmp_path: Path) -> None:
    """The commands of the chart's page install a release, and change it without a lost value."""
    blocks = blocks_in(CHART / "README.md")
    (values,) = (block.text for block in blocks if block.language == "yaml")
    file = tmp_path / "values.yaml"
    file.write_text(values)
    used = {"charts/acrpull": chart, "image.repository=IMAGE": f"image.repository={IMAGE}"}
    typed = "".join(block.text for block in blocks if block.mark == "helm")
    lines = [line for line in typed.splitlines() if line.startswith("helm ")]
    assert [line.split()[1] for line in lines] == ["install", "upgrade"]
    for line in lines:
        words = [used.get(word, word) for word in line.replace("FILE", str(file)).split()]
        helm(*words[1:], kubeconfig=plane.kubeconfig())
    pod = plane.api.get("Deployment", NAMESPACE, "acrpull")["spec"]["template"]["spec"]
    hooks = pod["containers"][0]
    assert hooks["image"].startswith(f"{IMAGE}:")
    env = {variable["name"]: variable.get("value") for variable in hooks["env"]}
    assert env["WORKLOAD_IDENTITY"] == "enabled"
    assert yaml.safe_load(values)["settings"].items() <= env.items()
