"""Validates specs and whole manifests with the JSON Schemas of the CRDs.

No other module imports jsonschema.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, cast

from jsonschema import Draft202012Validator, ValidationError

from hooks.core.apis import APIS
from hooks.core.fields import JSON
from hooks.core.names import API_VERSION, CLUSTER_KIND, UPSTREAM_V1BETA1, UPSTREAM_V1BETA2

IDENTITIES: Final = (
    "managedIdentityClientID",
    "managedIdentityResourceID",
    "workloadIdentity",
)
MAX_SHOWN: Final = 80  # characters of a user's value in a message
MAX_REMEMBERED_SPECS: Final = 1024  # specs
MAX_REMEMBERED_LENGTH: Final = 4096  # characters of a remembered spec
# More characters of JSON than the maximum lengths of all fields together. The annotations of a
# secretTemplate have the most: JSON writes a control character with 6 characters.
MAX_CHARACTERS: Final = {
    API_VERSION: 156_000,
    UPSTREAM_V1BETA1: 4096,
    UPSTREAM_V1BETA2: 4096,
}
TEMPLATE_SPEC: Final = "spec.template.spec"  # the path in a ClusterACRPullBinding

# By API version. acrpull's own schema checks specs of unknown versions.
FILES: Final = {
    API_VERSION: "spec.json",
    UPSTREAM_V1BETA1: "upstream-v1beta1.json",
    UPSTREAM_V1BETA2: "upstream-v1beta2.json",
}


def _load(name: str) -> JSON:
    schema: JSON = json.loads(files(__name__).joinpath(name).read_text("utf-8"))
    return schema


def _manifest(api_version: str, kind: str, spec: JSON) -> JSON:
    """Return the schema of a *kind* of *api_version*, without the schema of the *spec*."""
    schema = _load("manifest.json")
    for name, value in {"apiVersion": api_version, "kind": kind}.items():
        schema["properties"][name] |= {"const": value, "examples": [value]}
    schema["properties"]["spec"]["examples"] = spec["examples"]
    if api_version != API_VERSION:  # msi-acrpull's CRDs do not require a spec
        schema["required"].remove("spec")
    return schema


_SPECS: Final = {version: _load(name) for version, name in FILES.items()}
_MANIFESTS: Final = {
    version: _manifest(version, APIS[version].kind, spec) for version, spec in _SPECS.items()
}
_VALIDATORS: Final = {version: Draft202012Validator(spec) for version, spec in _SPECS.items()}
_MANIFEST_VALIDATORS: Final = {
    version: Draft202012Validator(schema) for version, schema in _MANIFESTS.items()
}
_CLUSTER_SPEC: Final = _load("cluster-spec.json")
_CLUSTER_MANIFEST: Final = _manifest(API_VERSION, CLUSTER_KIND, _CLUSTER_SPEC)
_CLUSTER_VALIDATOR: Final = Draft202012Validator(_CLUSTER_SPEC)
_CLUSTER_MANIFEST_VALIDATOR: Final = Draft202012Validator(_CLUSTER_MANIFEST)
# Keywords that msi-acrpull's CRDs do not check. The API server accepts such values. `not` in the
# schema of spec.acr.server matches the values that the CRD's rule for this field rejects.
UNCHECKED_UPSTREAM: Final = {"pattern", "maxLength"}


@dataclass(frozen=True, slots=True)
class Checked:
    """The problems of a manifest, one per line.

    *stored* is True if an API server accepts the manifest in spite of its problems.
    """

    problems: tuple[str, ...]
    stored: bool


def check_cluster_spec(spec: object) -> str | None:
    """Return the problem with *spec*, of a ClusterACRPullBinding, like `check_spec`."""
    error = next(_CLUSTER_VALIDATOR.iter_errors({} if spec is None else spec), None)
    if error is not None:
        return next(_lines(error, "spec"))
    return _problem(cast("Any", spec)["template"]["spec"], API_VERSION, TEMPLATE_SPEC)


def check_spec(spec: object, api_version: object = API_VERSION) -> str | None:
    """Return the problem with *spec*, decoded JSON, in one line, or None.

    The line names the field and shows a valid example.
    """
    return _problem({} if spec is None else spec, _version(api_version))


def _version(api_version: object) -> str:
    """Return the API version whose schema checks a spec of *api_version*."""
    known = isinstance(api_version, str) and api_version in FILES
    return str(api_version) if known else API_VERSION


def check_manifest(manifest: JSON) -> Checked:
    """Return all problems of *manifest*, a binding, in the form of `check_spec`.

    *manifest* is a result of `prune`. A ClusterACRPullBinding counts as a binding.
    """
    if manifest.get("kind") == CLUSTER_KIND:
        return _check_cluster_manifest(manifest)
    version = version_of(manifest)
    validator = _MANIFEST_VALIDATORS[version]
    lines = [line for error in validator.iter_errors(manifest) for line in _lines(error)]
    spec = manifest.get("spec", {})
    too_long = _too_long(_dump(spec), version)
    if too_long is not None:
        return Checked((*lines, too_long), stored=False)
    errors = list(_VALIDATORS[version].iter_errors(spec))
    left = {str(error.validator) for error in errors if "spec" in manifest}
    accepted_upstream = version != API_VERSION and left <= UNCHECKED_UPSTREAM
    stored = not lines and (not errors or accepted_upstream)
    for error in errors:
        lines += _lines(error, "spec")
    # A value that is too long often has two equal lines, because it also breaks the pattern.
    return Checked(tuple(dict.fromkeys(lines)), stored)


def _check_cluster_manifest(manifest: JSON) -> Checked:
    """Return all problems of *manifest*, a ClusterACRPullBinding.

    The CRD has no rules for keys of labels and annotations.
    """
    lines = [
        line
        for error in _CLUSTER_MANIFEST_VALIDATOR.iter_errors(manifest)
        for line in _lines(error)
    ]
    stored, spec = not lines, manifest.get("spec", {})
    for error in _CLUSTER_VALIDATOR.iter_errors(spec) if "spec" in manifest else ():
        lines += _lines(error, "spec")
        stored = stored and "propertyNames" in error.absolute_schema_path
    template = spec.get("template") if isinstance(spec, dict) else None
    inner = template.get("spec") if isinstance(template, dict) else None
    if isinstance(inner, dict):
        too_long = _too_long(_dump(inner), API_VERSION, TEMPLATE_SPEC)
        if too_long is not None:
            return Checked((*lines, too_long), stored=False)
        for error in _VALIDATORS[API_VERSION].iter_errors(inner):
            lines += _lines(error, TEMPLATE_SPEC)
            stored = False
    return Checked(tuple(dict.fromkeys(lines)), stored)


def version_of(manifest: JSON) -> str:
    """Return the API version whose schemas check *manifest*.

    For an unknown version, return a known version of the same group, or else acrpull's own version.
    """
    said = str(manifest.get("apiVersion"))
    group = said.partition("/")[0]
    return next((v for v in FILES if v == said or v.partition("/")[0] == group), API_VERSION)


def prune(manifest: JSON) -> JSON:
    """Return *manifest*, a binding, without nulls, as an API server reads it.

    A known field with null counts as absent, and a label or annotation of the binding with null as
    "". An unknown field with null stays, because the API server rejects it.
    kubernetes@v1.36.0:staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting/prunenulls.go
    """
    version = version_of(manifest)
    spec = _SPECS[version]
    if manifest.get("kind") == CLUSTER_KIND:
        template = _CLUSTER_SPEC["properties"]["template"]
        template = {"properties": {**template["properties"], "spec": spec}}
        spec = {"properties": {**_CLUSTER_SPEC["properties"], "template": template}}
    known = {**_MANIFESTS[version]["properties"], "spec": spec}
    meta = manifest.get("metadata")
    if isinstance(meta, dict):
        maps = {
            part: {key: "" if value is None else value for key, value in meta[part].items()}
            for part in ("labels", "annotations")
            if isinstance(meta.get(part), dict)
        }
        manifest = {**manifest, "metadata": {**meta, **maps}}
    return _without_nulls(manifest, {"properties": known})


def _without_nulls(fields: JSON, schema: JSON) -> JSON:
    schemas: JSON = {key: schema.get("additionalProperties") for key in fields}
    schemas.update(schema.get("properties", {}))
    return {
        key: _without_nulls(value, schemas[key])
        if isinstance(value, dict) and isinstance(schemas[key], dict)
        else value
        for key, value in fields.items()
        if value is not None or not schemas[key]
    }


def _dump(spec: object) -> str:
    return json.dumps(spec, ensure_ascii=False)


def _too_long(spec: str, version: str, field: str = "spec") -> str | None:
    longest = MAX_CHARACTERS[version]
    if len(spec) <= longest:
        return None
    return f"{field} has over {longest} characters, more than all its fields need. Shorten it."


def _problem(spec: object, version: str, field: str = "spec") -> str | None:
    """Return the problem with *spec*, of the path *field*; remembers results of short specs."""
    text = _dump(spec)
    check = _check if len(text) <= MAX_REMEMBERED_LENGTH else _check.__wrapped__
    return _too_long(text, version, field) or check(text, version, field)


@lru_cache(MAX_REMEMBERED_SPECS)
def _check(text: str, version: str, field: str = "spec") -> str | None:
    """Return the problem with the spec in the JSON *text*, of the path *field*, or None.

    The results are cached, because Metacontroller sends the same specs again and again.
    """
    error = next(_VALIDATORS[version].iter_errors(json.loads(text)), None)
    return None if error is None else next(_lines(error, field))


def _lines(error: ValidationError, *root: str) -> Iterator[str]:
    """Yield a message for each problem in *error*, found below the path *root*."""
    field = ".".join((*root, *(str(part) for part in error.absolute_path)))
    start = f"{field}: " if field else ""
    schema, value = error.schema, cast("Any", error.instance)
    if not isinstance(schema, dict):
        spec = ".".join(root) or "spec"
        yield f"{spec} names more than one identity. Keep one of {', '.join(IDENTITIES)}."
    elif error.validator == "additionalProperties":
        known = ", ".join(schema["properties"])
        for name in sorted(set(value) - set(schema["properties"])):
            yield f"{start}unknown field {_shown(name)}. Known fields are {known}."
    elif error.validator == "required":
        for name in schema["required"]:
            if name not in value:
                example = schema["properties"][name]["examples"][0]
                path = f"{field}.{name}" if field else name
                yield f"{path} is missing. Set it, for example {name}: {example}"
    else:
        example = f" Use, for example, {schema['examples'][0]}" if "examples" in schema else ""
        yield f"{start}{_shown(value)} is not {schema['title']}.{example}"


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
