"""The upgrade from an earlier version as in docs/operations.md, and back, on a running cluster."""

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Final

import pytest
import yaml

from hooks.core.names import DOCKER_CONFIG_KEY, TARGET_LABEL_PREFIX
from tests.docs import commands
from tests.e2e.api import BINDING, Api, Object
from tests.e2e.conftest import given_crds, open_plane
from tests.e2e.earlier import unpack_earlier
from tests.e2e.eventually import eventually
from tests.e2e.ground import new_scene
from tests.e2e.install import BASE, Manifest, render, retarget
from tests.e2e.scene import USERS, Scene
from tests.e2e.shell import run, start
from tests.e2e.stage import Stage, open_stage
from tests.e2e.watch import watching
from tests.service import ROOT, Service

ROUNDS: Final = 6  # of changes of all bindings while both versions answer
ROUND_SECONDS: Final = 1
CHECKED_OUT: Final = ("crds", BASE)  # the folders for kubectl apply -k
SHOWN: Final = 5  # versions in the report of a failure
# The bindings with their ServiceAccounts, and the entries of each ServiceAccount, by Namespace.
BINDINGS: Final = {
    "shared": {"app": "default", "jobs": "default", "build": "build"},
    "scoped": {"reader": "default"},
    "alone": {"alone": "default"},  # named as its Namespace
}
LISTED: Final = {
    ("shared", "default"): [*USERS, "acr-pull-app", "acr-pull-jobs"],
    ("shared", "build"): ["beta", "acr-pull-build"],
    ("shared", "unbound"): ["gamma"],
    ("scoped", "default"): [*USERS, "acr-pull-reader"],
    ("alone", "default"): [*USERS, "acr-pull-alone"],
}
SCOPE: Final = "repository:app:pull"
CONDITION: Final = {"earlier": "Refreshing", "present": "RenewalHealthy"}
ISSUED: Final = {"earlier": "tokenRefreshTime", "present": "tokenIssueTime"}
# The objects of the present that the earlier version does not have: docs/operations.md.
ADDED: Final = (
    "decoratorcontrollers.metacontroller.k8s.io/acrpull-takeover",
    "serviceaccount/acrpull",
)


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """Return a folder with the earlier version."""
    return unpack_earlier(tmp_path / "earlier")


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path, earlier: Path) -> Iterator[Stage]:
    """Start the whole stage except Metacontroller, with the earlier version."""
    directory = tmp_path / "stage"
    directory.mkdir()
    with open_stage(directory, given_crds(request), root=earlier) as running:
        yield running


@pytest.mark.parametrize("mood", ["stopped", "running"])
def test_upgrade(
    stage: Stage, earlier: Path, metacontroller_binary: Path, strategy: str, mood: str
) -> None:
    """No Secret is recreated, no token is reissued, and no entry is missing at any moment.

    The mood is the state of Metacontroller during the rollout of the present version.
    """
    present = Service(stage.service.environment, root=ROOT)
    with ExitStack() as running:
        running.enter_context(stage.run_metacontroller(metacontroller_binary, strategy))
        scenes = [open_scene(stage, name) for name in BINDINGS]
        is_bound(scenes, "earlier")
        secrets = pull_secrets(stage.api)
        issued = stage.emulator.count("exchange")
        with every_version(stage.api, secrets) as broken:
            running.enter_context(present)
            replace(stage, stage.service, present, ROOT, running=mood == "running")
            is_bound(scenes, "present")
            assert not broken, "\n".join(broken[:SHOWN])
            assert labeled(stage.api) == set(secrets)
            stage.service.start()
            replace(stage, present, stage.service, earlier, running=False)
            stage.plane.kubectl("delete", "--namespace=acrpull-system", *ADDED)
            is_bound(scenes, "earlier")
            assert labeled(stage.api) == set()
            assert not broken, "\n".join(broken[:SHOWN])
        assert stage.emulator.count("exchange") == issued
        unbind_all(scenes)


def test_rollback(request: pytest.FixtureRequest, tmp_path: Path, earlier: Path) -> None:
    """The commands print the objects that the earlier version does not have, or only an error."""
    folder = tmp_path / "checkout"
    listing, comparison = (
        block.text.replace("install/", "metacontroller/") for block in commands("rollback")
    )

    def check_out(root: Path) -> None:
        for part in CHECKED_OUT:
            shutil.rmtree(folder / part, ignore_errors=True)
            shutil.copytree(root / part, folder / part)

    with open_plane(request, tmp_path) as plane:
        then, now = (names(render(plane, BASE, root)) for root in (earlier, ROOT))
        check_out(ROOT)
        plane.kubectl("apply", "-k", str(folder / BASE))
        assert not run(plane, folder, listing)
        check_out(earlier)
        plane.kubectl("apply", "-k", str(folder / BASE))
        printed = run(plane, folder, comparison).splitlines()
        (folder / BASE / "kustomization.yaml").unlink()
        with start(plane, folder, comparison) as process:
            failed = process.communicate()[0].splitlines()
        assert process.returncode
    assert printed
    assert {kind_and_name(line) for line in printed} == now - then
    assert {kind_and_name(line) for line in failed} & now == set()


def names(manifests: list[Manifest]) -> set[tuple[str, str]]:
    """Return kind and name of each of *manifests*."""
    return {(m["kind"].lower(), m["metadata"]["name"]) for m in manifests}


def kind_and_name(line: str) -> tuple[str, str]:
    """Return kind and name from a *line* of `kubectl get -o name`, as of kind.group/name."""
    resource, _, name = line.partition("/")
    return resource.partition(".")[0], name


def open_scene(stage: Stage, name: str) -> Scene:
    """Open the Namespace *name* with its ServiceAccounts and bindings."""
    scene = new_scene(stage, name)
    if name == "shared":
        scene.make_account("build", "beta")
        scene.make_account("unbound", "gamma")
    for made, account in BINDINGS[name].items():
        scene.bind(made, account, **({"scope": SCOPE} if name == "scoped" else {}))
    return scene


def replace(stage: Stage, before: Service, after: Service, root: Path, *, running: bool) -> None:
    """Replace the service *before* by *after*, with the manifests in *root*.

    If Metacontroller is *running*, both answer in turn for a while, as in a rollout.
    """
    manifests = [retarget(m, stage.recorder.address) for m in render(stage.plane, BASE, root)]
    assert stage.metacontroller is not None
    if not running:
        stage.metacontroller.stop()
    stage.plane.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(manifests))
    if running:
        both = cycle((before, after))
        stage.recorder.service = lambda: next(both).url
        for number in range(ROUNDS):
            change_all(stage, number)
            time.sleep(ROUND_SECONDS)
    stage.recorder.service = lambda: after.url
    before.stop()
    stage.metacontroller.stop()
    stage.metacontroller.start()


def change_all(stage: Stage, number: int) -> None:
    """Change all bindings and ServiceAccounts, so that Metacontroller calls acrpull."""
    changed = ("--all", "-A", "--overwrite", f"asked-at={number}")
    for kind in ("acrpullbindings", "serviceaccounts"):
        stage.plane.kubectl("annotate", kind, *changed)


def is_bound(scenes: list[Scene], version: str) -> None:
    """Expect bindings to be Ready with the status of *version*, and all entries."""

    def check() -> None:
        for scene in scenes:
            for name in BINDINGS[scene.name]:
                status = scene.binding(name).get("status", {})
                kinds = {condition["type"] for condition in status.get("conditions", ())}
                assert kinds & set(CONDITION.values()) == {CONDITION[version]}, status
                assert status.keys() & set(ISSUED.values()) == {ISSUED[version]}, status

    eventually(check)
    for scene in scenes:
        scene.ready(*BINDINGS[scene.name])
    by_name = {scene.name: scene for scene in scenes}
    for (namespace, account), entries in LISTED.items():
        by_name[namespace].listed(account, *entries)


def pull_secrets(api: Api) -> dict[tuple[str, str], Object]:
    """Return the Secrets of all bindings, by Namespace and name."""
    found = [secret for name in BINDINGS for secret in api.list("Secret", name)]
    secrets = {(s["metadata"]["namespace"], s["metadata"]["name"]): s for s in found}
    assert len(secrets) == sum(map(len, BINDINGS.values()))
    return secrets


def labeled(api: Api) -> set[tuple[str, str]]:
    """Return the Secrets with a label for a ServiceAccount."""
    return {
        key
        for key, secret in pull_secrets(api).items()
        if any(label.startswith(TARGET_LABEL_PREFIX) for label in secret["metadata"]["labels"])
    }


@contextmanager
def every_version(api: Api, secrets: dict[tuple[str, str], Object]) -> Iterator[list[str]]:
    """Watch ServiceAccounts and Secrets; yield a list of the versions that must not exist."""
    broken: list[str] = []
    uids = {
        (namespace, name): api.get("ServiceAccount", namespace, name)["metadata"]["uid"]
        for namespace, name in LISTED
    }

    def note_account(event: str, account: Object) -> None:
        meta = account["metadata"]
        key = (meta["namespace"], meta["name"])
        if key not in LISTED:
            return
        entries = {entry.get("name") for entry in account.get("imagePullSecrets", [])}
        if event == "DELETED" or meta["uid"] != uids[key] or not set(LISTED[key]) <= entries:
            broken.append(f"{event} {key} lists {entries}: {meta}")

    def note_secret(event: str, secret: Object) -> None:
        meta = secret["metadata"]
        known = secrets.get((meta["namespace"], meta["name"]))
        if known is None:
            return
        same = secret["data"][DOCKER_CONFIG_KEY] == known["data"][DOCKER_CONFIG_KEY]
        if event == "DELETED" or meta["uid"] != known["metadata"]["uid"] or not same:
            broken.append(f"{event} Secret {meta['namespace']}/{meta['name']}, same token: {same}")

    with (
        watching(api, "ServiceAccount", note_account) as accounts_ended,
        watching(api, "Secret", note_secret) as secrets_ended,
    ):
        yield broken
        assert not accounts_ended.is_set(), "the watch has ended"
        assert not secrets_ended.is_set(), "the watch has ended"


def unbind_all(scenes: list[Scene]) -> None:
    """Delete all bindings, and expect the ServiceAccounts as their users made them."""
    for scene in scenes:
        for name in BINDINGS[scene.name]:
            scene.unbind(name)
        for name in BINDINGS[scene.name]:
            scene.gone(BINDING, name)
        scene.released("default", *USERS)
        assert not scene.lost()
