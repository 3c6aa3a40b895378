"""examples/ as the API server and kustomize judge it."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from hooks.core.names import CLUSTER_KIND, KIND
from tests.e2e.install import ROOT
from tests.e2e.stage import Stage
from tests.e2e.test_crds import STRICT, judge
from tests.test_examples import OBJECTS, TOOLS, WITH_BINDINGS, spec


@pytest.mark.parametrize("name", WITH_BINDINGS)
def test_accepted(stage: Stage, name: str) -> None:
    """The API server accepts each object, and knows each of its fields."""
    kinds = set()
    for obj in OBJECTS[name]:
        kinds.add(obj["kind"])
        if obj["kind"] == "Namespace":
            stage.api.create(obj, **STRICT)
        else:
            judge(stage, "default", obj)
    assert kinds & {KIND, CLUSTER_KIND}


def built(stage: Stage, folder: Path, images: list[dict[str, Any]], components: list[str]) -> Any:  # noqa: ANN401  any YAML
    """Return the Deployment of the install with *images* and *components*, as a tool builds it."""
    base = os.path.relpath(ROOT / "metacontroller", folder)
    text = yaml.safe_dump(
        {
            "resources": [base],
            "components": [f"{base}/{name}" for name in components],
            "images": images,
        }
    )
    (folder / "kustomization.yaml").write_text(text)
    manifests = yaml.safe_load_all(stage.plane.kubectl("kustomize", str(folder)))
    (deployment,) = (m for m in manifests if m["kind"] == "Deployment")
    return deployment


@pytest.mark.parametrize("name", [name for name in TOOLS if name.endswith("acrpull.yaml")])
def test_install(stage: Stage, name: str, tmp_path: Path) -> None:
    """The install that a tool builds has an image, and Metacontroller beside the hooks."""
    if name.startswith("flux"):
        found = spec(name, "Kustomization")
        images, components = found["images"], found["components"]
    else:
        found = spec(name, "Application")["source"]["kustomize"]
        old, _, new = found["images"][0].partition("=")
        new_name, _, tag = new.rpartition(":")
        images = [{"name": old, "newName": new_name, "newTag": tag}]
        components = found["components"]
    containers = built(stage, tmp_path, images, components)["spec"]["template"]["spec"][
        "containers"
    ]
    assert {container["name"] for container in containers} == {"hooks", "metacontroller"}
    assert not [c["image"] for c in containers if ".invalid" in c["image"] or ":" not in c["image"]]


def test_kind(stage: Stage) -> None:
    """The API server knows each field of the trial's workloads, acrpull's overlay included."""
    rendered = yaml.safe_load_all(stage.plane.kubectl("kustomize", str(ROOT / "examples/kind")))
    manifests = [*rendered, *OBJECTS["kind/azure.yaml"], *OBJECTS["kind/pod.yaml"]]
    pods = [manifest for manifest in manifests if manifest["kind"] in {"Deployment", "Pod"}]
    assert len(pods) == 3
    for manifest in pods:
        judge(stage, "default", manifest)
