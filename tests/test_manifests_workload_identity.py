"""metacontroller/workload-identity/ against the install and the code; rendered in tests/e2e."""

import re
from typing import Any, Final

from hooks.core.exchange.service_account_token import LIFE_SECONDS
from hooks.core.names import FEDERATION_AUDIENCE
from hooks.settings.federation_settings import CREDENTIAL_DIR, FederationSettings
from tests.test_manifests import CONTAINER, FOLDER, OBJECTS, load, patched
from tests.test_manifests import POD as BASE_POD
from tests.variables import VARIABLES

COMPONENT: Final = FOLDER / "workload-identity"
(KUSTOMIZATION,) = load(COMPONENT / "kustomization.yaml")
NEW: Final = {
    (manifest["kind"], manifest["metadata"]["name"]): manifest
    for name in KUSTOMIZATION["resources"]
    for manifest in load(COMPONENT / name)
}
(DEPLOYMENT,) = load(COMPONENT / "deployment.yaml")
POD: Final = DEPLOYMENT["spec"]["template"]["spec"]
(HOOKS,) = POD["containers"]
ENV: Final = {variable["name"]: variable["value"] for variable in HOOKS["env"]}
POLICY: Final = NEW["ValidatingAdmissionPolicy", "acrpull-token-requests"]["spec"]


def test_no_file_is_forgotten() -> None:
    """Each is an object of its own, or a patch of one in the install."""
    files = {path.name for path in COMPONENT.iterdir()} - {"kustomization.yaml"}
    assert {*KUSTOMIZATION["resources"], *patched(KUSTOMIZATION)} == files
    assert ("Deployment", DEPLOYMENT["metadata"]["name"]) in OBJECTS
    assert not NEW.keys() & OBJECTS.keys()


def test_one_right() -> None:
    """The service's account may make tokens, and nothing else; it is the Pod's."""
    assert NEW["ClusterRole", "acrpull-token-requests"]["rules"] == [
        {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}
    ]
    (subject,) = NEW["ClusterRoleBinding", "acrpull-token-requests"]["subjects"]
    meta = OBJECTS["ServiceAccount", BASE_POD["serviceAccountName"]]["metadata"]
    assert (subject["name"], subject["namespace"]) == (meta["name"], meta["namespace"])
    user = f"system:serviceaccount:{meta['namespace']}:{meta['name']}"
    (condition,) = POLICY["matchConditions"]
    assert condition["expression"] == f'request.userInfo.username == "{user}"'


def test_policy_is_for_what_the_service_asks() -> None:
    """Audience and life are those in the code, and in the Pod's environment."""
    told = " ".join(rule["expression"] for rule in POLICY["validations"])
    assert re.findall(r'"(api://.*?)"', told) == [FEDERATION_AUDIENCE]
    assert f"<= {LIFE_SECONDS}" in told
    assert ENV["SERVICE_ACCOUNT_TOKEN_AUDIENCE"] == FEDERATION_AUDIENCE
    assert POLICY["failurePolicy"] == "Fail"
    binding = NEW["ValidatingAdmissionPolicyBinding", "acrpull-token-requests"]["spec"]
    assert binding == {"policyName": "acrpull-token-requests", "validationActions": ["Deny"]}


def test_settings() -> None:
    """The service reads what the Pod says, and finds its credential where it is mounted."""
    assert ENV.keys() <= set(VARIABLES)
    assert FederationSettings.from_env(ENV).workload_identity
    assert HOOKS["name"] == CONTAINER["name"]
    (mount,), (volume,) = HOOKS["volumeMounts"], POD["volumes"]
    assert mount == {"name": volume["name"], "mountPath": str(CREDENTIAL_DIR), "readOnly": True}
    token, certificate = volume["projected"]["sources"]
    assert token["serviceAccountToken"]["path"] == "token"
    assert certificate["configMap"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]


def test_way_out() -> None:
    """The network policy lets out to an API server that is not on 443, too."""
    patch: Any = load(COMPONENT / "networkpolicy.yaml")[0]
    test, replace = patch
    egress: list[Any] = OBJECTS["NetworkPolicy", "acrpull"]["spec"]["egress"]
    assert test["path"] == "/spec/egress/1/ports/0/port"
    assert egress[1]["ports"] == [{"port": test["value"], "protocol": "TCP"}]
    (port,) = egress[1]["ports"]
    assert replace["value"] == [port, {"port": 6443, "protocol": "TCP"}]
