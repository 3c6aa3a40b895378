"""Metacontroller, from a binary of the user."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml

from tests.e2e.process import Process

# The flags in README.md.
FLAGS: Final = ("--client-go-qps=200", "--client-go-burst=400", "--workers=20")
NO_LISTENERS: Final = ("--metrics-address=0", "--health-probe-bind-address=0")
KINDS: Final = {
    "CompositeController": "compositecontrollers",
    "DecoratorController": "decoratorcontrollers",
    "ControllerRevision": "controllerrevisions",
}


def new_metacontroller(
    binary: Path, directory: Path, kubeconfig: Path, strategy: str, flags: Iterable[str] = FLAGS
) -> Process:
    """Return a Metacontroller with the apply strategy *strategy*, not started."""
    command = (str(binary), f"--apply-strategy={strategy}", *NO_LISTENERS, *flags)
    return Process("metacontroller", command, directory, {"KUBECONFIG": str(kubeconfig)})


def stand_in_crds() -> str:
    """Return Metacontroller's CRDs with a schema that accepts anything, as a stand-in for its file.

    Names: https://metacontroller.github.io/metacontroller/api/apis.html
    """
    return yaml.safe_dump_all(_stand_in(kind, plural) for kind, plural in KINDS.items())


def _stand_in(kind: str, plural: str) -> dict[str, Any]:
    group = "metacontroller.k8s.io"
    revision = kind == "ControllerRevision"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version: dict[str, Any] = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": anything},
    }
    if not revision:
        version["subresources"] = {"status": {}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            # The API server rejects groups of k8s.io without this:
            # https://github.com/kubernetes/enhancements/pull/1111
            "annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in for tests"},
        },
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "scope": "Namespaced" if revision else "Cluster",
            "versions": [version],
        },
    }
