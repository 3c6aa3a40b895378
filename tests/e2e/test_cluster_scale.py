"""What a ClusterACRPullBinding for 200 Namespaces costs, with tuned and with default flags."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from hooks.core.names import CLUSTER_KIND
from tests.e2e.api import Api
from tests.e2e.conftest import ATTACHMENTS, METACONTROLLER_USER, given_crds
from tests.e2e.eventually import eventually
from tests.e2e.fleet_scene import cluster_binding, no_binding
from tests.e2e.load import WRITERS, Delays, listings, measured
from tests.e2e.metacontroller import FLAGS
from tests.e2e.stage import Stage, open_stage
from tests.model import namespace

NAMESPACES: Final = 200
# 3,000 requests at 5 a second, Metacontroller's default, in the mode `adoption`.
MOST_SECONDS: Final = {"tuned": 120, "default": 900}


@pytest.fixture(scope="module")
def fleet_stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start everything except Metacontroller, with no other Namespaces."""
    overlay = ATTACHMENTS[request.config.getoption("--attachment")]
    directory = tmp_path_factory.mktemp("fleet")
    with open_stage(directory, given_crds(request), overlay) as running:
        yield running


@pytest.mark.parametrize("name", ["tuned", "default"])
def test_two_hundred_namespaces(
    fleet_stage: Stage, metacontroller_binary: Path, name: str, figures: list[str]
) -> None:
    """All Namespaces get the binding, and after the deletion all ServiceAccounts are released."""
    api, seconds = fleet_stage.api, MOST_SECONDS[name]
    spaces = make_namespaces(api, name)
    stage = replace(fleet_stage, flags=FLAGS if name == "tuned" else ())
    spec = {"acrServer": stage.emulator.acr_server, "managedIdentityClientID": str(uuid4())}
    with stage.run_metacontroller(metacontroller_binary, "dynamic-apply"):
        with measured(stage, METACONTROLLER_USER) as cost, listings(api) as seen:
            start, first = time.monotonic(), len(stage.recorder.exchanges)
            api.create(cluster_binding(name, name, spec))
            eventually(partial(ready, api, name), seconds)
            each = [seen[space, "default"] - start for space in spaces]
            took = Delays(time.monotonic() - start, each)
        calls = [e for e in stage.recorder.exchanges[first:] if e.path == "/clusterbinding/sync"]
        size = max(len(json.dumps(call.request, separators=(",", ":"))) for call in calls)
        figures.append(
            f"{NAMESPACES} Namespaces, {name} flags: Ready in {took.total:.1f} s, {took.told()}; "
            f"{len(calls)} calls of /clusterbinding/sync, the largest {size / 1024:.0f} KiB"
        )
        figures.append(f"    each: {cost.told(NAMESPACES)}")
        start = time.monotonic()
        api.delete(CLUSTER_KIND, "", name)
        eventually(partial(released, api, name, spaces), seconds)
        figures.append(f"    deleted and released in {time.monotonic() - start:.1f} s")


def make_namespaces(api: Api, label: str) -> list[str]:
    """Create the Namespaces with *label*; return their names once each has a ServiceAccount."""
    spaces = [f"{label}-{number}" for number in range(NAMESPACES)]

    def make(space: str) -> None:
        made = namespace(space)
        made["metadata"]["labels"] = {label: "on"}
        api.create(made)

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(make, spaces))

    def check() -> None:
        found = {account["metadata"]["namespace"] for account in api.list("ServiceAccount")}
        assert found >= set(spaces)

    eventually(check)
    return spaces


def ready(api: Api, name: str) -> None:
    """Expect the ClusterACRPullBinding *name* to be Ready in all Namespaces."""
    status = api.get(CLUSTER_KIND, "", name)["status"]
    assert status.get("ready") == NAMESPACES, status
    assert status["conditions"][0]["status"] == "True"


def released(api: Api, name: str, spaces: list[str]) -> None:
    """Expect no binding, and no entry of acrpull in the *spaces*."""
    no_binding(api, name)
    listing = {
        account["metadata"]["namespace"]
        for account in api.list("ServiceAccount")
        if account.get("imagePullSecrets")
    }
    assert not listing & set(spaces)
