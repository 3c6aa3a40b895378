"""docs/api.md has every field of the CRDs."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.api_reference import PAGE, ROOT, prose, reference


def write(root: Path, schema: dict[str, Any]) -> None:
    """Write a CRD with the schema *schema* of the field `spec.f` to *root*/crds."""
    fields = {"spec": {"type": "object", "properties": {"f": schema}}}
    fields["status"] = {"type": "object", "properties": {}}
    openapi = {"type": "object", "description": "Text.", "properties": fields}
    crd = {
        "kind": "CustomResourceDefinition",
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Example", "plural": "examples"},
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": openapi}}],
        },
    }
    (root / "crds").mkdir(exist_ok=True)
    (root / "crds/example.yaml").write_text(yaml.safe_dump(crd))


def test_page_is_current() -> None:
    """The page is as `make api-docs` writes it."""
    assert (ROOT / PAGE).read_text("utf-8") == reference(ROOT), "Run make api-docs."


def test_kinds() -> None:
    """The page has each kind of acrpull, and none of msi-acrpull."""
    crds = [yaml.safe_load(path.read_text("utf-8")) for path in (ROOT / "crds").glob("*.yaml")]
    kinds = {crd["spec"]["names"]["kind"] for crd in crds if "spec" in crd}
    headings = [line for line in reference(ROOT).splitlines() if line.startswith("## ")]
    assert {heading.split()[1] for heading in headings} == kinds


@pytest.mark.parametrize(
    ("schema", "row"),
    [
        ({"type": "integer", "format": "int32"}, "| `f` | integer (int32) |  |  |"),
        (
            {"type": "string", "default": "a", "maxLength": 9, "description": "A name."},
            '| `f` | string | `"a"` | A name.<br>Constraints: at most 9 characters. |',
        ),
        (
            {"type": "string", "minLength": 1, "enum": ["a", "b"]},
            "| `f` | string |  | <br>Constraints: not empty; one of `a`, `b`. |",
        ),
        (
            {"type": "string", "pattern": "a|b"},
            "| `f` | string |  | <br>Constraints: matches `a\\|b`. |",
        ),
        (
            {"type": "string", "x-kubernetes-validations": [{"rule": "x", "message": "be good"}]},
            "| `f` | string |  | <br>Constraints: be good. |",
        ),
        (
            {"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 3}},
            "| `f` | list of string |  | "
            "<br>Constraints: at most 2 items; each: at most 3 characters. |",
        ),
        (
            {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 4},
            "| `f` | map of strings to string |  | <br>Constraints: at most 4 entries. |",
        ),
        (
            {"type": "object", "description": "An object. More.", "properties": {}},
            "| `f` | [object](#example-v1-specf) |  | An object. |",
        ),
        (
            {"type": "array", "items": {"type": "object", "properties": {}}},
            "| `f` | list of [object](#example-v1-specf) |  |  |",
        ),
    ],
    ids=["format", "default", "enum", "pattern", "message", "list", "map", "object", "objects"],
)
def test_rows(tmp_path: Path, schema: dict[str, Any], row: str) -> None:
    """A row has the type, the default, the description and all constraints of a field."""
    write(tmp_path, schema)
    assert row in reference(tmp_path).splitlines()


def test_required(tmp_path: Path) -> None:
    """A required field is marked, in an object of its own too."""
    inner = {"type": "object", "required": ["g"], "properties": {"g": {"type": "string"}}}
    write(tmp_path, inner)
    lines = reference(tmp_path).splitlines()
    assert "### Example v1: spec.f" in lines
    assert "| `g` | string, required |  |  |" in lines


def test_equal_objects(tmp_path: Path) -> None:
    """Equal objects share a section, to which both rows lead."""
    inner = {"type": "object", "properties": {"h": {"type": "string"}}}
    write(tmp_path, {"type": "object", "properties": {"a": inner, "b": inner}})
    lines = reference(tmp_path).splitlines()
    assert "### Example v1: spec.f.a" in lines
    assert "### Example v1: spec.f.b" not in lines
    for name in ("a", "b"):
        assert f"| `{name}` | [object](#example-v1-specfa) |  |  |" in lines


def test_unknown_key(tmp_path: Path) -> None:
    """A constraint without a wording stops the generation, because the page would lack it."""
    write(tmp_path, {"type": "string", "multipleOf": 2})
    with pytest.raises(ValueError, match=r"^Unknown keys: multipleOf\."):
        reference(tmp_path)


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ('e.g. "a:<b>:*"', "e.g. `a:<b>:*`"),
        ("<b> and [c] and *", r"\<b\> and \[c\] and \*"),
        ("`<b>`", "`<b>`"),
        ('"two words"', '"two words"'),
    ],
)
def test_prose(text: str, markdown: str) -> None:
    """A quoted word becomes code. Markdown does not interpret other marks."""
    assert prose(text) == markdown
