"""metacontroller/admission/ and metacontroller/pods/ against the install and the code."""

from typing import Any, Final

import pytest

from hooks.core.apis.acrpull_v1beta1 import API
from hooks.core.model.reason import Reason
from hooks.core.names import ADMISSION_GROUP, ADMISSION_KINDS, ADMISSION_POLICY, SECRET_PREFIX
from hooks.settings.environment import Settings
from tests.test_manifests import COMPOSITE, FOLDER, OBJECTS, load, patched

ADMISSION: Final = FOLDER / "admission"
(KUSTOMIZATION,) = load(ADMISSION / "kustomization.yaml")
POLICIES: Final = {
    folder: load(FOLDER / folder / "policy.yaml") for folder in ("admission", "pods")
}


def test_no_file_is_forgotten() -> None:
    """Each file is a resource or a patch."""
    files = {path.name for path in ADMISSION.iterdir()} - {"kustomization.yaml"}
    assert sorted((*KUSTOMIZATION["resources"], *patched(KUSTOMIZATION))) == sorted(files)


def test_setting() -> None:
    """The component sets the mode, for the version and the name of its policy."""
    (patch,) = load(ADMISSION / "deployment.yaml")
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    environ = {variable["name"]: variable["value"] for variable in container["env"]}
    version = Settings.from_env(environ).policy.admission_version
    found = [(p["apiVersion"], p["kind"], p["metadata"]["name"]) for p in POLICIES["admission"]]
    assert found == [(f"{ADMISSION_GROUP}/{version}", k, ADMISSION_POLICY) for k in ADMISSION_KINDS]


def test_no_serviceaccount_is_a_child() -> None:
    """The patch removes the child resource `serviceaccounts` and the hook finalize."""
    operations: Any = load(ADMISSION / "composite.yaml")[0]
    check, child, finalize = operations
    assert COMPOSITE["childResources"][1]["resource"] == check["value"]
    assert (child["path"], finalize["path"]) == ("/spec/childResources/1", "/spec/hooks/finalize")


def test_validating_policies() -> None:
    """The patches change the variable, the validation and the condition that their tests name."""
    policy = OBJECTS["ValidatingAdmissionPolicy", "acrpull-serviceaccount-update"]["spec"]
    name, _, _, message, *_ = load(ADMISSION / "serviceaccount-update.yaml")[0]
    assert policy["variables"][13]["name"] == name["value"]  # type: ignore[index]
    assert policy["validations"][8]["message"] == message["value"]  # type: ignore[index]
    policy = OBJECTS["ValidatingAdmissionPolicy", "acrpull-serviceaccount-deletion"]["spec"]
    bound, _ = load(ADMISSION / "serviceaccount-deletion.yaml")[0]
    assert policy["matchConditions"][1]["name"] == bound["value"]  # type: ignore[index]


@pytest.mark.parametrize("folder", POLICIES)
def test_failures_block_no_user(folder: str) -> None:
    """The API server ignores a failing policy, and calls it again after other policies."""
    policy, binding = POLICIES[folder]
    assert policy["spec"]["failurePolicy"] == "Ignore"
    assert policy["spec"]["reinvocationPolicy"] == "IfNeeded"
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]


def test_names_of_secrets() -> None:
    """The policy on Pods knows the longest name of a binding without a hash, and the reasons."""
    policy, _ = POLICIES["pods"]
    (secret,) = policy["spec"]["variables"]
    longest = "a" * int(secret["expression"].partition("<= ")[2].partition(" ")[0])
    assert API.secret_name(longest) == SECRET_PREFIX + longest
    assert API.secret_name(f"{longest}a") != SECRET_PREFIX + f"{longest}a"
    (condition,) = (c for c in policy["spec"]["matchConditions"] if c["name"] == "with-a-secret")
    reasons = condition["expression"].rpartition("[")[2]
    assert {reason.strip(' "]),') for reason in reasons.split(",")} <= set(Reason)
