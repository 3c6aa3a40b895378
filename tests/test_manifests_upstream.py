"""metacontroller/upstream/ against the install that it is put on, and against the code."""

from typing import Any

import pytest

from hooks.core.apis import UPSTREAM
from hooks.core.apis.api import Api
from hooks.core.names import UPSTREAM_SECRET_SUFFIX
from hooks.settings.environment import Settings
from tests.test_manifests import COMPOSITE, FOLDER, OBJECTS, ROOT, load, patched

COMPONENT = FOLDER / "upstream"
(KUSTOMIZATION,) = load(COMPONENT / "kustomization.yaml")
PREFIXED = 'startsWith("acr-pull-")'
SUFFIXED = f'endsWith("{UPSTREAM_SECRET_SUFFIX}")'
POLICY = "ValidatingAdmissionPolicy"
RULES = {"msi-acrpull.microsoft.com", "acrpull.microsoft.com"}


def test_no_file_is_forgotten() -> None:
    """Each is a resource or a patch, and the CRDs come along, all of them."""
    files = {path.name for path in COMPONENT.iterdir()} - {"kustomization.yaml"}
    crds, *resources = KUSTOMIZATION["resources"]
    assert sorted((*resources, *patched(KUSTOMIZATION))) == sorted(files)
    assert crds == "../../crds/upstream"
    folder = ROOT / "crds/upstream"
    listed = load(folder / "kustomization.yaml")[0]["resources"]
    assert {path.name for path in folder.iterdir()} == {*listed, "kustomization.yaml"}


@pytest.mark.parametrize("api", UPSTREAM, ids=lambda api: api.api_version)
def test_controller(api: Api) -> None:
    """Each API has a controller, which gets all fields but the parent from the install's own."""
    group, version = api.api_version.split("/")
    (controller,) = load(COMPONENT / f"{version}.yaml")
    assert controller["metadata"]["name"] == f"acrpull-upstream-{version}"
    copied = {entry["source"]["fieldPath"] for entry in KUSTOMIZATION["replacements"]}
    assert copied == {"metadata.labels", "spec.childResources", "spec.hooks"}
    parent = {**COMPOSITE["parentResource"], "apiVersion": api.api_version}
    own = {"generateSelector": COMPOSITE["generateSelector"], "parentResource": parent}
    assert controller["spec"] == own
    assert COMPOSITE.keys() == {*own, "childResources", "hooks"}
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
    patch, _ = (p for p in KUSTOMIZATION["patches"] if p["path"] == "rbac.yaml")
    operations: Any = load(COMPONENT / "rbac.yaml")[0]
    check, *groups = operations
    assert {group["value"] for group in groups} == RULES
    assert {group["path"] for group in groups} == {"/rules/0/apiGroups/-"}
    for role in ("view", "edit"):
        (rule,) = OBJECTS["ClusterRole", f"acrpull-bindings-{role}"]["rules"]
        assert rule["resources"] == check["value"]
    assert patch["target"] == {"kind": "ClusterRole", "name": "acrpull-bindings-(view|edit)"}


def test_rights() -> None:
    """The dedicated Metacontroller has the same rights on all bindings."""
    (role,) = (
        manifest
        for manifest in load(FOLDER / "dedicated/rbac.yaml")
        if (manifest["kind"], manifest["metadata"]["name"])
        == ("ClusterRole", "acrpull-metacontroller")
    )
    ours = [n for n, rule in enumerate(role["rules"]) if rule["apiGroups"] == ["acrpull.dev"]]
    operations: Any = load(COMPONENT / "rights.yaml")[0]
    checks = {check["path"]: check["value"] for check in operations if check["op"] == "test"}
    assert checks == {f"/rules/{n}/resources": role["rules"][n]["resources"] for n in ours}
    added = [(change["path"], change["value"]) for change in operations if change["op"] == "add"]
    groups = {(f"/rules/{n}/apiGroups/-", group) for n in ours for group in RULES}
    assert set(added) == groups
    assert len(added) == len(groups)


def test_kube_state_metrics_may_read_bindings() -> None:
    """The patch of the roles of people also fits the role of kube-state-metrics."""
    _, patch = (p for p in KUSTOMIZATION["patches"] if p["path"] == "rbac.yaml")
    (role, _) = load(FOLDER / "monitoring/rbac.yaml")
    assert patch["target"] == {"kind": role["kind"], "name": role["metadata"]["name"]}
    check, *_ = load(COMPONENT / "rbac.yaml")[0]
    assert role["rules"][0]["resources"] == check["value"]  # type: ignore[index]


def test_policy_knows_the_names_of_secrets() -> None:
    """That of the dedicated Metacontroller's Secrets lets through both APIs'."""
    (policy,) = (m for m in load(FOLDER / "dedicated/secrets.yaml") if m["kind"].endswith("Policy"))
    operations: Any = load(COMPONENT / "secrets.yaml")[0]
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
