"""What a binding costs the API server, and how long many of them take."""

import time
from collections import Counter
from contextlib import ExitStack

import pytest

from tests.e2e.audit import requests
from tests.e2e.conftest import METACONTROLLER_USER
from tests.e2e.eventually import eventually
from tests.e2e.ground import Ground
from tests.e2e.killer import Killer
from tests.e2e.scene import Scene
from tests.e2e.stage import Stage
from tests.e2e.test_rest import await_quiet

# One more than what was seen most often: a 409 comes by chance.
MOST = {"dynamic-apply": 17, "server-side-apply": 16}
NAMESPACES = 10


def requests_since(stage: Stage, size: int) -> Counter[str]:
    """Return Metacontroller's requests in the audit log past its first *size* bytes, by verb."""
    found: Counter[str] = Counter()
    for request in requests(stage.plane.audit_log, size):
        if request.user == METACONTROLLER_USER:
            failed = f" {request.status}" if request.status >= 400 else ""
            found[f"{request.verb} {request.resource}{failed}"] += 1
    return found


def test_requests_of_a_binding(
    stage: Stage, calm_scene: Scene, strategy: str, tally: Counter[str]
) -> None:
    """They are few; each is told in the summary."""
    await_quiet(stage)
    size = stage.plane.audit_log.stat().st_size
    calm_scene.bind("app")
    calm_scene.ready("app")
    await_quiet(stage)
    found = requests_since(stage, size)
    told = ", ".join(f"{verb} {number}" for verb, number in sorted(found.items()))
    tally[f"API requests per new binding, {strategy} ({told})"] = found.total()
    assert 0 < found.total() <= MOST[strategy]


@pytest.mark.parametrize("many", [10, 100])
def test_many(
    stage: Stage, ground: Ground, calm: Killer, strategy: str, many: int, tally: Counter[str]
) -> None:
    """So many bindings in ten Namespaces are all attached and Ready."""
    with ExitStack() as opened:
        scenes = [opened.enter_context(ground.play(calm)) for _ in range(NAMESPACES)]
        await_quiet(stage)
        start = time.monotonic()
        for number in range(many // NAMESPACES):
            for scene in scenes:
                scene.bind(f"app-{number}")

        def check() -> None:
            found = [b for scene in scenes for b in stage.api.list("ACRPullBinding", scene.name)]
            conditions = [c for b in found for c in b.get("status", {}).get("conditions", [])]
            assert sum((c["type"], c["status"]) == ("Ready", "True") for c in conditions) == many

        eventually(check, seconds=120)
        seconds = time.monotonic() - start
        tally[f"ms until {many} bindings are attached, {strategy}"] = int(seconds * 1000)
