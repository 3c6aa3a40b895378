"""The CRD of ClusterACRPullBindings as the API server reads it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.api import ApiError, Object
from tests.e2e.stage import Stage
from tests.e2e.test_crds import DEFAULTS, STRICT, columns_of, write_status
from tests.test_crds import field_in_name
from tests.test_crds_cluster import ACCEPTED, REJECTED, SCHEMA, SPEC, load

READY: Final = {
    "type": "Ready",
    "status": "False",
    "reason": "BindingsNotReady",
    "message": "",
    "lastTransitionTime": "2026-11-23T09:00:00Z",
}
STATUS: Final = {"conditions": [READY], "selected": 3, "created": 2, "ready": 1, "failing": []}


@pytest.mark.parametrize("sample", ACCEPTED, ids=lambda path: path.stem)
def test_accepts(stage: Stage, sample: Path) -> None:
    """A sample in accepted/ is stored as written, with the defaults of a binding's spec."""
    manifest = load(sample)
    stored = stage.api.create(manifest, **STRICT)["spec"]
    template = manifest["spec"]["template"]
    assert stored == {
        **manifest["spec"],
        "template": {**template, "spec": DEFAULTS | template["spec"]},
    }


@pytest.mark.parametrize("sample", REJECTED, ids=lambda path: path.stem)
def test_rejects(stage: Stage, sample: Path) -> None:
    """A sample in rejected/ is rejected for the field in its file name, and for no other."""
    with pytest.raises(ApiError) as caught:
        stage.api.create(load(sample), **STRICT)
    assert caught.value.status == 422
    found = set(re.findall(r"[ \[](spec[.\w\[\]-]*): ", str(caught.value)))
    field = field_in_name(sample)
    path = "spec" if field == "object" else f"spec.{field}"
    assert {re.sub(r"\[(\w+)\]", r".\1", name) for name in found} == {path}


def test_explain(stage: Stage) -> None:
    """`kubectl explain` has every field with all of its description."""
    for part, schema in parts("clusteracrpullbinding.spec", SPEC):
        shown = " ".join(stage.plane.kubectl("explain", part).split())
        for name, field in schema["properties"].items():
            assert f"{name} <" in shown
            assert field["description"] in shown


def parts(path: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path and the schema of each object in *schema*."""
    yield path, schema
    for name, field in schema["properties"].items():
        inner = field.get("items", field)
        if "properties" in inner:
            yield from parts(f"{path}.{name}", inner)


def test_explain_status(stage: Stage) -> None:
    """`kubectl explain` has the status."""
    shown = " ".join(stage.plane.kubectl("explain", "capb.status").split())
    for field in SCHEMA["properties"]["status"]["properties"].values():
        assert field["description"] in shown


def test_columns(stage: Stage) -> None:
    """`kubectl get capb` shows the condition and the counts."""
    manifest: Object = load(ACCEPTED[0])
    manifest["spec"]["namespaceSelector"] = {"matchLabels": {"no-such-label": "a"}}
    made = stage.api.create({**manifest, "metadata": {"name": "columns"}})
    assert made["status"] == {"observedGeneration": -1}
    write_status(stage, {**made, "status": STATUS})
    (row,) = columns_of(stage.plane.kubectl("get", "capb", "columns"))
    stage.api.delete("ClusterACRPullBinding", "", "columns")
    assert re.fullmatch(r"\d+s", row.pop("AGE"))
    assert row == {
        "NAME": "columns",
        "READY": "False",
        "REASON": "BindingsNotReady",
        "SELECTED": "3",
        "CREATED": "2",
        "READYBINDINGS": "1",
    }
