"""Metacontroller may change on a bound ServiceAccount what is acrpull's, and nothing else."""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from hooks.core.names import ATTACHED_ANNOTATION, LAST_APPLIED_ANNOTATION, UID_LABEL
from hooks.core.names import PULL_SECRETS_ANNOTATION as WANTED
from tests.e2e.api import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, Api, ApiError, Object, path_of
from tests.e2e.conftest import METACONTROLLER_USER
from tests.e2e.control_plane import ControlPlane
from tests.e2e.eventually import eventually
from tests.e2e.stage import Stage
from tests.merge_patch import patched
from tests.model import namespace
from tests.service import ROOT

NUMBERS = count(1)
BOUND: Object = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {
        "labels": {"mine": "1", UID_LABEL: "a"},
        "annotations": {"mine": "1", WANTED: "acr-pull-app", ATTACHED_ANNOTATION: "acr-pull-app"},
        "finalizers": ["example.com/mine"],
    },
    "imagePullSecrets": [{"name": "zeta"}, {"name": "acr-pull-app"}, {"name": "alpha"}],
    "secrets": [{"name": "mine"}],
    "automountServiceAccountToken": False,
}
OWNER = {"apiVersion": "acrpull.dev/v1beta1", "kind": "ACRPullBinding", "name": "app", "uid": "a"}
FOREIGN = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "d"}
NAMESAKE = {"apiVersion": "example.com/v1", "kind": "Namespace", "name": "d", "uid": "d"}


def listing(*names: str) -> list[dict[str, str]]:
    """Return a list of pull Secrets."""
    return [{"name": name} for name in names]


def owner_of(name: str, uid: str) -> Object:
    """Return an owner reference to a Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "name": name, "uid": uid}


ALLOWED: dict[str, Object] = {
    "label": {"metadata": {"labels": {UID_LABEL: "b"}}},
    "label off": {"metadata": {"labels": {UID_LABEL: None}}},
    "owner": {"metadata": {"ownerReferences": [OWNER]}},
    "wanted off": {"metadata": {"annotations": {WANTED: None}}},
    "last applied": {"metadata": {"annotations": {LAST_APPLIED_ANNOTATION: "{}"}}},
    "entry off": {"imagePullSecrets": listing("zeta", "alpha")},
    "entry moved": {"imagePullSecrets": listing("zeta", "alpha", "acr-pull-app")},
    "entry on": {
        "metadata": {"annotations": {ATTACHED_ANNOTATION: "acr-pull-app,acr-pull-jobs"}},
        "imagePullSecrets": listing("zeta", "acr-pull-app", "alpha", "acr-pull-jobs"),
    },
    "entry of msi-acrpull on": {
        "metadata": {"annotations": {ATTACHED_ANNOTATION: "acr-pull-app,app-msi-acrpull-secret"}},
        "imagePullSecrets": listing("zeta", "acr-pull-app", "alpha", "app-msi-acrpull-secret"),
    },
    "entry off with its name": {
        "metadata": {"annotations": {ATTACHED_ANNOTATION: ""}},
        "imagePullSecrets": listing("zeta", "alpha"),
    },
    "release": {
        "metadata": {
            "labels": {UID_LABEL: None},
            "annotations": {WANTED: None, ATTACHED_ANNOTATION: None},
        },
        "imagePullSecrets": listing("zeta", "alpha"),
    },
}
FORBIDDEN: dict[str, Object] = {
    "label": {"metadata": {"labels": {"mine": "2"}}},
    "label on": {"metadata": {"labels": {"other": "1"}}},
    "label off": {"metadata": {"labels": {"mine": None}}},
    "annotation": {"metadata": {"annotations": {"mine": "2"}}},
    "annotation on": {"metadata": {"annotations": {"other": "1"}}},
    "annotation off": {"metadata": {"annotations": {"mine": None}}},
    "finalizers": {"metadata": {"finalizers": []}},
    "owner references": {"metadata": {"ownerReferences": [FOREIGN]}},
    "owner references, another Namespace": {"metadata": {"ownerReferences": [NAMESAKE]}},
    "secrets": {"secrets": []},
    "automountServiceAccountToken": {"automountServiceAccountToken": None},
    "imagePullSecrets off": {"imagePullSecrets": listing("acr-pull-app", "alpha")},
    "imagePullSecrets cleared": {"imagePullSecrets": None},
    "imagePullSecrets on": {"imagePullSecrets": listing("zeta", "acr-pull-app", "alpha", "x")},
    "imagePullSecrets repeated": {
        "imagePullSecrets": listing("zeta", "zeta", "acr-pull-app", "alpha")
    },
    "imagePullSecrets order": {"imagePullSecrets": listing("alpha", "acr-pull-app", "zeta")},
}
# Changes of what is acrpull's, after which acrpull or the garbage collector would destroy what is
# the user's: the message of the rejection, and the patch.
ATTACKS: dict[str, tuple[str, Object]] = {
    "all entries claimed and removed": (
        "may contain only names that acrpull gives to Secrets",
        {
            "metadata": {"annotations": {ATTACHED_ANNOTATION: "zeta,alpha,acr-pull-app"}},
            "imagePullSecrets": None,
        },
    ),
    "an entry claimed, to remove it next": (
        "may contain only names that acrpull gives to Secrets",
        {"metadata": {"annotations": {ATTACHED_ANNOTATION: "acr-pull-app,zeta"}}},
    ),
    "a name that contains acrpull's": (
        "may contain only names that acrpull gives to Secrets",
        {"metadata": {"annotations": {ATTACHED_ANNOTATION: "acr-pull-app,my-acr-pull-app"}}},
    ),
    "more names than the policy reads": (
        "longer than 16,384 characters. Use several ServiceAccounts.",
        {"metadata": {"annotations": {ATTACHED_ANNOTATION: ",".join(["acr-pull-app"] * 1300)}}},
    ),
    "an unmarked ServiceAccount with entries": (
        "must name acrpull's entries while imagePullSecrets has them",
        {
            "metadata": {
                "labels": {UID_LABEL: None},
                "annotations": {WANTED: None, ATTACHED_ANNOTATION: None},
                "ownerReferences": None,
            }
        },
    ),
    "an entry whose name is removed": (
        "must name acrpull's entries while imagePullSecrets has them",
        {"metadata": {"annotations": {ATTACHED_ANNOTATION: "acr-pull-jobs"}}},
    ),
    "a Namespace that does not exist, as only owner": (
        "must refer to the ServiceAccount's own Namespace",
        {"metadata": {"ownerReferences": [owner_of("gone", "gone")]}},
    ),
    "the Namespace with another uid, as only owner": (
        "must refer to the ServiceAccount's own Namespace",
        {"metadata": {"ownerReferences": [owner_of("update-policy", "gone")]}},
    ),
    "a Namespace that does not exist, with the uid of a binding": (
        "must refer to the ServiceAccount's own Namespace",
        {
            "metadata": {
                "labels": {UID_LABEL: None},
                "annotations": {WANTED: None, ATTACHED_ANNOTATION: None},
                "ownerReferences": [owner_of("gone", OWNER["uid"])],
            },
            "imagePullSecrets": listing("zeta", "alpha"),
        },
    ),
    "unmarked and changed at once": (
        "Metacontroller may change only the annotations",
        {
            "metadata": {"annotations": {WANTED: None, ATTACHED_ANNOTATION: None, "mine": "2"}},
            "imagePullSecrets": listing("zeta", "alpha"),
        },
    ),
}
# In the mode `admission`, `acrpull.dev/pull-secrets` names the entry, too, and the policy of the
# component removes references to Namespaces.
HARMLESS = {
    "an entry whose name is removed",
    "a Namespace that does not exist, with the uid of a binding",
}
VERBS = ("update", "patch", "JSON patch", "apply")


@pytest.fixture(scope="module")
def room(stage: Stage) -> Iterator[str]:
    """Return a Namespace in which the policy is in force, some moments after it was made."""
    stage.api.create(namespace("update-policy"))
    account = new_account(stage.api, "update-policy")

    def in_force() -> None:
        try:
            change(metacontroller(stage), account, FORBIDDEN["label"])
        except ApiError:
            return
        raise AssertionError("the policy is not in force")

    eventually(in_force)
    yield "update-policy"
    for found in stage.api.list("ServiceAccount", "update-policy"):
        finalizers = {"metadata": {"finalizers": None}}
        stage.api.merge("ServiceAccount", "update-policy", found["metadata"]["name"], finalizers)
    stage.api.delete("Namespace", "", "update-policy")


def metacontroller(stage: Stage) -> Api:
    """Return the API server as Metacontroller sees it."""
    return stage.api.as_user(METACONTROLLER_USER)


def new_account(api: Api, room: str, **fields: Any) -> Object:  # noqa: ANN401  any JSON
    """Make a ServiceAccount that is bound, but for *fields*."""
    meta = BOUND["metadata"] | {"name": f"account-{next(NUMBERS)}", "namespace": room}
    return api.create(BOUND | {"metadata": meta} | fields)


def change(api: Api, account: Object, patch: Object) -> None:
    """Merge *patch* into *account*, without a trace."""
    meta = account["metadata"]
    api.merge("ServiceAccount", meta["namespace"], meta["name"], patch, dryRun="All")


@pytest.fixture(scope="module")
def account(stage: Stage, room: str) -> Object:
    """Return a bound ServiceAccount; what changes it does so by dry run."""
    return new_account(stage.api, room)


@pytest.mark.parametrize("patch", ALLOWED.values(), ids=ALLOWED)
def test_allowed(stage: Stage, account: Object, patch: Object) -> None:
    """What is ours may be changed."""
    change(metacontroller(stage), account, patch)


@pytest.mark.parametrize(("what", "patch"), FORBIDDEN.items(), ids=FORBIDDEN)
def test_forbidden(stage: Stage, account: Object, what: str, patch: Object) -> None:
    """Metacontroller may not change a field of the user; the message names the field."""
    with pytest.raises(
        ApiError, match=rf"^403: .*Metacontroller may .*{what.split(maxsplit=1)[0]}"
    ):
        change(metacontroller(stage), account, patch)
    change(stage.api, account, patch)  # its user may


@pytest.fixture(scope="module")
def applied(stage: Stage, room: str) -> Object:
    """Return a bound ServiceAccount that a field manager owns, whose name anybody may give."""
    meta = BOUND["metadata"] | {"name": "applied", "namespace": room, "ownerReferences": [OWNER]}
    return stage.api.apply(BOUND | {"metadata": meta}, "user")


def attack(api: Api, verb: str, account: Object, patch: Object) -> None:
    """Merge *patch* into *account* by *verb*, without a trace.

    Apply removes what the same field manager does not name again.
    """
    changed = patched(account, patch)
    path = path_of("ServiceAccount", account["metadata"]["namespace"], account["metadata"]["name"])
    options = {"dryRun": "All"}
    if verb == "update":
        api.call("PUT", path, changed, params=options)
    elif verb == "patch":
        api.call("PATCH", path, patch, MERGE_PATCH, options)
    elif verb == "JSON patch":
        gone = [{"op": "remove", "path": f"/{key}"} for key in account.keys() - changed.keys()]
        new = [{"op": "add", "path": f"/{key}", "value": changed[key]} for key in changed]
        api.call("PATCH", path, [*gone, *new], JSON_PATCH, options)
    else:
        changed["metadata"] = {
            key: value for key, value in changed["metadata"].items() if key != "managedFields"
        }
        options |= {"fieldManager": "user", "force": "true"}
        api.call("PATCH", path, changed, APPLY_PATCH, options)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("message", "patch"),
    [
        pytest.param(*attack, id=name, marks=[pytest.mark.adoption] if name in HARMLESS else [])
        for name, attack in ATTACKS.items()
    ],
)
def test_attack(stage: Stage, applied: Object, verb: str, message: str, patch: Object) -> None:
    """Metacontroller's account can't free itself from the policy by what it writes."""
    with pytest.raises(ApiError, match=f"^403: .*{message}"):
        attack(metacontroller(stage), verb, applied, patch)
    attack(stage.api, verb, applied, patch)  # its user may, so the attack is well formed


def test_protective_owner_reference(stage: Stage, room: str) -> None:
    """The reference to the own Namespace may be added; an old wrong one may stay or be replaced."""
    stale = owner_of(room, "gone")
    meta = BOUND["metadata"] | {"name": "restored", "namespace": room, "ownerReferences": [stale]}
    restored = stage.api.create(BOUND | {"metadata": meta})
    own = owner_of(room, stage.api.get("Namespace", "", room)["metadata"]["uid"])
    for owners in ([OWNER, own], [OWNER, stale, own], [OWNER]):
        change(metacontroller(stage), restored, {"metadata": {"ownerReferences": owners}})


def test_name_that_a_user_wrote(stage: Stage, room: str) -> None:
    """A user may name any entry in `acrpull.dev/attached`; acrpull then removes the entry."""
    meta = BOUND["metadata"] | {"name": "claimed", "namespace": room}
    meta["annotations"] = meta["annotations"] | {ATTACHED_ANNOTATION: "zeta,acr-pull-app"}
    account = stage.api.create(BOUND | {"metadata": meta})
    patch = {
        "metadata": {"annotations": {ATTACHED_ANNOTATION: "acr-pull-app"}},
        "imagePullSecrets": listing("acr-pull-app", "alpha"),
    }
    change(metacontroller(stage), account, patch)


@pytest.mark.parametrize("key", [ATTACHED_ANNOTATION, WANTED])
def test_long_annotation(stage: Stage, room: str, key: str) -> None:
    """However many names a user wrote into an annotation, acrpull may shorten it."""
    meta = BOUND["metadata"] | {"name": f"long-{next(NUMBERS)}", "namespace": room}
    names = ",".join(str(number) for number in range(40_000))
    meta["annotations"] = meta["annotations"] | {key: names}
    account = stage.api.create(BOUND | {"metadata": meta})
    api = metacontroller(stage)
    change(api, account, {"metadata": {"labels": {UID_LABEL: "b"}}})
    change(api, account, {"metadata": {"annotations": {key: "acr-pull-app"}}})


@pytest.mark.parametrize(("field", "number"), [("labels", 60_000), ("annotations", 20_000)])
def test_many_keys(stage: Stage, room: str, tally: Counter[str], field: str, number: int) -> None:
    """With more than 1,000 labels or annotations, the policy compares the maps as a whole.

    Key by key, the comparison took 15 times as long as the write of a user. The summary shows both.
    """
    meta = BOUND["metadata"] | {"name": f"many-{field}", "namespace": room}
    meta[field] = meta[field] | {f"{key:x}": "" for key in range(number)}
    account = stage.api.create(BOUND | {"metadata": meta})
    entries = {"imagePullSecrets": listing("zeta", "alpha")}
    api = metacontroller(stage)
    for writer, name in ((stage.api, "a user"), (api, "Metacontroller")):
        record(tally, f"{name} with {number} {field}", writer, account, entries)
    ours = {"labels": UID_LABEL, "annotations": WANTED}[field]
    for key in ("mine", ours):
        with pytest.raises(ApiError, match=rf"403: .*more than 1,000 {field}"):
            change(api, account, {"metadata": {field: {key: "b"}}})


def test_many_owners(plane: ControlPlane, tally: Counter[str]) -> None:
    """With more than 1,000 owner references, the policy compares the lists as a whole.

    In its own control plane, because the garbage collector looks up each owner for minutes.
    """
    plane.kubectl("apply", "-f", str(ROOT / "metacontroller/serviceaccount-update.yaml"))
    user = f"--user={METACONTROLLER_USER}"
    plane.kubectl("create", "clusterrolebinding", "many", "--clusterrole=edit", user)
    api = plane.api.as_user(METACONTROLLER_USER)
    owners = [FOREIGN | {"uid": str(number)} for number in range(14_000)]
    meta = BOUND["metadata"] | {"name": "many", "namespace": "default", "ownerReferences": owners}
    account = plane.api.create(BOUND | {"metadata": meta})

    def in_force() -> None:
        with pytest.raises(ApiError, match=r"403: .*more than 1,000 owner references"):
            change(api, account, {"metadata": {"ownerReferences": [*owners, OWNER]}})

    eventually(in_force)
    entries = {"imagePullSecrets": listing("zeta", "alpha")}
    for writer, name in ((plane.api, "a user"), (api, "Metacontroller")):
        record(tally, f"{name} with {len(owners)} owners", writer, account, entries)


def record(tally: Counter[str], label: str, api: Api, account: Object, patch: Object) -> None:
    """Add the time to merge *patch* into *account*, without a trace, to the summary."""
    began = time.monotonic()
    change(api, account, patch)
    tally[f"milliseconds of a write of {label}"] = int(1000 * (time.monotonic() - began))


def test_many_bindings(stage: Stage, room: str) -> None:
    """500 bindings may share a ServiceAccount."""
    names = [f"acr-pull-app-{number}" for number in range(500)]
    meta = {"name": "shared", "namespace": room, "annotations": {WANTED: "a"}}
    account = new_account(stage.api, room, metadata=meta, imagePullSecrets=listing("zeta"))
    marked = {"metadata": {"annotations": {ATTACHED_ANNOTATION: ",".join(names)}}}
    listed = {"imagePullSecrets": listing("zeta", *names)}
    change(metacontroller(stage), account, marked | listed)


def test_a_user_is_not_concerned(stage: Stage, room: str) -> None:
    """A ServiceAccount that no binding targets is not our affair."""
    mine = new_account(stage.api, room, metadata={"name": "free", "namespace": room})
    for patch in FORBIDDEN.values():
        change(metacontroller(stage), mine, patch)


def test_many_entries(stage: Stage, room: str) -> None:
    """However long the list, our entry can be added; and the user's are the user's."""
    names = [f"registry-credential-of-team-{number}" for number in range(300)]
    account = new_account(stage.api, room, imagePullSecrets=listing(*names))
    api = metacontroller(stage)
    change(api, account, {"imagePullSecrets": listing(*names, "acr-pull-app")})
    with pytest.raises(ApiError, match="403"):
        change(api, account, {"imagePullSecrets": listing(*names[1:], "acr-pull-app")})


def test_too_many_entries(stage: Stage, room: str) -> None:
    """A list with more than 1,000 entries does not change, and the rest of acrpull's fields may."""
    names = [f"registry-credential-of-team-{number}" for number in range(20_000)]
    account = new_account(stage.api, room, imagePullSecrets=listing(*names))
    api = metacontroller(stage)
    change(api, account, {"metadata": {"labels": {UID_LABEL: "b"}}})
    with pytest.raises(ApiError, match=r"403: .*a list of more than 1,000 imagePullSecrets"):
        change(api, account, {"imagePullSecrets": listing(*names, "acr-pull-app")})


def test_nameless_entry_before_ours(stage: Stage, room: str) -> None:
    """An entry without a name is the user's also where nothing is ours yet."""
    meta = {"name": f"account-{next(NUMBERS)}", "namespace": room, "annotations": {WANTED: "a"}}
    odd = [{}, {"name": "zeta"}]
    account = new_account(stage.api, room, metadata=meta, imagePullSecrets=odd)
    with pytest.raises(ApiError, match="403"):
        change(metacontroller(stage), account, {"imagePullSecrets": odd[1:]})


def test_repeated_entry(stage: Stage, room: str) -> None:
    """dynamic-apply lists a repeated name once; one without a name stays."""
    odd = [{"name": "zeta"}, {}, {"name": "alpha"}, {"name": "zeta"}]
    account = new_account(stage.api, room, imagePullSecrets=odd)
    api = metacontroller(stage)
    change(api, account, {"imagePullSecrets": odd[:3]})
    with pytest.raises(ApiError, match="403"):
        change(api, account, {"imagePullSecrets": [odd[0], odd[2]]})
