"""Each subset of the components: what kustomize builds, Helm renders and the API server accepts."""

import json
import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
import yaml

from tests.chart.__main__ import TEMPLATES, templates
from tests.e2e.components import ORDER, Components, build, build_all, pod_of, reason_against
from tests.e2e.conftest import NO_BINARY
from tests.e2e.control_plane import BINARY, ControlPlane, kubectl
from tests.e2e.helm import by_name, components_of, template
from tests.e2e.install import BASE, CONTROLLERS, ROOT, Manifest
from tests.e2e.pod import admit, new_pod
from tests.e2e.rights import granted
from tests.e2e.subset import within

Built = dict[Components, list[Manifest]]

ACCOUNT: Final = ("acrpull-system", "acrpull")
# Two components in a wrong order.
REJECTED: Final = (
    ("mtls", "dedicated"),
    ("admission", "dedicated"),
    ("upstream", "dedicated"),
    ("admission", "mtls"),
    ("upstream", "monitoring"),
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build the install with each subset of the components; return the subsets that fit together.

    kustomize rejects each other subset with a sentence about the remedy.
    """
    if not BINARY.exists():
        pytest.fail(NO_BINARY)
    found = {}
    for components, (manifests, error) in build_all(tmp_path_factory.mktemp("subsets")).items():
        reason = reason_against(components)
        if reason:
            assert manifests == []
            assert f"/{reason} failed" in error, components
        else:
            assert error == "", components
            found[components] = manifests
    return found


def test_order() -> None:
    """The order contains each component, and is the documented order of the recommended install."""
    folders = {path.parent for path in (ROOT / BASE).rglob("*/kustomization.yaml")}
    assert {str(folder.relative_to(ROOT / BASE)) for folder in folders} == set(ORDER)
    text = (ROOT / "install/kustomization.yaml").read_text("utf-8")
    *documented, listed = re.findall(rf"\.\./{BASE}/(\S+)", text)
    assert (listed, *documented) == tuple(name for name in ORDER if name != "mtls")


@pytest.mark.parametrize(("first", "second"), REJECTED)
def test_wrong_order(tmp_path: Path, first: str, second: str) -> None:
    """Kustomize rejects two components that would not work together in this order."""
    if not BINARY.exists():
        pytest.fail(NO_BINARY)
    manifests, error = build(tmp_path / "wrong", first, second)
    assert manifests == []
    assert f"/List the component {second} before {first}. failed" in error


def test_recommended(built: Built) -> None:
    """The recommended install is the install with the component `dedicated`."""
    text = kubectl(ROOT / "no-cluster", "kustomize", str(ROOT / "install"))
    assert list(yaml.safe_load_all(text)) == built["dedicated",]


def test_hooks_are_reached(built: Built) -> None:
    """In each subset, controllers call the hooks where and how the hooks listen."""
    for components, manifests in built.items():
        hooks, *others = pod_of(manifests)["containers"]
        env = {variable["name"]: variable.get("value") for variable in hooks["env"]}
        assert len(env) == len(hooks["env"]), components
        loopback = env["BIND"].startswith("127.0.0.1:")
        keys = {"url", "timeout"}
        keys |= {"authorization"} if "HOOK_TOKEN_FILE" in env else set()
        keys |= {"caBundle", "clientTLS"} if "TLS_CERT_FILE" in env else set()
        assert loopback == bool(others) == (keys == {"url", "timeout"}), components
        services = [m for m in manifests if m["kind"] == "Service"]
        assert len(services) == (0 if loopback else 1), components
        host = env["BIND"] if loopback else "acrpull.acrpull-system.svc:8080"
        origin = ("https" if "caBundle" in keys else "http", host)
        adoption = set()
        for controller in (m for m in manifests if m["kind"] in CONTROLLERS):
            labels, spec = controller["metadata"]["labels"], controller["spec"]
            assert ("acrpull.dev/metacontroller" in labels) == loopback, components
            for hook in spec["hooks"].values():
                assert urlsplit(hook["webhook"]["url"])[:2] == origin, components
                assert hook["webhook"].keys() == keys, components
            if spec.get("parentResource", {}).get("resource") == "acrpullbindings":
                adoption.add(("finalize" in spec["hooks"], len(spec["childResources"]) == 2))
        assert adoption == {(env.get("ATTACHMENT") != "admission",) * 2}, components


def test_pods_are_complete(built: Built) -> None:
    """In each subset, each volume is mounted once, and names and numbers of ports are unique."""
    for components, manifests in built.items():
        pod = pod_of(manifests)
        containers = pod["containers"]
        mounts = [mount["name"] for c in containers for mount in c["volumeMounts"]]
        assert sorted(mounts) == sorted(volume["name"] for volume in pod["volumes"]), components
        ports = [port for c in containers for port in c["ports"]]
        for field in ("name", "containerPort"):
            assert len({port[field] for port in ports}) == len(ports), components


def test_rights_fit_the_controllers(built: Built) -> None:
    """In each subset, a dedicated Metacontroller and kube-state-metrics have rights on all APIs."""
    for components, manifests in built.items():
        groups = {
            m["spec"]["parentResource"]["apiVersion"].partition("/")[0]
            for m in manifests
            if m["kind"] == "CompositeController"
        }
        accounts = {ACCOUNT: "dedicated", ("monitoring", "kube-state-metrics"): "monitoring"}
        for account, component in accounts.items():
            rights = granted(manifests, account)
            listed = {group for group, resource, verb in rights if resource == "acrpullbindings"}
            assert listed == (groups if component in components else set()), components
        rights = granted(manifests, ACCOUNT)
        tokens = ("", "serviceaccounts/token", "create") in rights
        policies = [m["metadata"]["name"] for m in manifests if m["kind"].endswith("Policy")]
        expected = "workload-identity" in components
        assert tokens == ("acrpull-token-requests" in policies) == expected, components
        assert ("acrpull-secrets" in policies) == ("dedicated" in components), components


def test_chart_is_current(built: Built) -> None:
    """`make chart` changes nothing: the templates are those of the manifests."""
    written = {path.name: path.read_text("utf-8") for path in TEMPLATES.glob("*.yaml")}
    assert written == templates(built)


def test_chart_by_default(built: Built) -> None:
    """With the default values, Helm renders the recommended install."""
    assert by_name(template({})) == by_name(built["dedicated",])


def test_chart_with_components(built: Built) -> None:
    """With each subset of the components, Helm renders what kustomize builds."""
    for components, manifests in built.items():
        rendered = by_name(template(components_of(components)))
        assert rendered == by_name(manifests), components


def test_accepted(plane: ControlPlane, built: Built) -> None:
    """The API server accepts each object and each Pod of all subsets, without a lost field."""
    for name in ("namespace", "serviceaccount"):
        plane.kubectl("apply", "-f", str(ROOT / BASE / f"{name}.yaml"))
    texts = {json.dumps(m, sort_keys=True) for manifests in built.values() for m in manifests}
    objects = [json.loads(text) for text in sorted(texts)]
    flags = ("--dry-run=server", "--validate=strict", "--warnings-as-errors", "-o=json")
    answer = plane.kubectl("apply", "-f", "-", *flags, text=yaml.safe_dump_all(objects))
    for stored, manifest in zip(json.loads(answer)["items"], objects, strict=True):
        assert within(stored, manifest) == manifest
    for deployment in (m for m in objects if m["kind"] == "Deployment"):
        pod = new_pod(deployment)
        assert within(admit(plane.api, pod), pod) == pod
