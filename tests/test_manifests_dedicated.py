"""metacontroller/dedicated/ against the install that it is put on; rendered in tests/e2e."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.test_manifests import FOLDER, OBJECTS, load, load_all, patched

DEDICATED: Final = FOLDER / "dedicated"
(KUSTOMIZATION,) = load(DEDICATED / "kustomization.yaml")
APART: Final = {"kustomization.yaml", "owner-references"}
TARGETS: Final = patched(KUSTOMIZATION)
ADDED: Final = load_all(DEDICATED / path for path in KUSTOMIZATION["resources"])
MERGED: Final = load_all(
    DEDICATED / path for path, target in TARGETS.items() if "name" not in target
)
POD: Final = MERGED["Deployment", "acrpull"]["spec"]["template"]["spec"]
HOOKS, OWN = POD["containers"]
BASE_POD: Final = OBJECTS["Deployment", "acrpull"]["spec"]["template"]["spec"]
(BASE_HOOKS,) = BASE_POD["containers"]
FLAGS: Final = dict(
    flag.removeprefix("--").partition("=")[::2] for flag in OWN["args"]
)  # {name: value, "" if none}
CONTROLLERS: Final = [key for key in MERGED if key[0].endswith("Controller")]
ACCOUNT: Final = {"kind": "ServiceAccount", "name": "acrpull", "namespace": "acrpull-system"}
USER: Final = "system:serviceaccount:acrpull-system:acrpull"


def test_no_file_is_forgotten() -> None:
    """Each is a resource or a patch, and each patch is of an object in the install."""
    files = {path.name for path in DEDICATED.iterdir()} - APART
    assert sorted((*KUSTOMIZATION["resources"], *TARGETS)) == sorted(files)
    targets = [target for target in TARGETS.values() if "name" in target]
    assert {*MERGED, *((target["kind"], target["name"]) for target in targets)} <= set(OBJECTS)
    assert not set(ADDED) & set(OBJECTS)


@pytest.mark.parametrize("key", CONTROLLERS)
def test_hooks_are_on_loopback(key: tuple[str, str]) -> None:
    """Each hook of the install is asked on the same path, in the Pod, without a token."""
    (bind,) = (variable["value"] for variable in HOOKS["env"] if variable["name"] == "BIND")
    assert bind.startswith("127.0.0.1:")
    patched, base = MERGED[key]["spec"]["hooks"], OBJECTS[key]["spec"]["hooks"]
    assert patched.keys() == base.keys()
    for name, hook in patched.items():
        path = urlsplit(base[name]["webhook"]["url"]).path
        assert hook["webhook"] == {"url": f"http://{bind}{path}", "authorization": None}


@pytest.mark.parametrize("key", CONTROLLERS)
def test_controllers_are_selected(key: tuple[str, str]) -> None:
    """The dedicated Metacontroller selects the four controllers of acrpull, and no other."""
    label, _, value = FLAGS["target-label-selector"].partition("=")
    assert value
    assert MERGED[key]["metadata"]["labels"] == {label: value}
    assert label not in OBJECTS[key]["metadata"]["labels"]
    assert MERGED["Deployment", "acrpull"]["metadata"]["labels"] == {label: value}
    assert len(CONTROLLERS) == 4


def test_token_is_in_one_container() -> None:
    """Of the two containers, Metacontroller's alone gets a token of the API server."""
    assert BASE_POD["serviceAccountName"] == ACCOUNT["name"]
    assert BASE_POD["automountServiceAccountToken"] is False
    assert "automountServiceAccountToken" not in POD
    dropped = {"$patch": "delete"}
    assert HOOKS["volumeMounts"] == [{"mountPath": "/var/run/acrpull", **dropped}]
    for variable in ("HOOK_TOKEN_FILE", "HOOK_TOKEN_ROTATION_FILE"):
        assert {"name": variable, **dropped} in HOOKS["env"]
    gone, access = POD["volumes"]
    assert gone == {"name": "hook-token", **dropped}
    assert "serviceAccountToken" in access["projected"]["sources"][0]
    assert [mount["name"] for mount in OWN["volumeMounts"]] == [access["name"]]


def test_listeners_do_not_collide() -> None:
    """Hooks, health, Metacontroller's health and its metrics have ports and names of their own."""
    kept = [port for port in BASE_HOOKS["ports"] if port["name"] != "hooks"]
    ports = [*kept, *OWN["ports"]]
    assert len({port["name"] for port in ports}) == len(ports) == 3
    numbers = {port["name"]: str(port["containerPort"]) for port in ports}
    assert FLAGS["health-probe-bind-address"] == f":{numbers['mc-health']}"
    assert FLAGS["metrics-address"] == f":{numbers['metrics']}"
    assert len({*numbers.values(), "8080"}) == 4
    probes = [OWN[f"{kind}Probe"]["httpGet"]["port"] for kind in ("startup", "readiness")]
    assert {*probes, OWN["livenessProbe"]["httpGet"]["port"]} == {"mc-health"}


def test_network_policy() -> None:
    """Only probes come in; beside what the install lets out, so does a way to the API server."""
    patched = MERGED["NetworkPolicy", "acrpull"]["spec"]
    base = OBJECTS["NetworkPolicy", "acrpull"]["spec"]
    (rule,) = patched["ingress"]
    assert [port["port"] for port in rule["ports"]] == ["health", "mc-health"]
    names, https, imds = patched["egress"]
    *ports, api_server = https["ports"]
    assert api_server == {"port": 6443, "protocol": "TCP"}
    assert [names, {"ports": ports}, imds] == base["egress"]


def test_container_is_restricted() -> None:
    """Metacontroller gives up what the hooks do, and is a release that is named."""
    assert OWN["securityContext"] == BASE_HOOKS["securityContext"]
    for kind in ("requests", "limits"):
        assert OWN["resources"][kind].keys() == BASE_HOOKS["resources"][kind].keys()
    assert re.fullmatch(r"ghcr\.io/metacontroller/metacontroller:v4\.17\.\d+", OWN["image"])


def test_it_is_started_as_advised() -> None:
    """operations.md names the flags of Metacontroller; the dedicated Metacontroller has them."""
    page = (FOLDER.parent / "docs/operations.md").read_text("utf-8")
    advised = re.findall(r"--(client-go-qps|client-go-burst|workers)=(\d+)", page)
    assert {name for name, _ in advised} == {"client-go-qps", "client-go-burst", "workers"}
    assert set(advised) <= set(FLAGS.items())


def test_lease() -> None:
    """The replicas know each other by the lease that the Role is about."""
    create, use = ADDED["Role", "acrpull-metacontroller"]["rules"]
    assert create["verbs"] == ["create"]
    assert use["resourceNames"] == [FLAGS["leader-election-id"]]
    assert (
        ADDED["Role", "acrpull-metacontroller"]["metadata"]["namespace"]
        == (FLAGS["leader-election-namespace"])
    )
    assert FLAGS["leader-election"] == ""
    assert OBJECTS["Deployment", "acrpull"]["spec"]["replicas"] > 1


def test_rights() -> None:
    """No wildcard, no ServiceAccount made or deleted, nothing on Pods; all for one account."""
    rules = ADDED["ClusterRole", "acrpull-metacontroller"]["rules"]
    verbs = {resource: set(rule["verbs"]) for rule in rules for resource in rule["resources"]}
    assert len(verbs) == sum(len(rule["resources"]) for rule in rules)
    assert "*" not in {*verbs, *set().union(*verbs.values())}
    assert not verbs["serviceaccounts"] & {"create", "delete", "deletecollection"}
    assert not {resource for resource in verbs if resource.startswith("pods")}
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        bound = ADDED[kind, "acrpull-metacontroller"]
        assert bound["subjects"] == [ACCOUNT]
        assert ("".join(kind.rsplit("Binding")), bound["roleRef"]["name"]) in ADDED


def users(condition: dict[str, Any]) -> set[str]:
    """Return the user names in a condition of an admission policy."""
    return set(re.findall('"(.*?)"', condition["expression"]))


@pytest.mark.parametrize(
    "path",
    [path for path, target in TARGETS.items() if target.get("kind", "").endswith("Policy")],
)
def test_policies_know_the_account(path: str) -> None:
    """The list in each policy is the install's and this account; the right list is replaced."""
    target = TARGETS[path]
    conditions = OBJECTS[target["kind"], target["name"]]["spec"]["matchConditions"]
    operations: Any = load(DEDICATED / path)[0]
    name, expression = operations[:2]
    assert name["op"] == "test"
    assert name["path"] == "/spec/matchConditions/0/name"
    assert name["value"] == conditions[0]["name"]
    assert expression["op"] == "replace"
    assert expression["path"] == "/spec/matchConditions/0/expression"
    assert users({"expression": expression["value"]}) == {USER, *users(conditions[0])}


def test_update_policy_covers_all_serviceaccounts_for_this_account() -> None:
    """For other accounts the condition is the install's."""
    policy = OBJECTS["ValidatingAdmissionPolicy", "acrpull-serviceaccount-update"]["spec"]
    bound = policy["matchConditions"][1]
    operations: Any = load(DEDICATED / "serviceaccount-update.yaml")[0]
    check, replaced = operations[2:]
    assert check == {"op": "test", "path": "/spec/matchConditions/1/name", "value": bound["name"]}
    assert (replaced["op"], replaced["path"]) == ("replace", "/spec/matchConditions/1")
    own, _, others = replaced["value"]["expression"].partition(" || ")
    assert own == f'request.userInfo.username == "{USER}"'
    assert others == bound["expression"]


def test_own_policies_know_the_account() -> None:
    """So does each policy that is of this account alone."""
    apart = load(DEDICATED / "owner-references/rights.yaml")
    policies = [m for m in (*ADDED.values(), *apart) if m["kind"] == "ValidatingAdmissionPolicy"]
    assert len(policies) == 2
    for policy in policies:
        (condition,) = policy["spec"]["matchConditions"]
        assert users(condition) == {USER}
