"""The CRD, compared with its samples, the service's own schema and the status that acrpull writes.

The rules of the spec are CEL, because CEL rules have messages. Each rule has one of four forms that
jsonschema has, too, so these tests need no CEL evaluator. tests/e2e calls the API server.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft4Validator, Draft6Validator, ValidationError

from hooks.schemas import IDENTITIES

ROOT: Final = Path(__file__).parents[1]
CRD: Final = yaml.safe_load((ROOT / "crds/acrpullbinding.yaml").read_text("utf-8"))
VERSION: Final = CRD["spec"]["versions"][0]
SCHEMA: Final = VERSION["schema"]["openAPIV3Schema"]
SPEC: Final = SCHEMA["properties"]["spec"]
STATUS: Final = SCHEMA["properties"]["status"]
SERVICE_SPEC: Final = json.loads((ROOT / "hooks/schemas/spec.json").read_text("utf-8"))
MATCHES: Final = re.compile(r"self\.matches\(r'(.*)'\)")
KEYS_MATCH: Final = re.compile(
    r"self\.all\(key, key\.size\(\) <= (\d+) && key\.matches\(r'(.*)'\)\)"
)
NO_KEY_MATCHES: Final = re.compile(r"self\.all\(key, !key\.matches\(r'(.*)'\)\)")
AT_MOST_ONE: Final = "[{}].filter(given, given).size() <= 1"
LIST: Final = {"required": ["serviceAccountNames"]}
NAMED: Final = {
    "required": ["serviceAccountName"],
    "properties": {"serviceAccountName": {"not": {"enum": ["default"]}}},
}
OWN: Final = {"workloadIdentity": {"not": {"required": ["serviceAccountName"]}}}
# Other rules, and what they exclude.
EXCLUDED: Final = {
    "self.size() <= 1 || !('*' in self)": {
        "minItems": 2,
        "not": {"items": {"not": {"enum": ["*"]}}},
    },
    "!has(self.serviceAccountNames) || !has(self.serviceAccountName) || "
    "self.serviceAccountName == 'default'": {"allOf": [LIST, NAMED]},
    "!has(self.serviceAccountNames) || !has(self.workloadIdentity) || "
    "has(self.workloadIdentity.serviceAccountName)": {
        "allOf": [LIST, {"required": ["workloadIdentity"], "properties": OWN}]
    },
}
WORDS: Final = {"title", "examples"}
Keywords = Mapping[str, dict[str, Any]]  # by the text of a rule
NO_OTHERS: Final[Keywords] = MappingProxyType({})
ACCEPTED: Final = sorted((ROOT / "crds/samples/accepted").iterdir())
REJECTED: Final = sorted((ROOT / "crds/samples/rejected").iterdir())


def for_python(schema: dict[str, Any]) -> dict[str, Any]:
    r"""Return *schema* with patterns that match in Python what they match in the API server.

    A final `$` becomes `\Z`: in Python, `$` also matches before a line break at the end. `(?i)`
    becomes `(?ai)`: in Python, `(?i)` matches more letters outside ASCII. Another pattern of the
    field rejects these letters, see `test_no_case_without_ascii`.
    """
    text = json.dumps(schema).replace('$"', r'\\Z"').replace('"(?i)', '"(?ai)')
    copy: dict[str, Any] = json.loads(text)
    return copy


def without_cel(schema: Any, others: Keywords = NO_OTHERS) -> Any:  # noqa: ANN401  any part
    """Return *schema* with keywords in place of CEL rules; *others* has those of other rules."""
    if isinstance(schema, list):
        return [without_cel(part, others) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: without_cel(part, others) for key, part in schema.items()}
    rules = plain.pop("x-kubernetes-validations", [])
    return plain | by_rules(rules, others)


def by_rules(rules: list[dict[str, str]], others: Keywords) -> dict[str, Any]:
    """Return keywords in place of the CEL *rules*: `pattern`, `propertyNames`, `not`, *others*."""
    plain: dict[str, Any] = {}
    excluded = []
    for cel in rules:
        found = MATCHES.fullmatch(cel["rule"])
        if cel["rule"] in others:
            plain |= others[cel["rule"]]
        elif keys := key_rule(cel["rule"]):
            plain.setdefault("propertyNames", {"allOf": []})["allOf"].append(keys)
        elif found and "pattern" not in plain:
            plain["pattern"] = found[1]
        elif found:
            plain["allOf"] = [{"pattern": found[1]}]
        elif cel["rule"] in EXCLUDED:
            excluded.append(EXCLUDED[cel["rule"]])
        else:
            names = re.findall(r"has\(self\.(\w+)\)", cel["rule"])
            assert cel["rule"] == AT_MOST_ONE.format(", ".join(f"has(self.{n})" for n in names))
            pairs = [{"required": list(pair)} for pair in combinations(names, 2)]
            excluded += pairs
    if excluded:
        plain["not"] = {"anyOf": excluded}
    return plain


def key_rule(cel: str) -> dict[str, Any] | None:
    """Return the schema of a key for the rule *cel* of a map; None for another rule."""
    if found := KEYS_MATCH.fullmatch(cel):
        return {"maxLength": int(found[1]), "pattern": found[2]}
    found = NO_KEY_MATCHES.fullmatch(cel)
    return {"not": {"pattern": found[1]}} if found else None


# OpenAPI v3.0's keywords have the meaning of JSON Schema draft 4's, or of an earlier one's.
# `propertyNames` is of draft 6: https://spec.openapis.org/oas/v3.0.3#schema-object
VALIDATOR: Final = Draft6Validator(for_python(without_cel(SCHEMA)))


def load(sample: Path) -> dict[str, Any]:
    """Return the sample as an object."""
    binding: dict[str, Any] = yaml.safe_load(sample.read_text("utf-8"))
    assert binding["apiVersion"] == f"{CRD['spec']['group']}/{VERSION['name']}"
    assert binding["kind"] == CRD["spec"]["names"]["kind"]
    return binding


def errors_in(sample: Path) -> list[ValidationError]:
    """Return the errors of the schema for *sample*."""
    return list(VALIDATOR.iter_errors(load(sample)))


def field_in_name(sample: Path) -> str:
    """Return the invalid field of a sample in rejected/, which its file name has."""
    return sample.stem.partition("-")[0]


def field_of(error: ValidationError) -> str:
    """Return the invalid field of the spec, "spec" for the whole spec, or "object".

    "[]" follows the field of an invalid item.
    """
    parts = ["[]" if isinstance(part, int) else f".{part}" for part in error.path]
    return "".join(parts[1:] or parts).removeprefix(".") if parts else "object"


def test_samples_are_described() -> None:
    """Each sample begins with a comment on its purpose."""
    texts = {sample.name: sample.read_text("utf-8") for sample in (*ACCEPTED, *REJECTED)}
    assert [name for name, text in texts.items() if not text.startswith("# ")] == []


def test_accepts() -> None:
    """The samples in accepted/ are valid."""
    errors = {sample.stem: [e.message for e in errors_in(sample)] for sample in ACCEPTED}
    assert {name: found for name, found in errors.items() if found} == {}


def test_rejects() -> None:
    """Each sample in rejected/ breaks a rule of the field in its file name only."""
    fields = {
        sample.stem: {field_of(error).removesuffix("[]") for error in errors_in(sample)}
        for sample in REJECTED
    }
    assert fields == {sample.stem: {field_in_name(sample)} for sample in REJECTED}


def test_every_rule_has_a_rejected_sample() -> None:
    """Each rule of the spec has a sample that breaks the rule."""
    rules = {("object", "required"), ("spec", "not")}
    keys = ("maxLength", "pattern", "maxItems", "maxProperties", "not")
    for name, field in fields_of(for_python(without_cel(SPEC))).items():
        rules |= {(name, key) for key in keys if key in field}
        rules |= {(name, key) for rule in key_rules(field) for key in rule}
    broken = {(field_of(e), e.validator) for sample in REJECTED for e in errors_in(sample)}
    assert rules <= broken


def test_every_field_has_an_accepted_sample() -> None:
    """Each field of the spec is in a sample in accepted/."""
    fields = fields_of(SPEC)
    used = {name for sample in ACCEPTED for name in used_in(load(sample)["spec"], fields)}
    assert used == set(fields)


def used_in(spec: dict[str, Any], fields: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the names of the *fields* in *spec*, a spec or an object in a spec."""
    for key, value in spec.items():
        yield prefix + key
        if isinstance(value, list) and value:
            yield f"{prefix}{key}[]"
        if "properties" in fields[prefix + key]:
            yield from used_in(value, fields, f"{prefix}{key}.")


def test_the_service_has_the_same_rules() -> None:
    """The CRD and the service have the same rules for every field."""
    assert rules_of(for_python(without_cel(SPEC))) == rules_of(SERVICE_SPEC)


def test_no_case_without_ascii() -> None:
    """A field whose pattern ignores case has another pattern, for ASCII."""
    for field in fields_of(without_cel(SPEC)).values():
        if field.get("pattern", "").startswith("(?i)"):
            assert field["allOf"] == [{"pattern": "^[!-~]*$"}]


def rules_of(spec: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the rules of each field in *spec*, the schema of a binding's spec."""
    rules = ("type", "maxLength", "pattern", "maxItems", "maxProperties")
    return {
        name: [
            [part.get(key) for key in rules]
            for part in (field, field.get("additionalProperties") or {})
        ]
        + [{key: rule[key] for key in rule if key not in WORDS} for rule in key_rules(field)]
        for name, field in fields_of(spec).items()
    }


def key_rules(field: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rules for the keys of *field*, a map."""
    rules: list[dict[str, Any]] = field.get("propertyNames", {}).get("allOf", [])
    return rules


def fields_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the fields in *schema*; fields of an object have the name "object.field".

    The items of a list have the name "list[]". The values of a map are no fields.
    """
    found: dict[str, Any] = {}
    for name, field in schema["properties"].items():
        inner = fields_of(field) if "properties" in field else {}
        found |= {name: field, **{f"{name}.{key}": value for key, value in inner.items()}}
        if "items" in field:
            found[f"{name}[]"] = field["items"]
    return found


def test_messages() -> None:
    """The message of each CEL rule has the service's words and example."""
    service = fields_of(SERVICE_SPEC)
    for name, field in fields_of(SPEC).items():
        check_messages(field, service[name])
        for cel, rule in zip(
            field.get("x-kubernetes-validations", ()), key_rules(service[name]), strict=False
        ):
            (example,) = rule["examples"]
            assert cel["message"] == f"each key must be {rule['title']}; e.g. {example}"
    cel = SPEC["x-kubernetes-validations"][0]
    assert cel["message"] == f"give at most one of {', '.join(IDENTITIES)}"
    assert tuple(re.findall(r"has\(self\.(\w+)\)", cel["rule"])) == IDENTITIES


def check_messages(field: dict[str, Any], service: dict[str, Any]) -> None:
    """Check the message of the first rule of *field*, a string or a map of strings."""
    if field["type"] != "object" and "x-kubernetes-validations" in field:
        (example,) = service["examples"]
        told = field["x-kubernetes-validations"][0]["message"]
        assert told == f"must be {service['title']}; e.g. {example}"
    if "additionalProperties" in field:
        check_messages(field["additionalProperties"], service["additionalProperties"])


@pytest.mark.parametrize("path", ["spec", "status"])
def test_every_field_is_described(path: str) -> None:
    """Each field has a description. The description of a field of the spec has an example."""
    fields = SCHEMA["properties"][path]
    for name, field in (fields_of(fields) if path == "spec" else fields["properties"]).items():
        assert field["description"].endswith("."), name
        if path == "spec":
            assert "e.g." in field["description"], name
        if path == "spec" and not name.endswith("[]"):
            words = ("When unset", "When none of them is set", "All fields are optional")
            assert any(word in field["description"] for word in words)


def test_status_declares_what_the_service_writes() -> None:
    """The CRD declares each field of the status: the API server removes undeclared fields.

    Metacontroller would write such a status again and again.
    """
    answers = [
        json.loads(path.read_text("utf-8"))
        for path in sorted((ROOT / "tests/golden").rglob("response.json"))
    ]
    statuses = [answer["status"] for answer in answers if answer.get("status")]
    assert statuses
    for status in statuses:
        Draft4Validator(for_python(STATUS)).validate(status)
        assert set(status) <= set(STATUS["properties"])
        for condition in status["conditions"]:
            assert set(condition) <= set(STATUS["properties"]["conditions"]["items"]["properties"])
