"""metacontroller/monitoring/ as kustomize renders it and the API server judges it."""

import os
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.docs import blocks
from tests.e2e.api import Object
from tests.e2e.install import ROOT, Manifest
from tests.e2e.stage import Stage

FOLDER: Final = ROOT / "metacontroller"
NEW: Final = {
    ("NetworkPolicy", "acrpull-metrics"),
    ("ClusterRole", "acrpull-kube-state-metrics"),
    ("ClusterRoleBinding", "acrpull-kube-state-metrics"),
}
OF_THE_OPERATOR: Final = {("PodMonitor", "acrpull"), ("PrometheusRule", "acrpull")}


def render(stage: Stage, directory: Path, *components: str) -> list[Manifest]:
    """Return the install with *components* on it, in this order."""
    text = yaml.safe_dump(
        {
            "resources": [os.path.relpath(FOLDER, directory)],
            "components": [os.path.relpath(FOLDER / name, directory) for name in components],
        }
    )
    (directory / "kustomization.yaml").write_text(text)
    return list(yaml.safe_load_all(stage.plane.kubectl("kustomize", str(directory))))


def keys(manifests: list[Manifest]) -> set[tuple[str, str]]:
    """Return kind and name of each."""
    return {(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests}


def pod_spec(manifests: list[Manifest]) -> Object:
    """Return the Pod's in the Deployment."""
    (deployment,) = (m for m in manifests if m["kind"] == "Deployment")
    spec: Object = deployment["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("below", [(), ("dedicated",)], ids=["install", "dedicated"])
def test_component(stage: Stage, tmp_path: Path, below: tuple[str, ...]) -> None:
    """Either install gets the listener and who may reach it, and keeps all else."""
    bare = render(stage, tmp_path, *below)
    whole = render(stage, tmp_path, *below, "monitoring")
    assert keys(whole) - keys(bare) == NEW
    assert keys(bare) <= keys(whole)
    hooks, other = (
        next(c for c in pod_spec(manifests)["containers"] if c["name"] == "hooks")
        for manifests in (whole, bare)
    )
    more = [variable for variable in hooks["env"] if variable not in other["env"]]
    assert more == [{"name": "METRICS_BIND", "value": "0.0.0.0:8083"}]
    assert [port for port in hooks["ports"] if port not in other["ports"]] == [
        {"name": "hooks-metrics", "containerPort": 8083}
    ]
    assert {k: v for k, v in hooks.items() if k not in {"env", "ports"}} == {
        k: v for k, v in other.items() if k not in {"env", "ports"}
    }


def test_operator(stage: Stage, tmp_path: Path) -> None:
    """Its component adds its two objects, whose kinds are no part of Kubernetes."""
    whole = render(stage, tmp_path, "monitoring", "monitoring/operator")
    assert keys(whole) - keys(render(stage, tmp_path, "monitoring")) == OF_THE_OPERATOR


def test_runbook_links(stage: Stage, tmp_path: Path) -> None:
    """The documented lines turn each path into a URL, and add no object."""
    plain = render(stage, tmp_path, "monitoring", "monitoring/operator")
    (block,) = (b for b in blocks() if b.language == "yaml" and "runbook_url" in b.text)
    with (tmp_path / "kustomization.yaml").open("a") as kustomization:
        kustomization.write(block.text)
    linked = list(yaml.safe_load_all(stage.plane.kubectl("kustomize", str(tmp_path))))
    assert keys(linked) == keys(plain)
    docs = "https://git.example.com/acrpull/blob/main/docs/"
    assert urls(linked) == [url.replace("docs/", docs, 1) for url in urls(plain)]


def urls(manifests: list[Manifest]) -> list[str]:
    """Return the alerts' runbook_url."""
    (rule,) = (m for m in manifests if m["kind"] == "PrometheusRule")
    return [r["annotations"]["runbook_url"] for g in rule["spec"]["groups"] for r in g["rules"]]
