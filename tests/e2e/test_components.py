"""metacontroller/ with each subset of its components, and some stacks on a control plane.

These tests check what kustomize builds and what the API server accepts. Other tests check what the
components do.
"""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
import yaml

from tests.e2e.components import (
    ORDER,
    Components,
    build,
    pod_of,
    write_kustomization,
)
from tests.e2e.conftest import NO_BINARY, given_crds
from tests.e2e.control_plane import BINARY, ControlPlane, kubectl
from tests.e2e.eventually import eventually
from tests.e2e.install import BASE, CONTROLLERS, ROOT, Manifest, crds_text
from tests.e2e.pod import admit, new_pod
from tests.e2e.rights import granted
from tests.e2e.subset import within

OPERATOR_CRDS: Final = BINARY.with_name("operator-crds.yaml")
POLICIES: Final = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
ACCOUNT: Final = ("acrpull-system", "acrpull")
STACKS: Final = (
    ("dedicated",),
    ("mtls", "workload-identity", "monitoring", "upstream"),
    ("mtls", "workload-identity", "monitoring", "admission", "pods", "upstream"),
    tuple(name for name in ORDER if name != "admission"),
    ORDER,
)
# Two components in a wrong order.
REJECTED: Final = (
    ("mtls", "dedicated"),
    ("admission", "dedicated"),
    ("upstream", "dedicated"),
    ("admission", "mtls"),
    ("upstream", "monitoring"),
)


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


def test_recommended(built: dict[Components, list[Manifest]]) -> None:
    """The recommended install is the install with the component `dedicated`."""
    text = kubectl(ROOT / "no-cluster", "kustomize", str(ROOT / "install"))
    assert list(yaml.safe_load_all(text)) == built["dedicated",]


def test_hooks_are_reached(built: dict[Components, list[Manifest]]) -> None:
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


def test_pods_are_complete(built: dict[Components, list[Manifest]]) -> None:
    """In each subset, each volume is mounted once, and names and numbers of ports are unique."""
    for components, manifests in built.items():
        pod = pod_of(manifests)
        containers = pod["containers"]
        mounts = [mount["name"] for c in containers for mount in c["volumeMounts"]]
        assert sorted(mounts) == sorted(volume["name"] for volume in pod["volumes"]), components
        ports = [port for c in containers for port in c["ports"]]
        for field in ("name", "containerPort"):
            assert len({port[field] for port in ports}) == len(ports), components


def test_rights_fit_the_controllers(built: dict[Components, list[Manifest]]) -> None:
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


@pytest.fixture(scope="module")
def plane(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """Start a control plane with the CRDs of others."""
    given = given_crds(request)
    if not OPERATOR_CRDS.exists():
        pytest.fail(f"{NO_BINARY} {OPERATOR_CRDS.relative_to(ROOT)}")
    with ControlPlane(tmp_path_factory.mktemp("components")) as plane:
        crds = (crds_text(given), OPERATOR_CRDS.read_text("utf-8"))
        for text in crds:
            plane.kubectl("apply", "--server-side", "-f", "-", text=text)
        plane.start_controllers()
        yield plane


def test_accepted(plane: ControlPlane, built: dict[Components, list[Manifest]]) -> None:
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


@pytest.fixture(scope="module", params=STACKS, ids="+".join)
def folder(
    request: pytest.FixtureRequest, plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Install a stack as a user's kustomization has it, without a warning; and take it away."""
    folder = tmp_path_factory.mktemp("stack")
    write_kustomization(folder, *request.param)
    plane.kubectl("apply", "-k", str(folder), "--validate=strict", "--warnings-as-errors")
    yield folder
    plane.kubectl("delete", "-k", str(folder), "--warnings-as-errors")


@pytest.fixture(scope="module")
def manifests(plane: ControlPlane, folder: Path) -> list[Manifest]:
    """Return what the stack is made of."""
    return list(yaml.safe_load_all(plane.kubectl("kustomize", str(folder))))


def test_installed(plane: ControlPlane, folder: Path, manifests: list[Manifest]) -> None:
    """All is there as it is written: no field was pruned, none was understood otherwise."""
    items = json.loads(plane.kubectl("get", "-k", str(folder), "-o=json"))["items"]
    live = {key(item): item for item in items}
    assert len(live) == len(manifests)
    for manifest in manifests:
        assert within(live[key(manifest)], manifest) == manifest


def key(manifest: Manifest) -> tuple[str, str]:
    """Return what tells objects apart in one install."""
    return manifest["kind"], manifest["metadata"]["name"]


def test_expressions_are_of_the_right_types(plane: ControlPlane, manifests: list[Manifest]) -> None:
    """The API server checked each admission policy's CEL against its kinds, and found nothing."""

    def check(name: str) -> None:
        policy = plane.api.call("GET", f"{POLICIES}/{name}")
        status = policy.get("status", {})
        assert status.get("observedGeneration") == policy["metadata"]["generation"]
        assert status.get("typeChecking") == {}

    for kind, name in map(key, manifests):
        if kind == "ValidatingAdmissionPolicy":
            eventually(partial(check, name))


def test_pod(plane: ControlPlane, manifests: list[Manifest]) -> None:
    """The Pod is admitted as it is written, where `restricted` is enforced."""
    (deployment,) = (m for m in manifests if m["kind"] == "Deployment")
    pod = new_pod(deployment)
    assert within(admit(plane.api, pod), pod) == pod
