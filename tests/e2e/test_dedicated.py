"""metacontroller/dedicated/ with a Metacontroller: its rights are enough, and none is too many."""

import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import requests

from tests.e2e.api import Api, ApiError, path_of
from tests.e2e.control_plane import ENFORCED
from tests.e2e.dedicated import (
    ACCOUNT,
    LEASE,
    LISTING,
    OVERLAY,
    STRATEGIES,
    as_metacontroller,
    open_dedicated,
    play_and_ask,
)
from tests.e2e.eventually import eventually
from tests.e2e.ground import new_scene
from tests.e2e.install import ROOT, render
from tests.e2e.metacontroller import new_metacontroller
from tests.e2e.process import free_port
from tests.e2e.rights import FORBIDDEN, Right, asked, granted
from tests.e2e.stage import Stage

# A lease of 15 s that a standby looks at every 2 to 4.4 s: up to 24 s, and some for a slow machine.
# controller-runtime@v0.24.1:pkg/manager/internal.go, client-go@v0.36.3:tools/leaderelection
TAKEOVER_SECONDS: Final = 30


@pytest.fixture(scope="module")
def dedicated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start all but Metacontroller."""
    with open_dedicated(request, tmp_path_factory.mktemp("dedicated"), LISTING) as stage:
        yield stage


@pytest.fixture(scope="module")
def requested(dedicated: Stage, metacontroller_binary: Path) -> dict[Right, set[int]]:
    """Play in both strategies; return what Metacontroller asked for, and how it was answered."""
    return play_and_ask(dedicated, metacontroller_binary)


def test_account(dedicated: Stage) -> None:
    """The Pod's Metacontroller selects acrpull's four controllers, and no other."""
    assert dedicated.account == ACCOUNT
    (selector,) = (f.partition("=")[2] for f in dedicated.flags if f.startswith("--target-label"))
    key, value = selector.split("=")
    labels = [
        m["metadata"]["labels"].get(key)
        for m in render(dedicated.plane, OVERLAY)
        if m["apiVersion"].startswith("metacontroller.k8s.io/")
    ]
    assert labels == [value] * 4


def test_nothing_is_refused(requested: dict[Right, set[int]]) -> None:
    """It has all the rights that it needs."""
    assert [right for right, statuses in requested.items() if FORBIDDEN in statuses] == []


def test_no_right_too_many(dedicated: Stage, requested: dict[Right, set[int]]) -> None:
    """It needs all the rights that it has."""
    assert set(requested) == granted(render(dedicated.plane, OVERLAY), ACCOUNT)


def test_standby(dedicated: Stage, metacontroller_binary: Path, tally: Counter[str]) -> None:
    """When the replica that leads is killed, the other one takes over."""
    one, other = (
        dedicated.new_metacontroller(metacontroller_binary, STRATEGIES[0], name)
        for name in ("one", "other")
    )
    scene = new_scene(dedicated, "standby")
    with one:
        first = eventually(partial(leader, dedicated, ""))
        with other:
            scene.bind("app")
            scene.ready("app")
            one.kill()
            start = time.monotonic()
            scene.bind("jobs")
            eventually(partial(leader, dedicated, first), TAKEOVER_SECONDS)
            tally["ms until a standby leads"] = int((time.monotonic() - start) * 1000)
            scene.ready("jobs")
    scene.close()


def leader(stage: Stage, before: str) -> str:
    """Return who leads, once it is another than *before*."""
    holder: str = stage.api.call("GET", LEASE)["spec"]["holderIdentity"]
    assert holder != before
    return holder


def test_probes(dedicated: Stage, metacontroller_binary: Path) -> None:
    """Where the Pod's probes ask, Metacontroller answers; so it does about its metrics."""
    (deployment,) = (m for m in render(dedicated.plane, OVERLAY) if m["kind"] == "Deployment")
    containers = deployment["spec"]["template"]["spec"]["containers"]
    (container,) = (c for c in containers if c["name"] == "metacontroller")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    moved = {number: free_port() for number in ports.values()}
    flags = list(container["args"])
    for number, port in moved.items():
        flags = [
            flag.replace(f"-address=:{number}", f"-address=127.0.0.1:{port}") for flag in flags
        ]
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")]
    asks = [(ports[probe["port"]], probe["path"]) for probe in probes]
    kubeconfig = dedicated.plane.kubeconfig("probed", dedicated.plane.token_of(*ACCOUNT))
    directory = dedicated.directory / "probed"
    directory.mkdir()
    with new_metacontroller(
        metacontroller_binary, directory, kubeconfig, STRATEGIES[0], flags
    ) as process:
        for number, path in (*asks, (ports["metrics"], "/metrics")):
            url = f"http://127.0.0.1:{moved[number]}{path}"
            process.await_ready(partial(answers, url), seconds=10)


def answers(url: str) -> bool:
    """Tell whether *url* answers, and well."""
    try:
        return requests.get(url, timeout=2).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def enforced(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start the same where the API server enforces who may set owners, with what this takes."""
    with open_dedicated(request, tmp_path_factory.mktemp("enforced"), ENFORCED) as stage:
        stage.plane.kubectl("apply", "-f", str(ROOT / OVERLAY / "owner-references/rights.yaml"))
        yield stage


def test_owner_references(enforced: Stage, metacontroller_binary: Path) -> None:
    """With these rights it works there too, and yet deletes no ServiceAccount."""
    scene = new_scene(enforced, "enforced")
    with enforced.run_metacontroller(metacontroller_binary, STRATEGIES[0]):
        scene.bind("app")
        scene.ready("app")
        scene.guarded("default")
        scene.unbind("app")
        scene.gone("ACRPullBinding", "app")
        scene.released("default", "zeta", "alpha")
    statuses = {status for _, status in asked(enforced.plane.audit_log, ACCOUNT)}
    assert FORBIDDEN not in statuses
    scene.make_account("build")
    api = as_metacontroller(enforced)

    def kept() -> None:  # some moments after the policy was made
        assert "may not delete ServiceAccounts" in refusal(api, scene.name, "build")

    eventually(kept)


def refusal(api: Api, namespace: str, name: str) -> str:
    """Return why a ServiceAccount may not be deleted; "" where it may."""
    try:
        api.call("DELETE", path_of("ServiceAccount", namespace, name), {"dryRun": ["All"]})
    except ApiError as error:
        return str(error)
    return ""
