"""The CRD of ClusterACRPullBindings, compared with its samples, schemas and the other CRD."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft4Validator, ValidationError

from hooks.core.names import CLUSTER_KIND, CLUSTER_PLURAL
from hooks.schemas import check_cluster_spec
from hooks.server.app import create_app
from hooks.settings.environment import Settings
from tests import test_crds
from tests.core.builders import NOW
from tests.fleet import new_body, parent
from tests.test_crds import ROOT, field_in_name, field_of, for_python, without_cel
from tests.test_manifests import not_called

CRD: Final = yaml.safe_load((ROOT / "crds/clusteracrpullbinding.yaml").read_text("utf-8"))
VERSION: Final = CRD["spec"]["versions"][0]
SCHEMA: Final = VERSION["schema"]["openAPIV3Schema"]
SPEC: Final = SCHEMA["properties"]["spec"]
STATUS: Final = SCHEMA["properties"]["status"]
FOLDER: Final = ROOT / "crds/samples/cluster"
ACCEPTED: Final = sorted((FOLDER / "accepted").iterdir())
REJECTED: Final = sorted((FOLDER / "rejected").iterdir())
ITEM: Final = SPEC["properties"]["namespaceSelector"]["properties"]["matchExpressions"]["items"]
# The rules of the CRD in terms of JSON Schema, besides those that `without_cel` knows.
PLAIN: Final[dict[str, dict[str, Any]]] = {
    "!('controller-uid' in self)": {"not": {"required": ["controller-uid"]}},
    "!('metacontroller.k8s.io/last-applied-configuration' in self)": {
        "not": {"required": ["metacontroller.k8s.io/last-applied-configuration"]}
    },
    ITEM["x-kubernetes-validations"][0]["rule"]: {
        "oneOf": [
            {
                "properties": {
                    "operator": {"enum": ["In", "NotIn"]},
                    "values": {"minItems": 1},
                },
                "required": ["values"],
            },
            {
                "properties": {
                    "operator": {"enum": ["Exists", "DoesNotExist"]},
                    "values": {"maxItems": 0},
                }
            },
        ]
    },
}
VALIDATOR: Final = Draft4Validator(for_python(without_cel(SCHEMA, PLAIN)))


def load(sample: Path) -> dict[str, Any]:
    """Return the sample as an object."""
    found: dict[str, Any] = yaml.safe_load(sample.read_text("utf-8"))
    assert found["apiVersion"] == f"{CRD['spec']['group']}/{VERSION['name']}"
    assert found["kind"] == CRD["spec"]["names"]["kind"] == CLUSTER_KIND
    return found


def errors_in(sample: Path) -> list[ValidationError]:
    """Return the errors of the schema for *sample*; a missing field counts as its parent's error.

    The API server reports an unknown operator once, and not as a broken rule for values, too.
    """
    errors = list(VALIDATOR.iter_errors(load(sample)))
    unknown = any(error.validator == "enum" for error in errors)
    return [error for error in errors if not (unknown and error.validator == "oneOf")]


def test_names() -> None:
    """The names are the code's, and the group's other CRD has the same group and versions."""
    names = CRD["spec"]["names"]
    assert names["plural"] == CLUSTER_PLURAL
    assert CRD["metadata"]["name"] == f"{CLUSTER_PLURAL}.{CRD['spec']['group']}"
    assert CRD["spec"]["scope"] == "Cluster"
    assert CRD["spec"]["group"] == test_crds.CRD["spec"]["group"]
    assert names["categories"] == test_crds.CRD["spec"]["names"]["categories"]


def test_template_has_the_spec_of_a_binding() -> None:
    """spec.template.spec is the spec of an ACRPullBinding: copy changes from the other CRD."""
    assert SPEC["properties"]["template"]["properties"]["spec"] == test_crds.SPEC


def test_conditions_are_those_of_a_binding() -> None:
    """A condition has the same fields in both CRDs, and the default status is the same."""
    conditions = STATUS["properties"]["conditions"]
    assert conditions["items"] == test_crds.STATUS["properties"]["conditions"]["items"]
    assert STATUS["default"] == test_crds.STATUS["default"]


def test_samples_are_described() -> None:
    """Each sample begins with a comment on its purpose."""
    texts = {sample.name: sample.read_text("utf-8") for sample in (*ACCEPTED, *REJECTED)}
    assert [name for name, text in texts.items() if not text.startswith("# ")] == []


def test_accepts() -> None:
    """The samples in accepted/ are valid, for the API server and for the service."""
    assert {s.stem: errors_in(s) for s in ACCEPTED if errors_in(s)} == {}
    problems = {sample.stem: check_cluster_spec(load(sample)["spec"]) for sample in ACCEPTED}
    assert set(problems.values()) == {None}


@pytest.mark.parametrize("sample", REJECTED, ids=lambda path: path.stem)
def test_rejects(sample: Path) -> None:
    """A sample in rejected/ breaks one rule of the field in its file name; the service agrees."""
    (error,) = errors_in(sample)
    field = field_of(error)
    if error.validator == "required":  # the file name has the missing field
        field = field_in_name(sample)
        assert field == "object" or f"'{field.rpartition('.')[2]}'" in error.message
    assert field.replace("[]", ".0") == field_in_name(sample)
    problem = check_cluster_spec(load(sample).get("spec"))
    assert problem
    if field != "object":
        assert problem.startswith(f"spec.{field_in_name(sample)}")


def test_every_field_is_described() -> None:
    """Each field has a description, and each field of the spec an example."""

    def check(schema: dict[str, Any], path: str, *, example: bool) -> None:
        for name, field in schema.get("properties", {}).items():
            at = f"{path}.{name}"
            assert field["description"].endswith("."), at
            words = ("e.g.", "namespaceSelector.matchExpressions", "of each ACRPullBinding")
            assert not example or any(word in field["description"] for word in words), at
            check(field.get("items", field), at, example=example)

    spec = json.loads(json.dumps(SPEC))
    del spec["properties"]["template"]["properties"]["spec"]
    check(spec, "spec", example=True)
    check(STATUS, "status", example=False)


def test_status_declares_what_the_service_writes() -> None:
    """The CRD declares each field of the status: the API server removes undeclared fields."""
    client = create_app(Settings.from_env({}), not_called, lambda: NOW).test_client()
    for body in (new_body(parent(), ["a"]), new_body(parent(template={}), ["a"])):
        status = client.post("/clusterbinding/sync", json=body).get_json()["status"]
        Draft4Validator(for_python(STATUS)).validate(status)
        assert set(status) <= set(STATUS["properties"])
        for failure in status["failing"]:
            assert set(failure) <= set(STATUS["properties"]["failing"]["items"]["properties"])
