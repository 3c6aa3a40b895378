"""The CRD as the API server reads it: samples, `kubectl explain`, columns and status."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from hooks.core.names import CLUSTER_PLURAL
from tests.e2e.api import BINDING, ApiError, Object, path_of
from tests.e2e.stage import Stage
from tests.model import binding
from tests.model.objects import key_of
from tests.test_crds import (
    ACCEPTED,
    CRD,
    REJECTED,
    SCHEMA,
    SPEC,
    VERSION,
    field_in_name,
    load,
)
from tests.test_crds import STATUS as STATUS_SCHEMA

# As `kubectl create --dry-run=server` does: what is not in the schema is refused, not pruned.
STRICT: Final = {"dryRun": "All", "fieldValidation": "Strict"}
DEFAULTS: Final = {
    name: field["default"] for name, field in SPEC["properties"].items() if "default" in field
}
GUID: Final = "11111111-2222-3333-4444-555555555555"
RESOURCE_ID: Final = (
    f"/subscriptions/{GUID}/resourceGroups/rg/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities/puller"
)
VALID: Final = {"acrServer": "myregistry.azurecr.io", "managedIdentityClientID": GUID}
READY: Final = {
    "type": "Ready",
    "status": "True",
    "reason": "Ready",
    "message": "",
    "lastTransitionTime": "2026-11-23T09:00:00Z",
}
STATUS: Final = {
    "conditions": [READY],
    "secretName": "acr-pull-app",
    "tokenExpirationTime": "2026-11-23T12:00:00Z",
}


def judge(stage: Stage, namespace: str, manifest: Object) -> Object:
    """Return what the API server would store. Raises `ApiError`: it refuses."""
    metadata = {**manifest["metadata"], "namespace": namespace}
    return stage.api.create({**manifest, "metadata": metadata}, **STRICT)


def refusal(stage: Stage, namespace: str, manifest: Object) -> ApiError:
    """Return why the API server refuses; that it does is expected."""
    with pytest.raises(ApiError) as caught:
        judge(stage, namespace, manifest)
    return caught.value


def write_status(stage: Stage, obj: Object) -> Object:
    """Write to /status and return the answer."""
    return stage.api.call("PUT", f"{path_of(*key_of(obj))}/status", obj)


@pytest.mark.parametrize("sample", ACCEPTED, ids=lambda path: path.stem)
def test_accepts(stage: Stage, namespace: str, sample: Path) -> None:
    """A sample in accepted/ is stored as it is, with defaults for what it leaves out."""
    manifest = load(sample)
    assert judge(stage, namespace, manifest)["spec"] == DEFAULTS | manifest["spec"]


@pytest.mark.parametrize("sample", REJECTED, ids=lambda path: path.stem)
def test_rejects(stage: Stage, namespace: str, sample: Path) -> None:
    """A sample in rejected/ is refused for the field in its file name, and for no other."""
    error = refusal(stage, namespace, load(sample))
    assert error.status == 422
    field = field_in_name(sample)
    path = "spec" if field in {"object", "spec"} else f"spec.{field}"
    told = re.sub(r"\[([a-z]+)\]: ", r".\1: ", str(error))  # the key of a map
    assert set(re.findall(r"[ \[](spec[.\w]*)(?:\[\d+\])?: ", told)) == {path}


def test_two_identities_are_refused_in_words(stage: Stage, namespace: str) -> None:
    """The CEL rule's message reaches the user."""
    (sample,) = (path for path in REJECTED if path.stem == "spec-two-identities")
    rule = SPEC["x-kubernetes-validations"][0]
    assert f"spec: Forbidden: {rule['message']}" in str(refusal(stage, namespace, load(sample)))


def test_a_misspelt_field_is_refused(stage: Stage, namespace: str) -> None:
    """A field that does not exist is named, not dropped in silence."""
    error = refusal(stage, namespace, binding(namespace, "app", **VALID, acrserver="x"))
    assert error.status == 400
    assert 'unknown field "spec.acrserver"' in str(error)


@pytest.mark.parametrize("part", ["spec", "status"])
def test_explain(stage: Stage, part: str) -> None:
    """`kubectl explain` has every field with all of its description."""
    shown = " ".join(stage.plane.kubectl("explain", f"acrpullbinding.{part}").split())
    fields: dict[str, Any] = SCHEMA["properties"][part]["properties"]
    for name, field in fields.items():
        assert f"{name} <" in shown
        assert field["description"] in shown


def columns_of(printed: str) -> list[dict[str, str]]:
    """Return by name the cells of each row that `kubectl get` *printed*; no name has a space."""
    header, *rows = printed.splitlines()
    names = list(re.finditer(r"\S+", header))
    ends = [*(name.start() for name in names[1:]), None]
    return [
        {name[0]: row[name.start() : end].strip() for name, end in zip(names, ends, strict=True)}
        for row in rows
    ]


def test_columns(stage: Stage, namespace: str) -> None:
    """`kubectl get apb` shows what matters at a glance, each column with its value."""
    made = stage.api.create(binding(namespace, "columns", **VALID))
    write_status(stage, {**made, "status": STATUS})
    (row,) = columns_of(stage.plane.kubectl("get", "apb", "columns", "-n", namespace))
    age = row.pop("AGE")
    assert re.fullmatch(r"\d+s", age)
    assert row == {
        "NAME": "columns",
        "READY": "True",
        "REASON": "Ready",
        "SERVER": VALID["acrServer"],
        "SERVICEACCOUNT": "default",
        "SECRET": STATUS["secretName"],
        "EXPIRES": STATUS["tokenExpirationTime"],
    }


def test_column_of_a_list(stage: Stage, namespace: str) -> None:
    """A list takes the place of the default name in the column."""
    for name, names in (("several", ["a", "b"]), ("every", ["*"]), ("none", [])):
        made = stage.api.create(binding(namespace, name, serviceAccountNames=names, **VALID))
        assert made["spec"]["serviceAccountName"] == "default"
    rows = columns_of(stage.plane.kubectl("get", "apb", "-n", namespace))
    shown = {row["NAME"]: row["SERVICEACCOUNT"] for row in rows}
    assert (shown["several"], shown["every"], shown["none"]) == ('["a","b"]', '["*"]', "[]")


def test_wide_columns(stage: Stage, namespace: str) -> None:
    """`kubectl get -o wide` of the category also shows the scope, and any kind of identity."""
    identities: dict[str, tuple[Object, str]] = {
        "of-service": ({}, ""),
        "client-id": ({"managedIdentityClientID": GUID}, GUID),
        "resource-id": ({"managedIdentityResourceID": RESOURCE_ID}, RESOURCE_ID),
        "annotations": ({"workloadIdentity": {}}, "{}"),
        "workload": ({"workloadIdentity": {"clientID": GUID}}, f'{{"clientID":"{GUID}"}}'),
    }
    for name, (spec, _) in identities.items():
        stage.api.create(binding(namespace, name, scope="repository:app:pull", **spec))
    rows = columns_of(stage.plane.kubectl("get", "acrpull", "-n", namespace, "-o", "wide"))
    # kubectl prefixes the names with the kind, because the category has two kinds.
    shown = {row["NAME"].partition("/")[2]: (row["SCOPE"], row["IDENTITY"]) for row in rows}
    for name, (_, identity) in identities.items():
        assert shown[name] == ("repository:app:pull", identity)


def test_status_is_written_apart(stage: Stage, namespace: str) -> None:
    """A new binding has the default status; then spec and status are written apart."""
    made = stage.api.create({**binding(namespace, "status", **VALID), "status": STATUS})
    assert made["status"] == STATUS_SCHEMA["default"]
    written = write_status(stage, {**made, "spec": {}, "status": STATUS})
    assert (written["spec"], written["status"]) == (made["spec"], STATUS)
    assert written["metadata"]["generation"] == 1
    replaced = stage.api.replace({**written, "spec": {}, "status": {}})
    assert (replaced["spec"], replaced["status"]) == (DEFAULTS, STATUS)
    assert replaced["metadata"]["generation"] == 2


def test_one_group_and_kind(stage: Stage) -> None:
    """The API server serves the kind under the names in the CRD."""
    found = stage.api.call("GET", f"/apis/{CRD['spec']['group']}/{VERSION['name']}")["resources"]
    names = CRD["spec"]["names"]
    served = {resource["name"]: resource for resource in found}
    both = (names["plural"], CLUSTER_PLURAL)
    assert set(served) == {f"{plural}{part}" for plural in both for part in ("", "/status")}
    assert served[names["plural"]]["kind"] == BINDING == names["kind"]
    assert served[names["plural"]]["shortNames"] == names["shortNames"]
    assert served[names["plural"]]["categories"] == names["categories"]
    assert served[names["plural"]]["namespaced"] is True
