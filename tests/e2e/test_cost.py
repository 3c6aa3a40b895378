"""What a binding costs the API server, and how long many of them take."""

import json
import time
from collections import Counter

from tests.e2e.conftest import METACONTROLLER_USER
from tests.e2e.eventually import eventually
from tests.e2e.scene import Scene
from tests.e2e.stage import Stage
from tests.e2e.test_rest import await_quiet

MANY = 100


def requests_since(stage: Stage, size: int) -> Counter[str]:
    """Return Metacontroller's requests in the audit log past its first *size* bytes, by verb."""
    found: Counter[str] = Counter()
    for line in stage.plane.audit_log.read_bytes()[size:].splitlines():
        event = json.loads(line)
        if event["user"]["username"] == METACONTROLLER_USER:
            of = event["objectRef"]
            name = "/".join(filter(None, (of["resource"], of.get("subresource"))))
            code = event["responseStatus"]["code"]
            failed = f" {code}" if code >= 400 else ""
            found[f"{event['verb']} {name}{failed}"] += 1
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
    assert 0 < found.total() <= 17


def test_many(stage: Stage, calm_scene: Scene, strategy: str, tally: Counter[str]) -> None:
    """A hundred bindings, each with a ServiceAccount of its own, are all attached and Ready."""
    names = [f"app-{number}" for number in range(MANY)]
    for name in names:
        calm_scene.make_account(name)
    await_quiet(stage)
    start = time.monotonic()
    for name in names:
        calm_scene.bind(name, name)

    def check() -> None:
        found = stage.api.list("ACRPullBinding", calm_scene.name)
        columns = [c for b in found for c in b.get("status", {}).get("conditions", [])]
        assert sum(c["type"] == "Ready" and c["status"] == "True" for c in columns) == MANY

    eventually(check, seconds=120)
    tally[f"ms until {MANY} bindings are attached, {strategy}"] = int(
        (time.monotonic() - start) * 1000
    )
