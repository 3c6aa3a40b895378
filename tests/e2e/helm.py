"""Helm, with the project's chart."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.chart.condition import camel
from tests.e2e.components import ORDER, Components
from tests.e2e.control_plane import BINARY, run_tool
from tests.e2e.install import ROOT, Manifest

HELM: Final = BINARY.with_name("helm")
NO_CLUSTER: Final = Path("/nonexistent/kubeconfig")
NO_HELM: Final = "Helm is not built: make tests/e2e/kube/bin/kube"
CHART: Final = ROOT / "charts/acrpull"
NAMESPACE: Final = "acrpull-system"
OWN_LABELS: Final = ("helm.sh/chart", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by")
KEEP: Final = "helm.sh/resource-policy"


def helm(*arguments: str, kubeconfig: Path | None = None, values: object = None) -> str:
    """Return Helm's output, like `run_tool`."""
    if not HELM.exists():
        pytest.fail(NO_HELM)
    given = () if values is None else ("-f", "-")
    text = json.dumps(values)
    return run_tool(kubeconfig or NO_CLUSTER, HELM, *arguments, *given, text=text)


def template(values: dict[str, Any], namespace: str = NAMESPACE) -> list[Manifest]:
    """Return the objects of the chart, without the labels and the annotation for Helm."""
    text = helm("template", "acrpull", str(CHART), "-n", namespace, values=values)
    return [parse(document) for document in re.split(r"(?m)^---$", text) if document.strip()]


@cache
def parse(document: str) -> Manifest:
    """Return an object, always the same for the same text."""
    manifest: Manifest = yaml.safe_load(document)
    meta = manifest["metadata"]
    for label in OWN_LABELS:
        del meta["labels"][label]
    if manifest["kind"] == "CustomResourceDefinition":
        assert meta["annotations"].pop(KEEP) == "keep"
    for key in ("labels", "annotations"):
        if meta.get(key) == {}:
            del meta[key]
    return manifest


def by_name(manifests: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    """Return *manifests* by kind and name, without the Namespace, which Helm creates."""
    found = {(m["kind"], m["metadata"]["name"]): m for m in manifests}
    assert len(found) == len(manifests)
    found.pop(("Namespace", NAMESPACE), None)
    return found


def components_of(components: Components) -> dict[str, dict[str, bool]]:
    """Return the values of the chart for *components*."""
    return {"components": {camel(name): name in components for name in ORDER}}
