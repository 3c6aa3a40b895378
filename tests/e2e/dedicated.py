"""The stage with metacontroller/dedicated/, and the scenarios for its Metacontroller."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from hooks.core.names import SERVERS_ANNOTATION
from tests.e2e.api import BINDING, Api
from tests.e2e.conftest import given_crds
from tests.e2e.eventually import eventually
from tests.e2e.fleet_scene import FleetScene
from tests.e2e.ground import new_scene
from tests.e2e.install import render
from tests.e2e.rights import Right, asked, granted, refused
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage, open_stage

OVERLAY: Final = "metacontroller/dedicated"
ACCOUNT: Final = ("acrpull-system", "acrpull")
STRATEGIES: Final = ("dynamic-apply", "server-side-apply")
LEASE: Final = "/apis/coordination.k8s.io/v1/namespaces/acrpull-system/leases/acrpull"
FINALIZER: Final = "metacontroller.io/compositecontroller-acrpull"
# Then informers list before they watch, as with an API server that streams no lists.
LISTING: Final = "--feature-gates=WatchList=false"
LIFETIME_SECONDS: Final = 8  # of a token; renewed after half of its lifetime
SECRET: Final = "acr-pull-app"


@contextmanager
def open_dedicated(
    request: pytest.FixtureRequest, directory: Path, *server_flags: str, overlay: str = OVERLAY
) -> Iterator[Stage]:
    """Start the whole stage except Metacontroller, on a separate control plane."""
    with open_stage(directory, given_crds(request), overlay, server_flags) as running:
        yield running


def as_metacontroller(stage: Stage) -> Api:
    """Return the API server with Metacontroller's rights."""
    return Api(stage.plane.url, stage.plane.ca_file, stage.plane.token_of(*ACCOUNT))


def play_and_ask(
    stage: Stage, binary: Path, overlay: str = OVERLAY, *, admission: bool = False
) -> dict[Right, set[int]]:
    """Play in both strategies; return Metacontroller's requests, with their statuses."""
    rights = granted(render(stage.plane, overlay), ACCOUNT)

    def in_force() -> None:  # the API server learns of roles by watching them
        assert refused(stage.api, ACCOUNT, rights) == set()

    eventually(in_force)
    for strategy in STRATEGIES:
        with stage.run_metacontroller(binary, strategy):
            scene = new_scene(stage, f"dedicated-{strategy}")
            scene.admission = admission
            play(stage, scene)
        stage.api.call("DELETE", LEASE)  # it would be waited for
    found: dict[Right, set[int]] = {}
    for right, status in asked(stage.plane.audit_log, ACCOUNT):
        found.setdefault(right, set()).add(status)
    return found


def play(stage: Stage, scene: Scene) -> None:
    """Let Metacontroller do each kind of action that acrpull needs."""
    renew(stage, scene)
    if scene.admission:
        remove_finalizer(scene)
    scene.bind("jobs")
    scene.ready("jobs")
    scene.listed("default", *USERS, SECRET, "acr-pull-jobs")
    scene.make_account("build")
    scene.respec("app", serviceAccountName="build")
    scene.listed("build", SECRET)
    scene.listed("default", *USERS, "acr-pull-jobs")
    disown(scene)
    break_down(stage, scene)
    allowed = {SERVERS_ANNOTATION: ",".join(stage.emulator.acr_servers)}
    stage.api.merge("Namespace", "", scene.name, {"metadata": {"annotations": allowed}})
    scene.respec("jobs", acrServer="registry.example.com")  # denied by an annotation: no Secret
    scene.gone("Secret", "acr-pull-jobs")
    select(scene)
    for name in ("app", "jobs", "late"):
        scene.unbind(name)
        scene.gone("ACRPullBinding", name)
    scene.released("default", *USERS)
    scene.released("build")
    scene.end()


def select(scene: Scene) -> None:
    """Let a ClusterACRPullBinding create, change and delete a binding."""
    name = f"fleet-{scene.name}"
    fleet = FleetScene(scene.api, name, [scene], scene.disturb)
    fleet.create()
    fleet.select(scene)
    scene.ready(name)
    fleet.edit(spec={"template": {"metadata": {"labels": {"team": "a"}}}})

    def check() -> None:
        assert scene.binding(name)["metadata"]["labels"].get("team") == "a"

    eventually(check)
    fleet.select(scene, selected=False)
    scene.gone(BINDING, name)
    fleet.delete()


def renew(stage: Stage, scene: Scene) -> None:
    """Create a binding, and check that the token in the Secret is replaced."""
    stage.emulator.refresh_lifetime = LIFETIME_SECONDS
    scene.bind("app")
    scene.ready("app")
    before = scene.secret(SECRET)["data"]
    stage.emulator.reset()

    def check() -> None:
        assert scene.secret(SECRET)["data"] != before

    eventually(check)
    scene.ready("app")


def remove_finalizer(scene: Scene) -> None:
    """Put the finalizer of the mode `adoption` on a binding; Metacontroller removes it."""
    scene.api.merge(BINDING, scene.name, "app", {"metadata": {"finalizers": [FINALIZER]}})

    def check() -> None:
        assert "finalizers" not in scene.binding("app")["metadata"]

    eventually(check)


def disown(scene: Scene) -> None:
    """Remove the owner of a Secret; Metacontroller then adopts the Secret again."""
    scene.api.merge("Secret", scene.name, SECRET, {"metadata": {"ownerReferences": None}})

    def check() -> None:
        assert scene.secret(SECRET)["metadata"].get("ownerReferences")

    eventually(check)


def break_down(stage: Stage, scene: Scene) -> None:
    """Stop the service until an event has come twice, and create a binding meanwhile."""
    stage.service.stop()
    scene.bind("late")

    def check() -> None:
        events = stage.api.list("Event", scene.name)
        assert any(event["count"] > 1 for event in events if event["reason"] == "SyncError")

    eventually(check)
    stage.service.start()
    scene.ready("late")
