"""Writes docs/api.md, the reference of the fields in `crds/`: `python -m tests.api_reference`.

msi-acrpull's CRDs in `crds/upstream` are not in the reference.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = "docs/api.md"
HEAD: Final = """# API reference

`kubectl explain acrpullbinding.spec` prints the same descriptions. `make api-docs` writes this page
from the CRDs in [`crds/`](../crds/kustomization.yaml), so change the CRDs, not this page.
"""
# The wording of each constraint. A key that is missing here stops the generation.
CONSTRAINTS: Final = {
    "maxLength": "at most {} characters",
    "minLength": "at least {} characters",
    "maxItems": "at most {} items",
    "minItems": "at least {} items",
    "maxProperties": "at most {} entries",
    "minProperties": "at least {} entries",
    "maximum": "at most {}",
    "minimum": "at least {}",
    "pattern": "matches `{}`",
}
# Keys with a place of their own, or without meaning for a reader.
OTHER_KEYS: Final = {
    *("type", "format", "description", "default", "required", "enum", "properties", "items"),
    *("additionalProperties", "x-kubernetes-validations", "x-kubernetes-list-map-keys"),
    *("x-kubernetes-list-type", "x-kubernetes-map-type"),
}
QUOTED: Final = re.compile(r'"([^"\s`]+)"')
CODE: Final = re.compile(r"(`[^`]*`)")
FIRST_SENTENCE: Final = re.compile(r".*?\.(?= [A-Z]|$)")
Schema = Mapping[str, Any]
Headings = dict[str, str]  # the heading of the section about each object, by the object's schema


def reference(root: Path) -> str:
    """Return the text of the page for the CRDs in *root*/crds."""
    crds = [
        crd
        for path in sorted((root / "crds").glob("*.yaml"))
        if (crd := yaml.safe_load(path.read_text("utf-8")))["kind"] == "CustomResourceDefinition"
    ]
    versions = [(crd["spec"], version) for crd in crds for version in crd["spec"]["versions"]]
    titles = [f"{spec['names']['kind']} {version['name']}" for spec, version in versions]
    links = "\n".join(f"- [{title}](#{anchor(title)})" for title in titles)
    headings: Headings = {}
    kinds = [
        "\n\n".join(_kind(title, spec, version, headings))
        for title, (spec, version) in zip(titles, versions, strict=True)
    ]
    return "\n".join([HEAD, f"{links}\n", *(f"{kind}\n" for kind in kinds)])


def anchor(heading: str) -> str:
    """Return GitHub's anchor of *heading*."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _kind(title: str, spec: Schema, version: Schema, headings: Headings) -> Iterator[str]:
    """Yield the paragraphs about one version of a kind."""
    schema = version["schema"]["openAPIV3Schema"]
    names = spec["names"]
    columns = version.get("additionalPrinterColumns", [])
    shown = ", ".join(column["name"] for column in columns if not column.get("priority"))
    wide = ", ".join(column["name"] for column in columns if column.get("priority"))
    short = ", ".join(f"`{name}`" for name in names.get("shortNames", []))
    yield f"## {title}"
    yield prose(schema["description"])
    yield (
        "| | |\n|---|---|\n"
        f"| `apiVersion` | `{spec['group']}/{version['name']}` |\n"
        f"| `kind` | `{names['kind']}` |\n"
        f"| scope | {spec['scope']} |\n"
        f"| `kubectl get` | `{names['plural']}`, {short} |\n"
        f"| columns | {shown}; with `-o wide` also {wide} |"
    )
    for name in ("spec", "status"):
        yield from _object(title, name, schema["properties"][name], headings)


def _object(title: str, path: str, schema: Schema, headings: Headings) -> Iterator[str]:
    """Yield the paragraphs about the object at *path*, and about the objects in it.

    An object that equals an earlier object of the page has no section of its own.
    """
    heading = f"{title}: {path}"
    if _home(heading, schema, headings) != heading:
        return
    yield f"### {heading}"
    if "description" in schema:
        yield prose(schema["description"])
    if limits := _limits(schema):
        yield f"Constraints: {'; '.join(limits)}."
    if "default" in schema:
        yield f"Default: `{json.dumps(schema['default'])}`."
    required = schema.get("required", [])
    rows = [
        _row(f"{heading}.{name}", name, field, headings, required=name in required)
        for name, field in schema["properties"].items()
    ]
    yield "\n".join(["| field | type | default | description |", "|---|---|---|---|", *rows])
    for name, field in schema["properties"].items():
        inner, suffix = _inner(field)
        if "properties" in inner:
            yield from _object(title, f"{path}.{name}{suffix}", inner, headings)


def _home(heading: str, schema: Schema, headings: Headings) -> str:
    """Return the heading of the first object of the page that equals *schema*.

    This is *heading*, unless the page already has an equal object.
    """
    return headings.setdefault(json.dumps(schema, sort_keys=True), heading)


def _inner(schema: Schema) -> tuple[Schema, str]:
    """Return the schema of the values in *schema*, and the suffix of their path."""
    if "items" in schema:
        return schema["items"], "[]"
    return schema, ""


def _row(heading: str, name: str, schema: Schema, headings: Headings, *, required: bool) -> str:
    """Return the row of a table for the field *name*. An object has a section named *heading*."""
    text = schema.get("description", "")
    limits = _limits(schema)
    if "properties" in schema:  # its own table has the rest
        text = "".join(FIRST_SENTENCE.findall(text)[:1])
        limits = []
    default = f"`{json.dumps(schema['default'])}`" if "default" in schema else ""
    cells = (
        f"`{name}`",
        _type(heading, schema, headings) + (", required" if required else ""),
        default,
        "<br>".join([prose(text), *([f"Constraints: {'; '.join(limits)}."] if limits else [])]),
    )
    return " | ".join(["", *(cell.replace("|", "\\|") for cell in cells), ""]).strip()


def _type(heading: str, schema: Schema, headings: Headings) -> str:
    """Return the type of a field, with a link to the table of an object's fields."""
    if schema["type"] == "array":
        return f"list of {_type(f'{heading}[]', schema['items'], headings)}"
    if "additionalProperties" in schema:
        return f"map of strings to {_type(heading, schema['additionalProperties'], headings)}"
    if "properties" in schema:
        return f"[object](#{anchor(_home(heading, schema, headings))})"
    return f"{schema['type']} ({schema['format']})" if "format" in schema else schema["type"]


def _limits(schema: Schema) -> list[str]:
    """Return the constraints of a field, and of the values in a list or map.

    Raises:
        ValueError: A key of *schema* is unknown.
    """
    unknown = schema.keys() - CONSTRAINTS.keys() - OTHER_KEYS
    if unknown:
        raise ValueError(f"Unknown keys: {', '.join(sorted(unknown))}. Add them to {__name__}.")
    limits = [text.format(schema[key]) for key, text in CONSTRAINTS.items() if key in schema]
    limits = ["not empty" if limit.startswith("at least 1 ") else limit for limit in limits]
    if "enum" in schema:
        limits.append(f"one of {', '.join(f'`{value}`' for value in schema['enum'])}")
    if "x-kubernetes-list-map-keys" in schema:
        keys = ", ".join(f"`{key}`" for key in schema["x-kubernetes-list-map-keys"])
        limits.append(f"at most one item for each {keys}")
    limits += [prose(rule["message"]) for rule in schema.get("x-kubernetes-validations", [])]
    for key in ("items", "additionalProperties"):
        if key in schema and "properties" not in schema[key]:
            limits += [f"each: {limit}" for limit in _limits(schema[key])]
    return limits


def prose(text: str) -> str:
    """Return *text* in Markdown: a quoted word becomes code, and other marks are escaped."""
    parts = CODE.split(QUOTED.sub(r"`\1`", text))
    return "".join(
        part if part.startswith("`") else re.sub(r"([*<>\[\]])", r"\\\1", part) for part in parts
    )


if __name__ == "__main__":
    (ROOT / PAGE).write_text(reference(ROOT), "utf-8")
