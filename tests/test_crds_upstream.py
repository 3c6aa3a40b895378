"""Upstream's CRDs, as we write them, against the service's schemas and what it writes."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft4Validator

from hooks.core.names import API_VERSION
from hooks.schemas import FILES, check_manifest, check_spec
from tests.test_crds import ROOT, STATUS, for_python

FOLDER: Final = ROOT / "crds/upstream"
CRDS: Final = {
    f"{crd['spec']['group']}/{crd['spec']['versions'][0]['name']}": crd
    for path in sorted(FOLDER.glob("v*.yaml"))
    for crd in yaml.safe_load_all(path.read_text("utf-8"))
}
SAMPLES: Final = sorted((ROOT / "crds/samples/upstream").iterdir())
# What a structural schema and the service's are to have alike; `pattern` and `maxLength` only the
# service's has, so that whatever was stored once stays storable.
ALIKE: Final = ("type", "enum", "minLength")
THEIRS: Final = {"lastTokenRefreshTime", "tokenExpirationTime", "error"}


def schema_of(version: str) -> dict[str, Any]:
    """Return the schema of a whole binding in the CRD of *version*."""
    schema: dict[str, Any] = CRDS[version]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def rules(schema: dict[str, Any], path: str = "spec") -> dict[str, list[Any]]:
    """Return the rules of each field below *schema*, by its path; a default is as good as given."""
    fields = schema.get("properties", {})
    defaults = {name for name, field in fields.items() if "default" in field}
    required = sorted(set(schema.get("required", ())) - defaults)
    found = {path: [required, *(schema.get(key) for key in ALIKE)]}
    if "enum" in schema:
        found[path][1] = None  # it says the type, too
    for name, field in fields.items():
        found |= rules(field, f"{path}.{name}")
    return found


def cels(schema: dict[str, Any], path: str = "spec") -> set[str]:
    """Return the paths that a rule between fields is about."""
    own = {path} if schema.get("x-kubernetes-validations") and "properties" in schema else set()
    own |= {path} if "allOf" in schema else set()
    nested = (cels(field, f"{path}.{n}") for n, field in schema.get("properties", {}).items())
    return own.union(*nested)


@pytest.mark.parametrize("version", CRDS)
def test_the_service_has_the_same_rules(version: str) -> None:
    """The CRD and the service agree on fields, types and what is required; rules between fields."""
    crd = schema_of(version)["properties"]["spec"]
    service = json.loads((ROOT / "hooks/schemas" / FILES[version]).read_text("utf-8"))
    assert rules(crd) == rules(service)
    assert cels(crd) == cels(service)
    assert set(FILES) == {API_VERSION, *CRDS}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_accepts(sample: Path) -> None:
    """A sample is valid to both, and says above it what it shows."""
    text = sample.read_text("utf-8")
    binding = yaml.safe_load(text)
    assert text.startswith("# ")
    environment = {"environment": "PublicCloud"}
    if "acr" in binding["spec"]:  # as the API server fills it in
        binding["spec"]["acr"] = environment | binding["spec"]["acr"]
    Draft4Validator(for_python(schema_of(binding["apiVersion"]))).validate(binding)
    assert check_spec(binding["spec"], binding["apiVersion"]) is None
    assert check_manifest(binding).problems == ()


@pytest.mark.parametrize("version", CRDS)
def test_status(version: str) -> None:
    """Upstream's fields are beside ours: the API server prunes what is not declared."""
    fields = schema_of(version)["properties"]["status"]["properties"]
    ours = {name for name in STATUS["properties"] if "ServiceAccounts" not in name}
    assert set(fields) == ours - {"tokenIssueTime", "serviceAccountNames"} | THEIRS
    assert fields["conditions"] == STATUS["properties"]["conditions"]


@pytest.mark.parametrize("version", CRDS)
def test_every_field_is_described(version: str) -> None:
    """`kubectl explain` has a sentence for each field, and for each of the spec an example."""

    def look(schema: dict[str, Any], *, examples: bool) -> None:
        for name, field in schema.get("properties", {}).items():
            assert field["description"].endswith("."), name
            assert "e.g." in field["description"] or not examples, name
            look(field, examples=examples)

    look(schema_of(version)["properties"]["spec"], examples=True)
    look(schema_of(version)["properties"]["status"], examples=False)


def test_airgapped_cloud_is_spelt_right() -> None:
    """U2: the rule about cloudConfig names a value that there is."""
    registry = schema_of("acrpull.microsoft.com/v1beta2")["properties"]["spec"]["properties"]["acr"]
    (rule,) = registry["x-kubernetes-validations"]
    (named,) = (v for v in registry["properties"]["environment"]["enum"] if v in rule["rule"])
    assert named == "AirgappedCloud"
