"""The move from upstream's controller, and back, by the commands of docs/migrating.md.

Upstream's controller does not run: what it leaves behind is written as its code writes it.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from hooks.core.account.relation import target_label
from hooks.core.names import (
    ATTACHED_ANNOTATION,
    INPUTS_ANNOTATION,
    UPSTREAM_V1BETA1,
    UPSTREAM_V1BETA2,
)
from tests.docs import commands
from tests.e2e.api import UPSTREAM, Object
from tests.e2e.conftest import given_crds
from tests.e2e.eventually import eventually
from tests.e2e.ground import new_scene
from tests.e2e.install import BASE, ROOT, render, retarget
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage, open_stage
from tests.e2e.test_docs import type_in
from tests.e2e.upstream import (
    FINALIZER,
    get_token,
    leave,
    token_in,
    v1beta1,
    v1beta2,
    watched,
)
from tests.test_crds_upstream import THEIRS
from tests.tools import require
from tests.upstream_secret import LABEL

OLD: Final = "app-msi-acrpull-secret"
NEW: Final = "acr-pull-app"
# Two bindings of one name, each of whose Secrets has a name that looks like the other kind's.
TWIN: Final = "acr-pull-twin"
OLD_TWIN: Final = f"{TWIN}-msi-acrpull-secret"
NEW_TWIN: Final = f"acr-pull-{TWIN}"
# One of an old release, whose name no label can hold, also where it is cut.
LONG: Final = f"{'a' * 62}-old"
OLD_LONG: Final = f"{LONG}-msi-acrpull-secret"
OTHERS: Final = (NEW_TWIN, OLD_LONG, OLD_TWIN)  # what the ServiceAccount `others` lists
FOREIGN: Final = "metacontroller.io/decoratorcontroller-backup"  # a finalizer of somebody else's
CRD: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/acrpullbindings."
SHORT_SECONDS: Final = 90  # the life of a token that is due after half of it


@pytest.fixture
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """Start all but Metacontroller, with the component; so nothing of ours acts yet."""
    crds = given_crds(request)
    require("jq")
    with open_stage(tmp_path, crds, "metacontroller/upstream") as stage:
        yield stage


def as_upstreams(stage: Stage) -> None:
    """Make of our CRDs what upstream's are: without our part of the status, and our columns."""
    for version in UPSTREAM:
        path = CRD + version.partition("/")[0]
        crd = stage.api.call("GET", path)
        (served,) = crd["spec"]["versions"]
        del served["additionalPrinterColumns"]
        status = served["schema"]["openAPIV3Schema"]["properties"]["status"]
        del status["default"]
        for name in status["properties"].keys() - THEIRS:
            del status["properties"][name]
        stage.api.call("PUT", path, crd)


def bring_crds(stage: Stage) -> None:
    """Install our CRDs over upstream's."""
    stage.plane.kubectl("apply", "-k", str(ROOT / "crds/upstream"))


def make_deployment(stage: Stage) -> None:
    """Stand for upstream's controller."""
    stage.plane.kubectl("create", "namespace", "acrpull")
    stage.plane.kubectl("create", "deployment", "acrpull", "-n", "acrpull", "--image=none")


def replicas(stage: Stage) -> Any:  # noqa: ANN401  any JSON
    """Return how many of upstream's controller are to run."""
    return stage.api.get("Deployment", "acrpull", "acrpull")["spec"]["replicas"]


def leave_behind(stage: Stage, scene: Scene) -> dict[str, Object]:
    """Return the Secrets that upstream has left: of v1beta1, for long, and of v1beta2, not."""
    emulator, client_id = stage.emulator, scene.spec["managedIdentityClientID"]
    server = emulator.acr_server
    first = v1beta1(scene.name, "app", server, client_id, "default")
    first["metadata"]["finalizers"].append(FOREIGN)
    second = v1beta2(scene.name, "app", server, client_id, "build")
    long = get_token(emulator, client_id, "")
    secrets = leave_others(stage, scene, long)
    emulator.access_lifetime = SHORT_SECONDS
    short = get_token(emulator, client_id, "repository:app:pull")
    secrets[OLD] = leave(stage.api, first, OLD, server, long)
    secrets[NEW] = leave(stage.api, second, NEW, server, short)
    scene.relist("default", lambda names: [OLD, *names])
    scene.make_account("build", "beta", NEW)
    emulator.reset()
    return secrets


def leave_others(stage: Stage, scene: Scene, token: str) -> dict[str, Object]:
    """Return the Secrets of bindings whose names are hard to tell apart, or to put in a label."""
    server, client_id = stage.emulator.acr_server, scene.spec["managedIdentityClientID"]
    limited = get_token(stage.emulator, client_id, "repository:app:pull")
    old, twin = (v1beta1(scene.name, name, server, client_id, "others") for name in (LONG, TWIN))
    new = v1beta2(scene.name, TWIN, server, client_id, "others")
    scene.make_account("others", *OTHERS)
    return {
        NEW_TWIN: leave(stage.api, new, NEW_TWIN, server, limited),
        OLD_LONG: leave(stage.api, old, OLD_LONG, server, token, old=True),
        OLD_TWIN: leave(stage.api, twin, OLD_TWIN, server, token),
    }


def of_kind(scene: Scene, version: str) -> Scene:
    """Return *scene* with upstream's bindings of *version*."""
    return replace(scene, kind=UPSTREAM[version])


def test_move_and_back(served: Stage, metacontroller_binary: Path, strategy: str) -> None:
    """No Secret is lost, replaced or without a token that works; no entry of anybody's moves."""
    stage = served
    as_upstreams(stage)
    make_deployment(stage)
    scene = new_scene(stage, "team-a")
    left = leave_behind(stage, scene)
    doctor, stop, label, wait, finalizer = commands("move")
    let_go, give_back, forget, start = commands("back")
    with watched(stage.api, scene.name) as watch:
        for block in (doctor, stop, label):
            type_in(stage.plane, block, stage.emulator.acr_server)
        assert replicas(stage) == 0
        bring_crds(stage)
        with stage.run_metacontroller(metacontroller_binary, strategy):
            type_in(stage.plane, wait)
            type_in(stage.plane, finalizer)
            check_moved(scene, left)
            watch.check()
            unbind(of_kind(scene, UPSTREAM_V1BETA2), NEW)
            for block in (let_go, give_back, forget):
                type_in(stage.plane, block)
            check_back(of_kind(scene, UPSTREAM_V1BETA1), left)
        type_in(stage.plane, start)
        assert replicas(stage) == 2
    assert not scene.lost()


def test_label_forgotten(served: Stage, metacontroller_binary: Path, strategy: str) -> None:
    """Installed without the label, all says so, no token is lost, and the lines mend it."""
    stage = served
    scene = new_scene(stage, "team-a")
    left = leave_behind(stage, scene)
    old, new = (of_kind(scene, version) for version in UPSTREAM)
    _, _, label, wait, _ = commands("move")
    with watched(stage.api, scene.name) as watch:
        with stage.run_metacontroller(metacontroller_binary, strategy):
            for binding in (old, new):
                binding.says("app", "Ready", "False/SecretNameTaken")
            check_lists(scene)
            type_in(stage.plane, label)
            type_in(stage.plane, wait)
            check_lists(scene)
            for name, secret in left.items():
                assert token_in(scene.secret(name)) == token_in(secret)
        watch.check()


def test_back_beside_ours(served: Stage, metacontroller_binary: Path, strategy: str) -> None:
    """Bindings of ours that share a ServiceAccount go on, whoever of the two held it."""
    stage = served
    scene = new_scene(stage, "team-a")
    scene.bind("able")  # the oldest on `default`, by its name if not by its second
    left = leave_behind(stage, scene)
    scene.bind("jobs", "build")  # where upstream's is the oldest
    _, _, label, wait, finalizer = commands("move")
    *back, _ = commands("back")
    with stage.run_metacontroller(metacontroller_binary, strategy):
        for block in (label, wait, finalizer):
            type_in(stage.plane, block)
        check_beside(scene)
        for block in back:
            type_in(stage.plane, block)
        check_beside(scene)
    leave_component(stage)
    with stage.run_metacontroller(metacontroller_binary, strategy):
        scene.respec("able", scope="repository:app:pull")
        scene.respec("jobs", scope="repository:app:pull")
        check_beside(scene)
        for name in ("able", "jobs"):
            scene.unbind(name)
            scene.gone(scene.kind, name)
        scene.released("default", OLD, *USERS)
        scene.released("build", "beta", NEW)
    check_back(of_kind(scene, UPSTREAM_V1BETA1), left)
    assert not scene.lost()


def leave_component(stage: Stage) -> None:
    """Install without the component, as a user who keeps bindings of ours."""
    manifests = [retarget(m, stage.recorder.address) for m in render(stage.plane, BASE)]
    stage.plane.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(manifests))
    stage.service.stop()
    del stage.service.environment["UPSTREAM_APIS"]
    stage.service.start()


def check_beside(scene: Scene) -> None:
    """Check that each of ours is held, listed behind all else, and Ready."""
    scene.ready("able", "jobs")
    scene.stays("default", OLD, *USERS, "acr-pull-able")
    scene.stays("build", "beta", NEW, "acr-pull-jobs")


def check_moved(scene: Scene, left: dict[str, Object]) -> None:
    """Check Secrets, lists and status, and that what is due is renewed, and nothing else."""
    old, new = (of_kind(scene, version) for version in UPSTREAM)
    for binding in (old, new):
        binding.ready("app")
        status = binding.binding("app")["status"]
        assert {"lastTokenRefreshTime", "tokenExpirationTime"} <= status.keys()
        assert "error" not in status
        assert FINALIZER not in binding.binding("app")["metadata"]["finalizers"]
    before = {name: token_in(secret) for name, secret in left.items()}
    assert {name: token_in(scene.secret(name)) for name in left} == before

    def renewed() -> None:
        assert token_in(scene.secret(NEW)) != before[NEW]

    eventually(renewed, SHORT_SECONDS)
    new.ready("app")
    for name in left.keys() - {NEW}:
        assert token_in(scene.secret(name)) == before[name]
    check_lists(scene)
    for name, secret in left.items():
        meta = scene.secret(name)["metadata"]
        assert meta["uid"] == secret["metadata"]["uid"]
        assert meta["labels"].items() >= secret["metadata"].get("labels", {}).items()
        assert INPUTS_ANNOTATION in meta["annotations"]
    assert scene.account("build")["metadata"]["annotations"][ATTACHED_ANNOTATION] == NEW


def check_lists(scene: Scene) -> None:
    """Check that no entry is lost, or elsewhere in its list."""
    scene.stays("default", OLD, *USERS)
    scene.stays("build", "beta", NEW)
    scene.stays("others", *OTHERS)


def unbind(scene: Scene, secret: str) -> None:
    """Delete a binding that was upstream's, and expect it to go with all that is its own."""
    scene.unbind("app")
    scene.gone(scene.kind, "app")
    scene.gone("Secret", secret)
    scene.released("build", "beta")


def check_back(scene: Scene, left: dict[str, Object]) -> None:
    """Check that all is as upstream's controller needs it, and stays so."""
    scene.released("default", OLD, *USERS)
    scene.released("others", *OTHERS)
    assert scene.binding("app")["metadata"]["finalizers"] == [FOREIGN]
    assert "finalizers" not in scene.binding(TWIN)["metadata"]
    labels = {OLD: {LABEL: "app"}, OLD_TWIN: {LABEL: TWIN}, NEW_TWIN: {LABEL: TWIN}, OLD_LONG: None}
    for name, expected in labels.items():
        secret, before = scene.secret(name)["metadata"], left[name]["metadata"]
        kept = {**secret.get("labels", {})}
        for account in ("default", "build", "others"):
            kept.pop(target_label(account), None)  # without a meaning for msi-acrpull
        assert kept == (expected or {})
        assert secret["uid"] == before["uid"]
        assert secret["ownerReferences"] == before["ownerReferences"]
        assert token_in(scene.secret(name)) == token_in(left[name])
