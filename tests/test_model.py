"""The model itself, under a small hook that attaches one Secret and one ServiceAccount."""

from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from tests.model import (
    Clock,
    Cluster,
    HotLoop,
    Metacontroller,
    binding,
    namespace,
    service_account,
)
from tests.model.errors import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    MetacontrollerCrashError,
    NotFoundError,
)
from tests.model.finalizer import FINALIZER
from tests.model.merge import LAST_APPLIED, updated
from tests.model.objects import Object, controller_ref, key_of
from tests.model.resources import UPSTREAM

START = datetime(2026, 1, 1, tzinfo=UTC)
STRATEGIES = ["dynamic-apply", "server-side-apply"]
BINDING = ("ACRPullBinding", "team-a", "app")
SECRET = ("Secret", "team-a", "acr-pull-app")
ACCOUNT = ("ServiceAccount", "team-a", "default")


class FakeHook:
    """Answers as a working hook would, except where `answers` holds something else.

    Attributes:
        answers: status, headers and body by path, in place of the usual
        finalized: what `/finalize` says
    """

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Mapping[str, str], Any]] = {}
        self.finalized = True

    def __call__(self, path: str, body: Object) -> tuple[int, Mapping[str, str], Any]:
        """Answer one request."""
        if path in self.answers:
            return self.answers[path]
        answer = {
            "/customize": self.customize,
            "/sync": self.sync,
            "/finalize": self.finalize,
            "/serviceaccount/customize": self.customize_account,
            "/serviceaccount/sync": self.sync_account,
        }[path](body)
        return 200, {}, answer

    def customize(self, body: Object) -> Object:
        """Relate the Namespace and all ServiceAccounts in it."""
        name = body["parent"]["metadata"]["namespace"]
        return {
            "relatedResources": [
                {"apiVersion": "v1", "resource": "namespaces", "names": [name]},
                {"apiVersion": "v1", "resource": "serviceaccounts", "namespace": name},
            ]
        }

    def customize_account(self, body: Object) -> Object:
        """Relate all bindings of the namespace."""
        name = body["parent"]["metadata"]["namespace"]
        rule = {"apiVersion": "acrpull.dev/v1beta1", "resource": "acrpullbindings"}
        return {"relatedResources": [{**rule, "namespace": name}]}

    def sync(self, body: Object) -> Object:
        """Want the Secret, every observed ServiceAccount guarded, and a resync in an hour."""
        parent = body["parent"]
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"acr-pull-{parent['metadata']['name']}"},
            "data": {"server": "cg=="},
        }
        accounts = [
            self.guarded(body, account)
            for account in body["children"]["ServiceAccount.v1"].values()
        ]
        status = {"attached": len(accounts)}
        return {"children": [secret, *accounts], "status": status, "resyncAfterSeconds": 3600}

    def guarded(self, body: Object, account: Object) -> Object:
        """Return the ServiceAccount with our Secret, our reference and its Namespace's."""
        (space,) = body["related"]["Namespace.v1"].values()
        guard = controller_ref(space) | {"controller": False, "blockOwnerDeletion": False}
        name = f"acr-pull-{body['parent']['metadata']['name']}"
        others = [entry for entry in account.get("imagePullSecrets", []) if entry["name"] != name]
        return {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {
                "name": account["metadata"]["name"],
                "ownerReferences": [controller_ref(body["parent"]), guard],
            },
            "imagePullSecrets": [*others, {"name": name}],
        }

    def finalize(self, body: Object) -> Object:
        """Keep what is observed; say whether that is all."""
        accounts = [
            self.guarded(body, account)
            for account in body["children"]["ServiceAccount.v1"].values()
        ]
        return {"children": accounts, "finalized": self.finalized}

    def sync_account(self, body: Object) -> Object:
        """Label the ServiceAccount named `default` for the first live binding, if any."""
        bindings = body["related"]["ACRPullBinding.acrpull.dev/v1beta1"].values()
        live = [b for b in bindings if "deletionTimestamp" not in b["metadata"]]
        chosen = body["object"]["metadata"]["name"] == "default" and live
        uid = live[0]["metadata"]["uid"] if chosen else None
        return {"labels": {"controller-uid": uid}, "annotations": {}}


class World:
    """One cluster with a namespace, its ServiceAccount, a hook and a Metacontroller."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - Metacontroller's own
        self.clock = Clock(START)
        self.cluster = Cluster(self.clock)
        self.hook = FakeHook()
        self.cluster.create(namespace("team-a"))
        self.cluster.create(service_account("team-a", "default", pull_secrets=["zeta"]))
        self.mc = Metacontroller(self.cluster, self.hook, **options)
        self.mc.settle()

    def bind(self) -> Object:
        """Make the binding `app`, settle, and return it."""
        self.cluster.create(binding("team-a", "app", acrServer="r.azurecr.io"))
        self.mc.settle()
        return self.cluster.read(*BINDING)

    def paths(self, since: int = 0) -> list[str]:
        """Return the paths called, from call number *since* on."""
        return [call.path for call in self.mc.calls[since:]]

    def edit_account(self, **fields: object) -> None:
        """Set top-level *fields* of the ServiceAccount, as its user."""
        self.cluster.edit(*ACCOUNT, lambda account: account.update(fields))


def pull_secrets(obj: Object | None) -> list[str]:
    """Return the names that a ServiceAccount lists."""
    assert obj is not None
    return [entry["name"] for entry in obj.get("imagePullSecrets", [])]


def owners(obj: Object | None) -> list[str]:
    """Return the kinds that own *obj*, by name."""
    assert obj is not None
    return sorted(ref["kind"] for ref in obj["metadata"].get("ownerReferences", []))


def cluster_with_namespace() -> Cluster:
    """Return a cluster with the namespace team-a and nobody at work."""
    cluster = Cluster(Clock(START))
    cluster.create(namespace("team-a"))
    return cluster


def owned_by(*refs: Object, name: str = "owned") -> Object:
    """Return a ServiceAccount with ownerReferences."""
    account = service_account("team-a", name)
    account["metadata"]["ownerReferences"] = list(refs)
    return account


# The API server


def test_spec_and_status_are_written_apart() -> None:
    """An update leaves the status, a status update the spec; only a new spec is a generation."""
    cluster = cluster_with_namespace()
    made = cluster.create(binding("team-a", "app", acrServer="a") | {"status": {"lost": True}})
    assert "status" not in made
    made = cluster.update_status(made | {"status": {"ready": True}, "spec": {}})
    spec = {"acrServer": "a", "serviceAccountName": "default"}  # the latter by the CRD
    assert (made["spec"], made["metadata"]["generation"]) == (spec, 1)
    made = cluster.update(made | {"status": {}, "spec": {"acrServer": "b"}})
    assert (made["status"], made["metadata"]["generation"]) == ({"ready": True}, 2)
    made["metadata"]["labels"] = {"a": "b"}
    assert cluster.update(made)["metadata"]["generation"] == 2


def test_an_update_of_nothing_keeps_the_version() -> None:
    """Writing what is stored, or what the server drops, is no change and no event."""
    cluster = cluster_with_namespace()
    made = cluster.create(service_account("team-a", "default"))
    assert "imagePullSecrets" not in made
    again = cluster.update(made | {"imagePullSecrets": [], "status": {"dropped": 1}})
    assert again == made


def test_a_stale_write_is_a_conflict() -> None:
    """The resourceVersion and the uid must be the stored ones."""
    cluster = cluster_with_namespace()
    made = cluster.create(service_account("team-a", "default"))
    cluster.update(made | {"automountServiceAccountToken": False})
    with pytest.raises(ConflictError):
        cluster.update(made)
    with pytest.raises(ConflictError):
        cluster.delete(*ACCOUNT, uid="another")


REFUSED = [
    (namespace("team-a"), AlreadyExistsError),
    (service_account("absent", "default"), NotFoundError),
    (owned_by({"uid": "1"}), InvalidError),
    (
        owned_by(
            *(
                {"apiVersion": "v1", "kind": "Node", "name": n, "uid": n, "controller": True}
                for n in "ab"
            )
        ),
        InvalidError,
    ),
    (
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": "team-a", "name": "s"},
            "type": "kubernetes.io/dockerconfigjson",
        },
        InvalidError,
    ),
]


@pytest.mark.parametrize(("obj", "error"), REFUSED)
def test_what_is_refused(obj: Object, error: type[Exception]) -> None:
    """A name taken, a namespace missing, a reference bare or a second controller is refused."""
    with pytest.raises(error):
        cluster_with_namespace().create(obj)


def test_the_type_of_a_secret_stays() -> None:
    """A Secret's type cannot be changed."""
    cluster = cluster_with_namespace()
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": "team-a", "name": "s"},
    }
    made = cluster.create(secret)
    with pytest.raises(InvalidError):
        cluster.update(made | {"type": "kubernetes.io/tls"})


def test_a_finalizer_holds_an_object_until_it_is_removed() -> None:
    """Deletion is a timestamp and a generation first; no finalizer may be added then."""
    cluster = cluster_with_namespace()
    app = binding("team-a", "app")
    app["metadata"]["finalizers"] = ["example.com/hold"]
    cluster.create(app)
    cluster.delete(*BINDING)
    held = cluster.read(*BINDING)
    assert held["metadata"]["generation"] == 2
    with pytest.raises(InvalidError):
        cluster.edit(*BINDING, lambda o: o["metadata"]["finalizers"].append("example.com/two"))
    cluster.edit(*BINDING, lambda o: o["metadata"].pop("finalizers"))
    assert cluster.get(*BINDING) is None


# Garbage collection


@pytest.mark.parametrize(
    ("guarded", "survives"), [(True, True), (False, False)], ids=["guarded", "unguarded"]
)
def test_garbage_collection_spares_what_a_living_owner_keeps(
    guarded: bool,
    survives: bool,
) -> None:
    """With all owners gone an object goes; with one alive it only loses the other references."""
    world = World()
    owner = world.cluster.create(service_account("team-a", "owner"))
    space = world.cluster.read("Namespace", "", "team-a")
    refs = [controller_ref(owner)]
    if guarded:
        refs.append(controller_ref(space) | {"controller": False})
    world.cluster.create(owned_by(*refs))
    world.mc.settle()
    world.cluster.delete("ServiceAccount", "team-a", "owner")
    world.mc.settle()
    left = world.cluster.get("ServiceAccount", "team-a", "owned")
    assert (left is not None) is survives
    assert left is None or owners(left) == ["Namespace"]


def test_a_reference_by_another_name_or_from_elsewhere_keeps_nothing() -> None:
    """An owner is found by name in the object's namespace, and must have the uid."""
    world = World()
    owner = world.cluster.read(*ACCOUNT)
    world.cluster.create(owned_by(controller_ref(owner) | {"name": "renamed"}))
    world.mc.settle()
    assert world.cluster.get("ServiceAccount", "team-a", "owned") is None


def test_orphaning_drops_the_references() -> None:
    """With propagation Orphan the dependents stay, without their reference."""
    world = World()
    owner = world.cluster.create(service_account("team-a", "owner"))
    world.cluster.create(owned_by(controller_ref(owner)))
    world.cluster.delete("ServiceAccount", "team-a", "owner", propagation="Orphan")
    world.mc.settle()
    assert world.cluster.get("ServiceAccount", "team-a", "owner") is None
    assert owners(world.cluster.get("ServiceAccount", "team-a", "owned")) == []


def test_foreground_deletion_waits_for_its_dependents() -> None:
    """Dependents that block go first; one that another owner keeps only loses the reference."""
    world = World()
    owner = world.cluster.create(service_account("team-a", "owner"))
    space = world.cluster.read("Namespace", "", "team-a")
    guard = controller_ref(space) | {"controller": False}
    world.cluster.create(owned_by(controller_ref(owner)))
    world.cluster.create(owned_by(controller_ref(owner), guard, name="kept"))
    world.cluster.delete("ServiceAccount", "team-a", "owner", propagation="Foreground")
    assert world.cluster.get("ServiceAccount", "team-a", "owner") is not None
    world.mc.settle()
    assert [a["metadata"]["name"] for a in world.cluster.list("ServiceAccount")] == [
        "default",
        "kept",
    ]
    assert owners(world.cluster.get("ServiceAccount", "team-a", "kept")) == ["Namespace"]


def test_a_deleted_namespace_takes_all_and_admits_nothing() -> None:
    """Its objects go, held only by their finalizers, and new ones are refused meanwhile."""
    world = World()
    world.bind()
    world.hook.finalized = False
    world.cluster.delete("Namespace", "", "team-a")
    with pytest.raises(ForbiddenError):
        world.cluster.create(service_account("team-a", "late"))
    world.mc.settle()
    assert [o["kind"] for o in world.cluster.list()] == ["ACRPullBinding", "Namespace"]
    world.hook.finalized = True
    world.mc.restart()
    world.mc.settle()
    assert world.cluster.list() == []


def test_a_deleted_namespace_is_left_alone_for_a_while() -> None:
    """With the namespace controller's true grace, nothing in it is deleted for 5 s."""
    world = World()
    world.mc.namespaces.grace = world.mc.namespaces.GRACE
    world.cluster.delete("Namespace", "", "team-a")
    world.mc.advance(4.9)
    assert [o["kind"] for o in world.cluster.list()] == ["Namespace", "ServiceAccount"]
    assert world.mc.next_due() == world.clock.now() + timedelta(seconds=0.1)
    world.mc.advance(0.1)
    assert world.cluster.list() == []


# Applying


def test_the_merge_collapses_two_owners_of_one_name() -> None:
    """Lists of objects merge by `name`, unless an entry has only a uid: then by `uid`."""
    space = {"apiVersion": "v1", "kind": "Namespace", "name": "same", "uid": "1"}
    app = {"apiVersion": "x/v1", "kind": "App", "name": "same", "uid": "2"}
    observed = {"metadata": {"name": "sa", "ownerReferences": [app]}}
    both = updated(observed, {"metadata": {"ownerReferences": [app, space]}})
    assert both["metadata"]["ownerReferences"] == [space]
    bare = updated(observed, {"metadata": {"ownerReferences": [{"uid": "2"}, space]}})
    assert bare["metadata"]["ownerReferences"] == [app, space]


def test_the_merge_takes_away_what_it_had_applied() -> None:
    """A field applied before and left out goes, and a map left out goes with what others set."""
    observed: Object = {"metadata": {"name": "s", "labels": {"theirs": "1"}}}
    first = updated(observed, {"metadata": {"labels": {"ours": "1"}}, "data": {"a": "eA=="}})
    assert first["metadata"]["labels"] == {"theirs": "1", "ours": "1"}
    second = updated(first, {"metadata": {"labels": {}}})
    assert (second["metadata"]["labels"], "data" in second) == ({"theirs": "1"}, False)
    assert "labels" not in updated(first, {"metadata": {}})["metadata"]


def test_server_side_apply_owns_field_by_field() -> None:
    """What it no longer applies goes, unless another manager wrote it too."""
    cluster = cluster_with_namespace()
    made = cluster.create(service_account("team-a", "default", pull_secrets=["zeta"]))
    made["metadata"]["labels"] = {"shared": "1"}
    cluster.update(made)
    wanted = service_account("team-a", "default", pull_secrets=["ours"])
    wanted["metadata"]["labels"] = {"shared": "1", "ours": "1"}
    applied = cluster.apply(wanted)
    assert (pull_secrets(applied), applied["metadata"]["labels"]) == (
        ["ours"],
        {"shared": "1", "ours": "1"},
    )
    assert cluster.apply(wanted) == applied
    bare = cluster.apply(service_account("team-a", "default", pull_secrets=["ours"]))
    assert bare["metadata"]["labels"] == {"shared": "1"}
    with pytest.raises(InvalidError):
        cluster.apply(owned_by({"uid": made["metadata"]["uid"]}, name="default"))


@pytest.mark.parametrize(
    ("there", "applied", "merged"),
    [
        ("ab", "ba", "ba"),
        ("ab", "b", "ab"),
        ("xayb", "bca", "xybca"),
        ("xab", "cab", "xcab"),
        ("", "ba", "ba"),
    ],
)
def test_server_side_apply_merges_lists_in_the_order_applied(
    there: str, applied: str, merged: str
) -> None:
    """Who owns an object stands in the order applied, where the first of them stood."""
    cluster = cluster_with_namespace()
    cluster.create(owned_by(*map(node, there), name="default"))
    owners = cluster.apply(owned_by(*map(node, applied), name="default"))["metadata"]
    assert "".join(ref["uid"] for ref in owners["ownerReferences"]) == merged


def node(name: str) -> Object:
    """Return a reference to a Node, which does not control."""
    return {"apiVersion": "v1", "kind": "Node", "name": name, "uid": name}


# Metacontroller


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("stale", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_a_binding_settles_and_goes_again(strategy: str, stale: bool, seed: int) -> None:
    """The ServiceAccount is labelled, adopted, given our Secret, and survives the binding."""
    world = World(strategy=strategy, stale=stale, seed=seed)
    before = world.cluster.read(*ACCOUNT)
    app = world.bind()
    assert app["status"] == {"attached": 1, "observedGeneration": 1}
    account = world.cluster.read(*ACCOUNT)
    assert (pull_secrets(account), owners(account)) == (
        ["zeta", "acr-pull-app"],
        ["ACRPullBinding", "Namespace"],
    )
    assert (LAST_APPLIED in account["metadata"].get("annotations", {})) is (
        strategy == "dynamic-apply"
    )
    world.cluster.delete(*BINDING)
    world.mc.settle()
    left = world.cluster.read(*ACCOUNT)
    assert left["metadata"]["uid"] == before["metadata"]["uid"]
    assert (owners(left), world.cluster.get(*SECRET)) == (["Namespace"], None)
    assert world.mc.events == []


def test_the_request_has_the_shape_of_a_real_one() -> None:
    """Keys at each level, the cached child before its adoption, and `{}` for an empty group."""
    world = World()
    world.bind()
    first = next(call for call in world.mc.calls if call.path == "/sync")
    assert set(first.request) == {"controller", "parent", "children", "related", "finalizing"}
    assert set(first.request["children"]) == {"Secret.v1", "ServiceAccount.v1"}
    assert set(first.request["related"]) == {"Namespace.v1", "ServiceAccount.v1"}
    assert first.request["parent"]["metadata"]["finalizers"] == [FINALIZER]
    adopted = next(
        call.request["children"]["ServiceAccount.v1"]["team-a/default"]
        for call in world.mc.calls
        if call.path == "/sync" and call.request["children"]["ServiceAccount.v1"]
    )
    assert owners(adopted) == []
    account = next(call for call in world.mc.calls if call.path == "/serviceaccount/sync")
    assert set(account.request) == {"controller", "object", "attachments", "related", "finalizing"}
    assert account.request["related"] == {"ACRPullBinding.acrpull.dev/v1beta1": {}}


def test_rest_is_quiet_and_a_resync_is_on_time() -> None:
    """Nothing is called until the relist; the resync is on time, customize is asked anew."""
    world = World()
    world.bind()
    before = len(world.mc.calls)
    world.mc.advance(1799)
    assert world.paths(before) == []
    world.mc.advance(1801)
    resynced = [call.at for call in world.mc.calls[before:] if call.path == "/sync"]
    assert resynced == [START + timedelta(seconds=1800), START + timedelta(seconds=3600)]
    assert "/customize" in world.paths(before)


FAILING: list[tuple[int, Mapping[str, str], object]] = [
    (500, {}, {"error": "down"}),
    (201, {}, {"children": []}),
    (200, {}, {"children": [], "labels": {}}),
    (200, {}, {"children": "none"}),
    (200, {}, {"children": [{"metadata": {"name": "x"}}]}),
    (200, {}, {"children": [], "resyncAfterSeconds": "1"}),
]


@pytest.mark.parametrize("answer", FAILING)
def test_a_failed_answer_deletes_nothing_and_backs_off(
    answer: tuple[int, Mapping[str, str], Any],
) -> None:
    """Nothing changes, a Warning Event says so, and the waits double."""
    world = World()
    world.bind()
    world.hook.answers["/sync"] = answer
    before, secret = len(world.mc.calls), world.cluster.read(*SECRET)
    world.mc.restart()
    world.mc.advance(1)
    waits = [call.at for call in world.mc.calls[before:] if call.path == "/sync"]
    assert 7 <= len(waits) <= 9
    assert waits[2] - waits[1] == timedelta(milliseconds=10)
    assert (world.cluster.get(*SECRET), len(world.mc.events)) == (secret, len(waits))


def test_a_429_waits_as_told_and_without_a_wait_loops() -> None:
    """Retry-After is honoured and no failure is counted; without one the loop is hot."""
    world = World()
    world.hook.answers["/sync"] = (429, {"Retry-After": "7"}, None)
    world.bind()
    before = len(world.mc.calls)
    world.mc.advance(21)
    assert [c.at - START for c in world.mc.calls[before:]] == [
        timedelta(seconds=s) for s in (7, 14, 21)
    ]
    world.hook.answers["/sync"] = (429, {}, None)
    with pytest.raises(HotLoop):
        world.mc.advance(7)


def test_a_null_child_takes_metacontroller_down() -> None:
    """A null among the children is a crash, not an error."""
    world = World()
    world.hook.answers["/sync"] = (200, {}, {"children": [None]})
    with pytest.raises(MetacontrollerCrashError):
        world.bind()


def test_a_child_left_out_is_deleted() -> None:
    """What the answer omits is deleted, and an empty answer means all of it."""
    world = World()
    world.bind()
    world.hook.answers["/sync"] = (200, {}, {})
    world.mc.advance(3600)
    assert (world.cluster.get(*SECRET), world.cluster.get(*ACCOUNT)) == (None, None)
    assert world.cluster.read(*BINDING)["status"] == {"observedGeneration": 1}


@pytest.mark.parametrize(
    ("strategy", "seized"), [("dynamic-apply", False), ("server-side-apply", True)]
)
def test_a_secret_that_exists_is_left_or_seized(strategy: str, seized: bool) -> None:
    """Dynamic-apply swallows the refusal; server-side apply takes the object over."""
    world = World(strategy=strategy)
    theirs = {"apiVersion": "v1", "kind": "Secret"}
    world.cluster.create(theirs | {"metadata": {"namespace": "team-a", "name": "acr-pull-app"}})
    world.bind()
    assert bool(owners(world.cluster.get(*SECRET))) is seized


def test_foreground_deletion_manages_no_children() -> None:
    """With that finalizer the hook is called, and its children are ignored."""
    world = World()
    world.bind()
    world.hook.answers["/finalize"] = (200, {}, {"children": [], "finalized": True})
    world.cluster.delete(*BINDING, propagation="Foreground")
    world.mc.settle()
    assert world.cluster.get(*BINDING) is None
    assert owners(world.cluster.get(*ACCOUNT)) == ["Namespace"]


def test_an_answer_that_never_repeats_is_a_hot_loop() -> None:
    """A child that differs on each call ends in `HotLoop`, with the last calls."""
    world = World()
    calls = count()

    def counting(body: Object) -> Object:  # noqa: ARG001  as in `Hook`
        meta = {"name": "acr-pull-app", "annotations": {"calls": str(next(calls))}}
        return {"children": [{"apiVersion": "v1", "kind": "Secret", "metadata": meta}]}

    world.hook.sync = counting  # type: ignore[method-assign]
    with pytest.raises(HotLoop) as caught:
        world.bind()
    assert caught.value.calls[-1].path == "/sync"


def test_a_write_of_the_status_is_not_asked_about() -> None:
    """A status that differs on each call is written once, for `ignoreStatusChanges`."""
    world = World()
    calls = count()

    def counting(body: Object) -> Object:  # noqa: ARG001  as in `Hook`
        return {"children": [], "status": {"calls": next(calls)}}

    world.hook.sync = counting  # type: ignore[method-assign]
    world.bind()
    before = next(calls)
    world.mc.settle()
    assert next(calls) == before + 1


@pytest.mark.parametrize(
    ("strategy", "loops"), [("dynamic-apply", True), ("server-side-apply", False)]
)
def test_a_binding_named_like_its_namespace_loops_if_both_are_named(
    strategy: str,
    loops: bool,
) -> None:
    """Two owners of one name collapse into one, and Metacontroller adopts without end.

    Observed 2026-11-23 on a real Metacontroller v4.17.2: 56 calls a second.
    """
    world = World(strategy=strategy)
    world.cluster.create(binding("team-a", "team-a"))
    with pytest.raises(HotLoop) if loops else nullcontext():
        world.mc.settle()


def test_a_kill_between_two_writes_is_made_good_after_a_restart() -> None:
    """Whatever write the process dies before, the next one finishes the work."""

    class KilledError(Exception):
        pass

    for fatal in range(1, 12):
        world = World()
        writes: list[str] = []

        def kill(verb: str, _obj: Object, writes: list[str] = writes, fatal: int = fatal) -> None:
            writes.append(verb)
            if len(writes) == fatal + 1:
                raise KilledError

        world.cluster.before_write = kill
        try:
            world.bind()
        except KilledError:
            world.mc.restart()
            world.mc.settle()
        account = world.cluster.read(*ACCOUNT)
        assert (pull_secrets(account), owners(account)) == (
            ["zeta", "acr-pull-app"],
            ["ACRPullBinding", "Namespace"],
        )


def test_stale_caches_meet_conflicts_and_server_side_apply_meets_none() -> None:
    """An edit between a read and the write: dynamic-apply keeps it, a forced apply loses it."""
    kept = dict.fromkeys(STRATEGIES, 0)
    for strategy in STRATEGIES:
        for seed in range(30):
            world = World(strategy=strategy, stale=0.9, seed=seed)
            world.cluster.create(binding("team-a", "app"))
            for _ in range(seed % 12):
                world.mc.step()
            listed = [*pull_secrets(world.cluster.get(*ACCOUNT)), "mine"]
            world.edit_account(imagePullSecrets=[{"name": name} for name in listed])
            world.mc.settle()
            kept[strategy] += "mine" in pull_secrets(world.cluster.get(*ACCOUNT))
    assert kept["dynamic-apply"] == 30
    assert kept["server-side-apply"] < 30


@pytest.mark.parametrize("served", [True, False])
def test_upstreams_bindings_have_controllers_of_their_own(served: bool) -> None:
    """Two groups have one kind: bindings of one name are kept apart, and finalized by their own."""
    world = World(upstream=served)
    for resource, name in zip(UPSTREAM, ("first", "second"), strict=True):
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        for each in (name, "both"):
            world.cluster.create(binding("team-a", each) | kind)
    world.mc.settle()
    for resource, name in zip(UPSTREAM, ("first", "second"), strict=True):
        made = world.cluster.read(resource.name, "team-a", name)
        version = resource.api_version.partition("/")[2]
        finalizer = f"metacontroller.io/compositecontroller-acrpull-upstream-{version}"
        assert made["metadata"].get("finalizers") == ([finalizer] if served else None)
        secret = world.cluster.get("Secret", "team-a", f"acr-pull-{name}")
        assert (secret is not None) == served
        assert secret is None or secret["metadata"]["ownerReferences"] == [controller_ref(made)]
        world.cluster.delete(resource.name, "team-a", name)
    world.mc.settle()
    left = {key_of(obj) for obj in world.cluster.list() if obj["metadata"]["name"] != "default"}
    both = {(resource.name, "team-a", "both") for resource in UPSTREAM}
    assert both <= left
    assert {key for key in left if "both" not in key[2]} == {("Namespace", "", "team-a")}
