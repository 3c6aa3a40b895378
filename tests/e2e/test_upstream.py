"""Upstream's bindings beside ours, under the Metacontroller of the dedicated install."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import yaml

from hooks.core.names import BINDING_KINDS, KIND, UID_LABEL, UPSTREAM_V1BETA1, UPSTREAM_V1BETA2
from tests.core.builders import changed
from tests.e2e.api import UPSTREAM, Object
from tests.e2e.dedicated import ACCOUNT, LEASE, LISTING, OVERLAY, open_dedicated
from tests.e2e.eventually import eventually
from tests.e2e.ground import new_scene
from tests.e2e.install import ROOT, render
from tests.e2e.rights import FORBIDDEN, asked, granted, refused
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage
from tests.e2e.test_crds import columns_of, judge, refusal
from tests.e2e.test_migrating import of_kind
from tests.e2e.upstream import get_token, leave, token_in, v1beta1, v1beta2
from tests.model import namespace
from tests.test_crds import STATUS

OVERLAYS: Final = f"{OVERLAY},metacontroller/upstream"
SAMPLES: Final = sorted((ROOT / "crds/samples/upstream").iterdir())
IDENTITY: Final = "11111111-2222-3333-4444-555555555555"
CLOUD: Final = {"entraAuthorityHost": "x", "resourceManagerAudience": "x"}
FIRST: Final = "app-msi-acrpull-secret"
SECOND: Final = "acr-pull-app"


@pytest.fixture(scope="module")
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start all but Metacontroller."""
    directory = tmp_path_factory.mktemp("upstream")
    with open_dedicated(request, directory, LISTING, overlay=OVERLAYS) as stage:
        rights = granted(render(stage.plane, OVERLAYS), ACCOUNT)

        def in_force() -> None:
            assert refused(stage.api, ACCOUNT, rights) == set()

        eventually(in_force)
        yield stage


@contextmanager
def running(stage: Stage, binary: Path, strategy: str) -> Iterator[None]:
    """Run Metacontroller, which keeps its lease in the end, and would be waited for."""
    with stage.run_metacontroller(binary, strategy):
        yield
    stage.api.call("DELETE", LEASE)


def fresh(binding: Object) -> Object:
    """Return *binding* as its user writes it."""
    del binding["metadata"]["finalizers"]
    return binding


def make(stage: Stage, scene: Scene, version: str, account: str) -> None:
    """Create a binding of one of upstream's APIs."""
    about = (stage.emulator.acr_server, scene.spec["managedIdentityClientID"])
    new = {UPSTREAM_V1BETA1: v1beta1, UPSTREAM_V1BETA2: v1beta2}[version]
    stage.api.create(fresh(new(scene.name, "app", *about, account)))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_accepts(both: Stage, sample: Path) -> None:
    """A sample is stored as it is, with the default for what it leaves out; U2 among them."""
    manifest = yaml.safe_load(sample.read_text("utf-8"))
    stored = judge(both, "default", manifest)["spec"]
    if "acr" in stored:
        manifest["spec"]["acr"].setdefault("environment", "PublicCloud")
    assert stored == manifest["spec"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("acr/server", "https://x.azurecr.io", "give a DNS name"),
        ("acr/server", "x.azurecr.io:443", "give a DNS name"),
        ("acr/server", "x.azurecr.io/path", "give a DNS name"),
        # ARO-HCP@5fccdf6, where scope and server were swapped
        ("acr/server", "repository:app:pull", "give a DNS name"),
        ("acr/server", "{{ .Values.server }}", "give a DNS name"),
        ("acr/server", "x%41.azurecr.io", "give a DNS name"),
        ("acr/scope", "", "at least 1 chars"),
        ("acr/scope", None, "Required value"),
        ("acr/environment", "ArigappedCloud", "Unsupported value"),
        ("acr/environment", "AirgappedCloud", "give cloudConfig where"),
        ("acr/cloudConfig", CLOUD, "give cloudConfig where"),
        ("auth/managedIdentity", None, "give exactly one of managedIdentity"),
        ("auth/workloadIdentity", {"serviceAccountRef": "x"}, "give exactly one of managed"),
        ("auth/managedIdentity", {}, "give exactly one of clientID"),
        ("auth/managedIdentity/resourceID", "/x", "give exactly one of clientID"),
        ("auth", {"workloadIdentity": {}}, "serviceAccountRef: Required"),
        (
            "auth",
            {"workloadIdentity": {"serviceAccountRef": "x", "clientID": "y"}},
            "give clientID and tenantID",
        ),
        ("serviceAccountName", None, "Required value"),
    ],
)
def test_rejects(both: Stage, path: str, value: object, message: str) -> None:
    """What upstream documents as wrong is refused, and in words."""
    sample = next(path for path in SAMPLES if path.stem == "v1beta2-managed-identity")
    manifest = changed(yaml.safe_load(sample.read_text("utf-8")), f"spec/{path}", value)
    assert message in str(refusal(both, "default", manifest))


def test_columns(both: Stage) -> None:
    """`kubectl get` shows our columns, by upstream's short names too; wide, also the identity."""
    both.api.create(namespace("columns"))
    about = ("columns", "app", "myregistry.azurecr.io", IDENTITY, "build")
    resource = "acrpullbindings.msi-acrpull.microsoft.com"
    auth = f'{{"managedIdentity":{{"clientID":"{IDENTITY}"}}}}'
    for new, word, identity in (
        (v1beta1, resource, {"CLIENTID": IDENTITY, "RESOURCEID": ""}),
        (v1beta2, "apbs", {"IDENTITY": auth}),
    ):
        made = both.api.create(fresh(new(*about)))
        assert made["status"] == STATUS["default"]
        columns = {"SERVER": "myregistry.azurecr.io", "SERVICEACCOUNT": "build"}
        for options, expected in (((), columns), (("-o", "wide"), columns | identity)):
            printed = both.plane.kubectl("get", word, "-n", "columns", *options)
            (row,) = columns_of(printed)
            assert row.items() >= expected.items()
    found = both.plane.kubectl("get", "acrpull", "-n", "columns", "-o", "name")
    assert len(found.splitlines()) == 2
    both.api.delete("Namespace", "", "columns")


def test_side_by_side(both: Stage, metacontroller_binary: Path, strategy: str) -> None:
    """U7, U8: of three kinds on one ServiceAccount each comes and goes, and the rest stays."""
    scene = new_scene(both, f"side-{strategy}")
    first, second = (of_kind(scene, version) for version in UPSTREAM)
    with running(both, metacontroller_binary, strategy):
        scene.bind("jobs")
        scene.ready("jobs")
        make(both, scene, UPSTREAM_V1BETA1, "default")
        first.ready("app")
        make(both, scene, UPSTREAM_V1BETA2, "default")
        second.ready("app")
        scene.stays("default", *USERS, "acr-pull-jobs", FIRST, SECOND)
        scene.make_account("build", "beta")
        both.api.merge(
            UPSTREAM[UPSTREAM_V1BETA1], scene.name, "app", {"spec": {"serviceAccountName": "build"}}
        )
        scene.listed("build", "beta", FIRST)
        scene.listed("default", *USERS, "acr-pull-jobs", SECOND)
        scene.unbind("jobs")
        scene.gone(KIND, "jobs")
        scene.stays("default", *USERS, SECOND)
        for kind, secret in ((first, FIRST), (second, SECOND)):
            kind.unbind("app")
            scene.gone(kind.kind, "app")
            scene.gone("Secret", secret)
        scene.released("default", *USERS)
        scene.released("build", "beta")
        end(scene)
    check_rights(both)


@pytest.mark.parametrize("account", ["build", "default"])
def test_one_secret_name(
    both: Stage, metacontroller_binary: Path, strategy: str, account: str
) -> None:
    """Of two that want one Secret before it is there, one gets it, and the other when that goes."""
    scene = new_scene(both, f"name-{account}-{strategy}")
    theirs = of_kind(scene, UPSTREAM_V1BETA2)
    scene.make_account("build", "beta")
    scene.bind("app")
    make(both, scene, UPSTREAM_V1BETA2, account)
    with running(both, metacontroller_binary, strategy):
        winner, loser = eventually(lambda: settled(scene, theirs))
        uid = scene.secret(SECOND)["metadata"]["uid"]
        target = {scene.kind: "default", theirs.kind: account}[winner.kind]
        winner.stays(target, *{"default": USERS, "build": ["beta"]}[target], SECOND)
        assert settled(scene, theirs) == (winner, loser)
        assert scene.secret(SECOND)["metadata"]["uid"] == uid
        winner.unbind("app")
        scene.gone(winner.kind, "app")
        loser.ready("app")
        assert scene.secret(SECOND)["metadata"]["uid"] != uid
        end(scene, loser)


@pytest.mark.parametrize(
    ("version", "form"),
    [(UPSTREAM_V1BETA1, "{}-msi-acrpull-secret"), (UPSTREAM_V1BETA2, "acr-pull-{}")],
)
def test_expired_and_named_as_its_namespace(
    both: Stage, metacontroller_binary: Path, strategy: str, version: str, form: str
) -> None:
    """What upstream left is renewed also where nothing but our answer shows how to own."""
    scene = new_scene(both, f"same-{strategy}-{version.rpartition('/')[2]}")
    about = (scene.name, both.emulator.acr_server, scene.spec["managedIdentityClientID"], "default")
    new = {UPSTREAM_V1BETA1: v1beta1, UPSTREAM_V1BETA2: v1beta2}[version]
    both.emulator.access_lifetime, both.emulator.token_age = 60, 120
    token = get_token(both.emulator, about[2], "repository:app:pull")
    secret = form.format(scene.name)
    left = leave(both.api, fresh(new(scene.name, *about)), secret, about[1], token)
    both.emulator.reset()
    assert token_in(left) == token  # a token like any other, but for its end
    uid = left["metadata"]["ownerReferences"][0]["uid"]
    label = {"metadata": {"labels": {UID_LABEL: uid}}}
    both.api.merge("Secret", scene.name, secret, label)
    scene.edit("default", **label)  # so it is adopted before anything can be minted
    theirs = of_kind(scene, version)
    with running(both, metacontroller_binary, strategy):
        theirs.ready(scene.name)
        assert token_in(scene.secret(secret)) != token
        assert scene.secret(secret)["metadata"]["uid"] == left["metadata"]["uid"]
        theirs.unbind(scene.name)
        scene.gone(theirs.kind, scene.name)
        scene.released("default", *USERS)
        end(scene)


def test_secret_name_of_the_older(both: Stage, metacontroller_binary: Path, strategy: str) -> None:
    """On one ServiceAccount the later one leaves list, entry and Secret alone, also as it goes."""
    with running(both, metacontroller_binary, strategy):
        for order in (1, -1):
            scene = new_scene(both, f"older{order}-{strategy}")
            older, later = (scene, of_kind(scene, UPSTREAM_V1BETA2))[::order]
            bind(both, older)
            older.ready("app")
            secret = scene.secret(SECOND)
            for goes in (later, older):
                bind(both, later)
                later.says("app", "Ready", "False/SecretNameTaken")
                later.says("app", "TokenFresh", "False/SecretNameTaken")
                scene.stays("default", *USERS, SECOND)
                older.ready("app")
                assert scene.secret(SECOND) == secret
                goes.unbind("app")
                scene.gone(goes.kind, "app")
            later.ready("app")
            scene.stays("default", *USERS, SECOND)
            assert scene.secret(SECOND)["metadata"]["uid"] != secret["metadata"]["uid"]
            end(scene, later)


def test_secret_is_the_laters(both: Stage, metacontroller_binary: Path, strategy: str) -> None:
    """The older one, whose Secret's name was taken before it, steps back as holder of the list."""
    scene = new_scene(both, f"later-{strategy}")
    later = of_kind(scene, UPSTREAM_V1BETA2)
    scene.bind("app")
    server, client_id = both.emulator.acr_server, scene.spec["managedIdentityClientID"]
    binding = fresh(v1beta2(scene.name, "app", server, client_id, "default"))
    token = get_token(both.emulator, client_id, "repository:app:pull")
    leave(both.api, binding, SECOND, server, token)
    label = {"labels": {UID_LABEL: later.binding("app")["metadata"]["uid"]}}
    both.api.merge("Secret", scene.name, SECOND, {"metadata": label})
    with running(both, metacontroller_binary, strategy):
        later.ready("app")
        scene.says("app", "Ready", "False/SecretNameTaken")
        scene.stays("default", *USERS, SECOND)
        assert token_in(scene.secret(SECOND)) == token
        scene.unbind("app")
        scene.gone(scene.kind, "app")
        scene.stays("default", *USERS, SECOND)
        end(scene, later)


def end(scene: Scene, *left: Scene) -> None:
    """Take away what is left, while Metacontroller runs."""
    for bound in left:
        bound.unbind("app")
        scene.gone(bound.kind, "app")
    assert not scene.lost()
    scene.end()


def bind(stage: Stage, scene: Scene) -> None:
    """Bind `default` by the kind of binding that *scene* has."""
    if scene.kind == KIND:
        scene.bind("app")
    else:
        make(stage, scene, UPSTREAM_V1BETA2, "default")


def settled(*scenes: Scene) -> tuple[Scene, Scene]:
    """Return whose binding is Ready, and whose says that the name is taken."""
    found = {}
    for scene in scenes:
        conditions = scene.binding("app").get("status", {}).get("conditions", [])
        for condition in conditions:
            if condition["type"] == "Ready":
                found[condition["reason"]] = scene
    assert found.keys() == {"Ready", "SecretNameTaken"}, found.keys()
    return found["Ready"], found["SecretNameTaken"]


def check_rights(both: Stage) -> None:
    """Check that what was asked was granted, and that all that is for upstream's was asked for."""
    groups = {group for group, kind in BINDING_KINDS if kind != KIND}
    found = list(asked(both.plane.audit_log, ACCOUNT))
    assert FORBIDDEN not in {status for _, status in found}
    rights = granted(render(both.plane, OVERLAYS), ACCOUNT)
    assert {r for r in rights if r[0] in groups} == {r for r, _ in found if r[0] in groups}
