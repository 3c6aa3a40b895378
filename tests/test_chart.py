"""charts/acrpull without Helm: versions, values, their schema, and the tool for the templates."""

import json
import re
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft7Validator

from hooks.version import VERSION
from tests.chart.condition import Conditions, camel
from tests.chart.template import Writer, merged
from tests.test_manifests import CONTAINER, DEPLOYMENT, FOLDER, POD, ROOT, load
from tests.test_manifests_dedicated import OWN
from tests.variables import VARIABLES

CHART: Final = ROOT / "charts/acrpull"
(VALUES,) = load(CHART / "values.yaml")
SCHEMA: Final = json.loads((CHART / "values.schema.json").read_text("utf-8"))


def test_version() -> None:
    """The version of the chart is the version of the code."""
    (chart,) = load(CHART / "Chart.yaml")
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)


def test_schema_knows_the_values() -> None:
    """The default values are valid, and the schema describes each of them."""
    Draft7Validator.check_schema(SCHEMA)
    Draft7Validator(SCHEMA).validate(VALUES)
    known = SCHEMA["properties"]
    assert known.keys() - {"global"} == VALUES.keys()
    for name in ("image", "metacontroller", "components"):
        assert known[name]["properties"].keys() == VALUES[name].keys()


def test_components() -> None:
    """Each component has a value."""
    folders = {path.parent for path in FOLDER.rglob("*/kustomization.yaml")}
    names = {camel(str(folder.relative_to(FOLDER))) for folder in folders}
    assert VALUES["components"].keys() == names
    assert {name for name, value in VALUES["components"].items() if value} == {"dedicated"}


def test_defaults_are_those_of_the_manifests() -> None:
    """The default values are those of the Deployment."""
    assert VALUES["image"]["repository"] == CONTAINER["image"]
    assert VALUES["image"]["pullPolicy"] == CONTAINER["imagePullPolicy"]
    assert VALUES["replicas"] == DEPLOYMENT["replicas"]
    assert VALUES["resources"] == CONTAINER["resources"]
    for field in ("priorityClassName", "nodeSelector", "tolerations"):
        assert VALUES[field] == POD[field]
    assert VALUES["metacontroller"] == {"image": OWN["image"], "resources": OWN["resources"]}


def test_settings_are_not_those_of_the_chart() -> None:
    """The schema rejects the variables that the templates set."""
    text = (CHART / "templates/deployment.yaml").read_text("utf-8")
    names = set(re.findall(r"(?m)^ *- name: ([A-Z_]+)$", text)) & VARIABLES
    assert set(SCHEMA["properties"]["settings"]["propertyNames"]["not"]["enum"]) == names


INSTALLS: Final = [(), ("a",), ("b",), ("a", "b")]


@pytest.mark.parametrize(
    ("wanted", "context", "condition"),
    [
        (0b1010, 0b1111, "$use.a"),
        (0b0101, 0b1111, "not $use.a"),
        (0b1000, 0b1111, "and $use.a $use.b"),
        (0b1110, 0b1111, "or $use.a $use.b"),
        (0b0010, 0b1111, "and $use.a (not $use.b)"),
        (0b0010, 0b0011, "$use.a"),
    ],
)
def test_condition(wanted: int, context: int, condition: str) -> None:
    """A condition is as short as possible, and needs to be right in its context only."""
    assert Conditions(("a", "b"), INSTALLS).find(wanted, context) == condition


def test_no_condition() -> None:
    """A set that needs a longer condition is an error."""
    with pytest.raises(LookupError):
        Conditions(("a", "b"), INSTALLS).find(0b0110, 0b1111)


def test_one_template() -> None:
    """Common parts are written once, and other parts under conditions."""
    variants: dict[int, Any] = {
        0b0101: {"env": [{"name": "X", "value": "1"}], "kind": "K", "ports": [1, 2]},
        0b1010: {"env": [{"name": "Y"}, {"name": "X", "value": "2"}], "kind": "K", "ports": [1]},
    }
    writer = Writer(Conditions(("a", "b"), INSTALLS), lambda _, text: text)
    assert writer.fields(variants) == (
        "env:\n"
        "  {{- if $use.a }}\n"
        "  - name: Y\n"
        "  {{- end }}\n"
        "  - name: X\n"
        "    {{- if $use.a }}\n"
        "    value: '2'\n"
        "    {{- else }}\n"
        "    value: '1'\n"
        "    {{- end }}\n"
        "kind: K\n"
        "ports:\n"
        "  - 1\n"
        "  {{- if not $use.a }}\n"
        "  - 2\n"
        "  {{- end }}"
    )


def test_order() -> None:
    """The items of all lists are in an order that fits each list, if there is one."""
    assert merged([["a", "c"], ["a", "b", "c"], ["x", "c"]]) == ["x", "a", "b", "c"]
    with pytest.raises(ValueError, match="two orders"):
        merged([["a", "b"], ["b", "a"]])


def test_braces_stay() -> None:
    """Helm does not read the braces of Prometheus."""
    writer = Writer(Conditions(("a", "b"), INSTALLS), lambda _, text: text)
    text = writer.fields({0b1111: {"summary": "{{ $labels.x }}"}})
    assert text == "summary: '{{ \"{{\" }} $labels.x }}'"
    assert yaml.safe_load(text.replace('{{ "{{" }}', "{{")) == {"summary": "{{ $labels.x }}"}


@pytest.mark.parametrize("name", ["acrpullbinding", "clusteracrpullbinding"])
def test_crd_is_current(name: str) -> None:
    """The CRD of the chart is the CRD in crds/, as `make chart` writes it."""
    text = (CHART / "templates/customresourcedefinition.yaml").read_text("utf-8")
    manifests = yaml.safe_load_all(re.sub(r"(?m)^.*\{\{.*$\n", "", text))
    found = {m["metadata"]["name"]: m["spec"] for m in manifests if m}
    (crd,) = load(ROOT / f"crds/{name}.yaml")
    assert found[crd["metadata"]["name"]] == crd["spec"], "Run make chart."
