"""The controllers in requests (key `controller`), from the project's manifests.

Metacontroller v4.17.2 and the API server change the manifests as tests/golden shows, except for
managedFields, labels and kubectl's annotation: these are left out.
"""

import copy
from pathlib import Path

import yaml

from tests.model.objects import Object

NAME = "acrpull"
_FOLDER = Path(__file__).parents[2] / "metacontroller"


def _controller(file: str, uid: str) -> Object:
    manifest = yaml.safe_load((_FOLDER / file).read_text("utf-8"))
    for child in manifest["spec"].get("childResources", []):
        child["updateStrategy"]["statusChecks"] = {}
    return {
        "kind": manifest["kind"],
        "apiVersion": manifest["apiVersion"],
        "metadata": {
            "name": manifest["metadata"]["name"],
            "uid": uid,
            "resourceVersion": "1",
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": manifest["spec"],
        "status": {},
    }


def _upstream(file: str, uid: str) -> Object:
    """Return a controller with the fields that metacontroller/upstream copies."""
    controller = _controller(file, uid)
    controller["spec"] = {**copy.deepcopy(COMPOSITE["spec"]), **controller["spec"]}
    return controller


def for_admission(definition: Object) -> Object:
    """Return a CompositeController with the patch of metacontroller/admission."""
    patched = copy.deepcopy(definition)
    for change in yaml.safe_load((_FOLDER / "admission/composite.yaml").read_text("utf-8")):
        if change["op"] == "remove":
            *way, last = change["path"].strip("/").split("/")
            found = patched
            for step in way:
                found = found[int(step) if isinstance(found, list) else step]
            del found[int(last) if isinstance(found, list) else last]
    return patched


COMPOSITE = _controller("composite.yaml", "00000000-0000-4000-8000-000000000001")
UPSTREAM = (
    _upstream("upstream/v1beta1.yaml", "00000000-0000-4000-8000-000000000003"),
    _upstream("upstream/v1beta2.yaml", "00000000-0000-4000-8000-000000000004"),
)
DECORATOR = _controller("decorator.yaml", "00000000-0000-4000-8000-000000000002")
