"""metacontroller/upstream/ against the install that it is put on, and against the code."""

from typing import Any

import pytest

from hooks.core.apis import UPSTREAM
from hooks.core.apis.api import Api
from hooks.core.names import UPSTREAM_SECRET_SUFFIX
from hooks.settings.environment import Settings
from tests.test_manifests import COMPOSITE, FOLDER, OBJECTS, ROOT, load

COMPONENT = FOLDER / "upstream"
(KUSTOMIZATION,) = load(COMPONENT / "kustomization.yaml")
DEDICATED = FOLDER / "dedicated" / "upstream"
PREFIXED = 'startsWith("acr-pull-")'
SUFFIXED = f'endsWith("{UPSTREAM_SECRET_SUFFIX}")'
POLICY = "ValidatingAdmissionPolicy"
RULES = {"msi-acrpull.microsoft.com", "acrpull.microsoft.com"}


def test_no_file_is_forgotten() -> None:
    """Each is a resource or a patch, and the CRDs come along, all of them."""
    files = {path.name for path in COMPONENT.iterdir()} - {"kustomization.yaml"}
    patches = [patch["path"] for patch in KUSTOMIZATION["patches"]]
    crds, *resources = KUSTOMIZATION["resources"]
    assert sorted((*resources, *patches)) == sorted(files)
    assert crds == "../../crds/upstream"
    folder = ROOT / "crds/upstream"
    listed = load(folder / "kustomization.yaml")[0]["resources"]
    assert {path.name for path in folder.iterdir()} == {*listed, "kustomization.yaml"}


@pytest.mark.parametrize("api", UPSTREAM, ids=lambda api: api.api_version)
def test_controller(api: Api) -> None:
    """One for each API, named after its version, and but for the parent the install's own."""
    group, version = api.api_version.split("/")
    (controller,) = load(COMPONENT / f"{version}.yaml")
    assert controller["metadata"]["name"] == f"acrpull-upstream-{version}"
    assert (
        controller["metadata"]["labels"]
        == (OBJECTS["CompositeController", "acrpull"]["metadata"]["labels"])
    )
    parent = {**COMPOSITE["parentResource"], "apiVersion": api.api_version}
    assert controller["spec"] == {**COMPOSITE, "parentResource": parent}
    (crd,) = load(ROOT / f"crds/upstream/{version}.yaml")
    assert crd["spec"]["group"] == group
    assert crd["spec"]["names"]["kind"] == api.kind
    assert crd["spec"]["names"]["plural"] == api.plural == parent["resource"]


def test_setting() -> None:
    """The service is told, and without it relates our bindings alone."""
    (patch,) = load(COMPONENT / "deployment.yaml")
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    (variable,) = container["env"]
    settings = Settings.from_env({variable["name"]: variable["value"]})
    assert settings.apis[1:] == UPSTREAM
    assert [api.api_version for api in Settings.from_env({}).apis] == ["acrpull.dev/v1beta1"]


def test_roles_of_people() -> None:
    """Whoever may see or edit our bindings may do so with upstream's."""
    (patch,) = (p for p in KUSTOMIZATION["patches"] if p["path"] == "rbac.yaml")
    operations: Any = load(COMPONENT / "rbac.yaml")[0]
    check, *groups = operations
    assert {group["value"] for group in groups} == RULES
    assert {group["path"] for group in groups} == {"/rules/0/apiGroups/-"}
    for role in ("view", "edit"):
        (rule,) = OBJECTS["ClusterRole", f"acrpull-bindings-{role}"]["rules"]
        assert rule["resources"] == check["value"]
    assert patch["target"] == {"kind": "ClusterRole", "name": "acrpull-bindings-(view|edit)"}


def test_rights() -> None:
    """Its Metacontroller may do with upstream's bindings what it may with ours, and no more."""
    role, bound = load(DEDICATED / "rights.yaml")
    (base,) = (
        manifest
        for manifest in load(FOLDER / "dedicated/rbac.yaml")
        if (manifest["kind"], manifest["metadata"]["name"])
        == ("ClusterRole", "acrpull-metacontroller")
    )
    ours = [rule for rule in base["rules"] if rule["apiGroups"] == ["acrpull.dev"]]
    assert [{**rule, "apiGroups": ["acrpull.dev"]} for rule in role["rules"]] == ours
    assert all(set(rule["apiGroups"]) == RULES for rule in role["rules"])
    assert bound["roleRef"]["name"] == role["metadata"]["name"]


def test_policy_knows_the_names_of_secrets() -> None:
    """That of the dedicated Metacontroller's Secrets lets through both APIs'."""
    (policy,) = (m for m in load(FOLDER / "dedicated/secrets.yaml") if m["kind"].endswith("Policy"))
    operations: Any = load(DEDICATED / "secrets.yaml")[0]
    check, replaced = operations
    assert check["value"] == policy["spec"]["matchConditions"][0]["name"]
    before, _ = policy["spec"]["validations"]
    kind, ours = before["expression"].split(" && ")
    found, names = replaced["value"]["expression"].split(" && ")
    assert (found, names) == (
        kind,
        f"({ours} || {ours.replace(PREFIXED, SUFFIXED)})",
    )


def test_policies_have_no_parameters() -> None:
    """U10: what a policy goes by is in the policy, so nothing that is deleted disables it."""
    found: dict[str, list[Any]] = {POLICY: [], f"{POLICY}Binding": []}
    for path in FOLDER.rglob("*.yaml"):
        for document in load(path):
            if isinstance(document, dict) and document.get("kind") in found:
                found[document["kind"]].append(document)
    policies, bindings = found.values()
    names = sorted(policy["metadata"]["name"] for policy in policies)
    assert names == sorted(binding["spec"]["policyName"] for binding in bindings)
    assert {"acrpull-token-requests", "acrpull-secrets"} < set(names)
    for policy in policies:
        assert "paramKind" not in policy["spec"]
        assert policy["spec"]["failurePolicy"] == "Fail"
    for binding in bindings:
        assert "paramRef" not in binding["spec"]
        assert binding["spec"]["validationActions"] == ["Deny"]
