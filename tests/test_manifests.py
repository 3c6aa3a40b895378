"""What `kubectl apply -k metacontroller/` installs, against the code it is made for."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import pytest
import yaml

from hooks.budget import GRACEFUL_SECONDS
from hooks.core import names
from hooks.core.apis import APIS
from hooks.server.app import create_app
from hooks.server.probes import health_checks
from hooks.settings.environment import Settings
from hooks.version import VERSION
from tests.variables import VARIABLES

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "metacontroller"
SETTINGS: Final = Settings.from_env({})


def load(path: Path) -> list[dict[str, Any]]:
    """Return the objects in a YAML file."""
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def load_all(paths: Iterable[Path]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the objects in YAML files, by kind and name."""
    return {
        (manifest["kind"], manifest["metadata"]["name"]): manifest
        for path in paths
        for manifest in load(path)
    }


def patched(kustomization: dict[str, Any]) -> dict[str, Any]:
    """Return the files with patches in *kustomization*, by name, with their targets.

    Patches without a file reject a wrong combination of components: tests/e2e/test_subsets.py.
    """
    patches = kustomization.get("patches", ())
    return {patch["path"]: patch.get("target", {}) for patch in patches if "path" in patch}


OBJECTS: Final = load_all(
    path for path in sorted(FOLDER.glob("*.yaml")) if path.name != "kustomization.yaml"
)
COMPOSITE: Final = OBJECTS["CompositeController", "acrpull"]["spec"]
CLUSTER: Final = OBJECTS["CompositeController", "acrpull-cluster"]["spec"]
DECORATOR: Final = OBJECTS["DecoratorController", "acrpull"]["spec"]
TAKEOVER: Final = OBJECTS["DecoratorController", "acrpull-takeover"]["spec"]
DEPLOYMENT: Final = OBJECTS["Deployment", "acrpull"]["spec"]
SERVICE: Final = OBJECTS["Service", "acrpull"]["spec"]
POLICIES: Final = {
    what: OBJECTS["ValidatingAdmissionPolicy", f"acrpull-serviceaccount-{what}"]["spec"]
    for what in ("deletion", "update")
}
POD: Final = DEPLOYMENT["template"]["spec"]
(CONTAINER,) = POD["containers"]
ENV: Final = {variable["name"]: variable["value"] for variable in CONTAINER["env"]}
PORTS: Final = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
HOOKS: Final = [
    hook
    for spec in (COMPOSITE, CLUSTER, DECORATOR, TAKEOVER)
    for _, hook in sorted(spec["hooks"].items())
]


def test_kustomization_lists_every_file() -> None:
    """No file of the folder is forgotten, and the CRD comes along."""
    (kustomization,) = load(FOLDER / "kustomization.yaml")
    files = {path.name for path in FOLDER.iterdir() if path.is_file()} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files | {"../crds"}
    assert load(ROOT / "crds/kustomization.yaml")[0]["resources"] == [
        "acrpullbinding.yaml",
        "clusteracrpullbinding.yaml",
    ]


def test_version() -> None:
    """The image's tag and the label of all objects are the version of the hooks."""
    (kustomization,) = load(FOLDER / "kustomization.yaml")
    assert [image["newTag"] for image in kustomization["images"]] == [VERSION]
    pairs = {"app.kubernetes.io/version": VERSION}
    assert kustomization["labels"] == [{"pairs": pairs, "includeTemplates": True}]


def test_image_has_to_be_set() -> None:
    """Until a user names the image, its host can't exist, whatever DNS the nodes have.

    https://www.rfc-editor.org/rfc/rfc6761#section-6.4
    """
    (kustomization,) = load(FOLDER / "kustomization.yaml")
    (image,) = kustomization["images"]
    assert image["name"] == image["newName"] == CONTAINER["image"]
    assert image["name"].partition("/")[0].endswith(".invalid")


def test_no_latest() -> None:
    """No manifest names a tag that moves."""
    texts = {path: path.read_text("utf-8") for path in FOLDER.rglob("*.yaml")}
    assert [path for path, text in texts.items() if re.search(r":\s*latest\b", text)] == []


def test_pod_is_scheduled() -> None:
    """The Pod gets a Linux node, also of a system pool, and is evicted among the last."""
    assert POD["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert POD["tolerations"] == [{"key": "CriticalAddonsOnly", "operator": "Exists"}]
    assert POD["priorityClassName"] == "system-cluster-critical"
    for resources in CONTAINER["resources"].values():
        assert "ephemeral-storage" in resources


def test_pod_has_its_own_account() -> None:
    """The Pod's ServiceAccount is acrpull's, and no token of the account is mounted unasked."""
    account = OBJECTS["ServiceAccount", POD["serviceAccountName"]]
    assert account["metadata"]["namespace"] == "acrpull-system"
    assert account["automountServiceAccountToken"] is False


def not_called(*_: object) -> NoReturn:
    """Stand for what a test has no use for."""
    raise AssertionError


def test_hook_urls_are_the_routes() -> None:
    """Each hook is a route, and each route that takes a POST is a hook."""
    app = create_app(SETTINGS, not_called, not_called)
    routes = {rule.rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    urls = [hook["webhook"]["url"] for hook in HOOKS]
    assert sorted(urlsplit(url).path for url in urls) == sorted(routes)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: urlsplit(hook["webhook"]["url"]).path)
def test_hook(hook: dict[str, Any]) -> None:
    """A hook reaches the Service, with the token that the Deployment expects."""
    webhook = hook["webhook"]
    metadata = OBJECTS["Service", "acrpull"]["metadata"]
    (port,) = SERVICE["ports"]
    assert hook["version"] == "v2"
    assert urlsplit(webhook["url"]).netloc == (
        f"{metadata['name']}.{metadata['namespace']}.svc:{port['port']}"
    )
    assert re.fullmatch("[0-9]+s", webhook["timeout"])
    assert webhook["authorization"]["type"] == "Bearer"
    (volume,) = (volume["secret"] for volume in POD["volumes"] if "secret" in volume)
    assert webhook["authorization"]["secretRef"] == {
        "name": volume["secretName"],
        "namespace": OBJECTS["Deployment", "acrpull"]["metadata"]["namespace"],
        "key": Path(ENV["HOOK_TOKEN_FILE"]).name,
    }
    assert "items" not in volume  # so that a key for a rotation comes along


def test_controllers_watch_what_the_hooks_answer_about() -> None:
    """Parent, children and target are the kinds in the code, and children are updated."""
    assert COMPOSITE["generateSelector"] is True
    assert COMPOSITE["parentResource"] == {
        "apiVersion": names.API_VERSION,
        "resource": names.PLURAL,
        "ignoreStatusChanges": True,
    }
    kinds = {"secrets": names.SECRETS, "serviceaccounts": names.SERVICE_ACCOUNTS}
    children = COMPOSITE["childResources"]
    assert {kinds[child["resource"]] for child in children} == set(kinds.values())
    assert [child["apiVersion"] for child in children] == ["v1", "v1"]
    assert [child["updateStrategy"] for child in children] == [{"method": "InPlace"}] * 2
    assert CLUSTER["generateSelector"] is True
    assert CLUSTER["parentResource"] == {
        **COMPOSITE["parentResource"],
        "resource": names.CLUSTER_PLURAL,
    }
    binding = {"apiVersion": names.API_VERSION, "resource": names.PLURAL}
    assert CLUSTER["childResources"] == [{**binding, "updateStrategy": {"method": "InPlace"}}]
    assert "finalize" not in CLUSTER["hooks"]
    assert DECORATOR["resources"] == [{"apiVersion": "v1", "resource": "serviceaccounts"}]
    selected = {"matchExpressions": [{"key": names.INPUTS_ANNOTATION, "operator": "Exists"}]}
    secrets = {"apiVersion": "v1", "resource": "secrets", "annotationSelector": selected}
    assert TAKEOVER["resources"] == [{**secrets, "ignoreStatusChanges": True}]


def test_deployment_sets_what_the_service_reads() -> None:
    """Variables, ports, probes and the mounted token are those of the service."""
    assert set(ENV) <= set(VARIABLES)
    assert int(ENV["BIND"].rpartition(":")[2]) == PORTS["hooks"]
    assert int(ENV["HEALTH_BIND"].rpartition(":")[2]) == PORTS["health"]
    assert SERVICE["ports"][0]["targetPort"] == "hooks"
    probes = [CONTAINER[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")]
    assert [probe["path"] for probe in probes] == ["/readyz", "/readyz", "/healthz"]
    assert {probe["path"] for probe in probes} <= set(health_checks(SETTINGS))
    assert {probe["port"] for probe in probes} == {"health"}
    mounts = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in POD["volumes"]}
    assert ENV["HOOK_TOKEN_FILE"] == f"{mounts['hook-token']}/token"
    assert ENV["HOOK_TOKEN_ROTATION_FILE"] == f"{mounts['hook-token']}/rotation"


def test_heartbeat_needs_no_disk() -> None:
    """Gunicorn's heartbeat file is in memory."""
    mounts = {mount["mountPath"]: mount["name"] for mount in CONTAINER["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    assert volumes[mounts["/tmp"]]["emptyDir"]["medium"] == "Memory"  # noqa: S108  gunicorn's own


def test_pod_outlives_the_calls_in_flight() -> None:
    """The kubelet waits for the drain of the Service and then for gunicorn."""
    drain = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert POD["terminationGracePeriodSeconds"] > drain + GRACEFUL_SECONDS


def test_pod_is_restricted() -> None:
    """The Pod passes the `restricted` level that its namespace enforces, and a bit more.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    """
    labels = OBJECTS["Namespace", "acrpull-system"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["runAsUser"] == image_user()
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["automountServiceAccountToken"] is False
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def image_user() -> int:
    """Return the user id that the Dockerfile ends with."""
    users = re.findall(r"(?m)^USER (\d+):\1$", (ROOT / "Dockerfile").read_text("utf-8"))
    return int(users[-1])


def test_one_label_selects_the_pods() -> None:
    """Deployment, Service, disruption budget, network policy and spread mean the same Pods."""
    labels = DEPLOYMENT["template"]["metadata"]["labels"]
    selector = {"matchLabels": labels}
    assert SERVICE["selector"] == labels
    assert DEPLOYMENT["selector"] == selector
    assert OBJECTS["PodDisruptionBudget", "acrpull"]["spec"]["selector"] == selector
    assert OBJECTS["NetworkPolicy", "acrpull"]["spec"]["podSelector"] == selector
    assert [rule["labelSelector"] for rule in POD["topologySpreadConstraints"]] == [selector] * 2


def test_hooks_are_open_to_metacontroller_alone() -> None:
    """The network policy lets in the hooks' caller and probes, under the container's port names."""
    hooks, health = OBJECTS["NetworkPolicy", "acrpull"]["spec"]["ingress"]
    (caller,) = hooks["from"]
    (names,) = caller["podSelector"]["matchExpressions"]
    assert names == {
        "key": "app.kubernetes.io/name",
        "operator": "In",
        "values": ["metacontroller", "metacontroller-helm"],
    }
    assert caller["namespaceSelector"] == {
        "matchLabels": {"kubernetes.io/metadata.name": "metacontroller"}
    }
    assert [rule["ports"][0]["port"] for rule in (hooks, health)] == ["hooks", "health"]
    assert "from" not in health


def test_way_out() -> None:
    """The network policy lets out to names, registries and IMDS, and to nothing else."""
    spec = OBJECTS["NetworkPolicy", "acrpull"]["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["egress"] == [
        {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
        {"ports": [{"port": 443, "protocol": "TCP"}]},
        {
            "to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}],
            "ports": [{"port": 80, "protocol": "TCP"}],
        },
    ]


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_policy_knows_what_is_bound(policy: dict[str, Any]) -> None:
    """A policy goes by the annotations that the hooks write, and by bindings as owners."""
    _, bound = (rule["expression"] for rule in policy["matchConditions"])
    groups = {f"{group}/" for group, _ in names.BINDING_KINDS}
    assert set(re.findall(r'"(.*?)"', bound)) == {
        names.PULL_SECRETS_ANNOTATION,
        names.ATTACHED_ANNOTATION,
        *groups,
    }
    owners = [v for v in policy.get("variables", ()) if v["name"] == "otherOwners"]
    for variable in owners:
        assert groups < set(re.findall(r'"(.*?)"', variable["expression"]))


def test_policy_knows_the_names_of_secrets() -> None:
    """The policy of updates lets acrpull add each name that a binding's Secret can have."""
    (variable,) = (v for v in POLICIES["update"]["variables"] if v["name"] == "acrpullNames")
    prefixes, suffixes = (
        re.findall(rf'{method}\("(.*?)"\)', variable["expression"])
        for method in ("startsWith", "endsWith")
    )
    assert (prefixes, suffixes) == ([names.SECRET_PREFIX], [names.UPSTREAM_SECRET_SUFFIX])
    for api in APIS.values():
        for binding in ("app", "a.b", "a" * 253, "A_b"):
            name = api.secret_name(binding)
            assert name.startswith(prefixes[0]) or name.endswith(suffixes[0])


def test_policies_know_the_accounts() -> None:
    """Both concern Metacontroller; that of deletion the garbage collector too."""
    users = {
        what: set(re.findall(r'"(.*?)"', policy["matchConditions"][0]["expression"]))
        for what, policy in POLICIES.items()
    }
    assert users["update"] == {
        "system:serviceaccount:metacontroller:metacontroller",
        "system:serviceaccount:metacontroller:metacontroller-metacontroller-helm",
    }
    collector = "system:serviceaccount:kube-system:generic-garbage-collector"
    assert users["deletion"] == users["update"] | {collector}
