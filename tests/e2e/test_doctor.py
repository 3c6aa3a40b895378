"""The doctor's verdict on a manifest, compared with the API server's."""

from typing import Any, Final

import pytest

from hooks.doctor.diagnosis import diagnose
from hooks.settings.environment import Settings
from tests.e2e.api import ApiError
from tests.e2e.stage import Stage
from tests.e2e.test_crds import VALID, judge
from tests.model import binding

POLICY: Final = Settings.from_env({"MANAGED_IDENTITY_CLIENT_ID": "", "ACR_SERVER": ""}).policy
GUID: Final = VALID["managedIdentityClientID"]
RESOURCE_ID: Final = (
    f"/subscriptions/{GUID}/resourceGroups/rg/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities/puller"
)
OBJECTS: Final[dict[str, dict[str, Any]]] = {
    "valid": {},
    "no spec": {"spec": None},
    "empty spec": {"spec": {}},
    "list as spec": {"spec": []},
    "text as spec": {"spec": "x"},
    "null server": {"spec": {"acrServer": None}},
    "null account": {"spec": {**VALID, "serviceAccountName": None}},
    "null identity": {"spec": {"managedIdentityResourceID": None, **VALID}},
    "two identities": {"spec": {**VALID, "managedIdentityResourceID": RESOURCE_ID}},
    "unknown null": {"spec": {**VALID, "acrserver": None}},
    "unknown field": {"spec": {**VALID, "acrserver": "x"}},
    "unknown key": {"sepc": {}},
    "null key": {"sepc": None},
    "number": {"spec": {**VALID, "serviceAccountName": 1}},
    "boolean": {"spec": {**VALID, "serviceAccountName": True}},
    "status": {"status": {"conditions": []}},
    "null status": {"status": None},
}
METADATA: Final[dict[str, dict[str, Any]]] = {
    "upper case": {"name": "App"},
    "underscore": {"name": "a_b"},
    "dots": {"name": "a.b-c.1"},
    "two dots": {"name": "a..b"},
    "longest": {"name": "a" * 253},
    "too long": {"name": "a" * 254},
    "line break": {"name": "app\n"},
    "number as name": {"name": 1},
    "no name": {"name": None},
    "unknown": {"nmae": "app"},
    "unknown null in metadata": {"nmae": None},
    "null": {"creationTimestamp": None, "labels": None, "annotations": None},
    "label": {"labels": {"app.kubernetes.io/name": "App_1.x"}},
    "empty label": {"labels": {"app": ""}},
    "null label": {"labels": {"app": None}},
    "boolean label": {"labels": {"app": True}},
    "number label": {"labels": {"app": 1}},
    "label with space": {"labels": {"app": "a b"}},
    "label ends with dash": {"labels": {"app": "a-"}},
    "label of 63": {"labels": {"app": "a" * 63}},
    "label of 64": {"labels": {"app": "a" * 64}},
    "label's key with space": {"labels": {"a b": "x"}},
    "label's key of 63": {"labels": {"a" * 63: "x"}},
    "label's key of 64": {"labels": {"a" * 64: "x"}},
    "label's key empty": {"labels": {"": "x"}},
    "label's prefix upper case": {"labels": {"Example.com/a": "x"}},
    "label's prefix empty": {"labels": {"/a": "x"}},
    "label's prefix only": {"labels": {"a/": "x"}},
    "label's key with two slashes": {"labels": {"a/b/c": "x"}},
    "labels a list": {"labels": ["a"]},
    "annotation": {"annotations": {"example.com/a": "any text: {}\n"}},
    "annotation's prefix upper case": {"annotations": {"Example.com/a": "x"}},
    "annotation boolean": {"annotations": {"a": True}},
    "annotation null": {"annotations": {"a": None}},
    "annotation's key with space": {"annotations": {"a b": "x"}},
}


@pytest.mark.parametrize("case", [*OBJECTS, *METADATA])
def test_judges_like_the_api_server(stage: Stage, namespace: str, case: str) -> None:
    """The doctor accepts the manifests that the API server accepts, and no others."""
    manifest = {**binding(namespace, "app", **VALID), **OBJECTS.get(case, {})}
    manifest["metadata"] = {**manifest["metadata"], **METADATA.get(case, {})}
    try:
        judge(stage, namespace, manifest)
        refusal = ""
    except ApiError as error:
        refusal = str(error)
    diagnosis = diagnose(manifest, POLICY)
    assert diagnosis.accepted == (not refusal), (refusal, diagnosis.problems)
