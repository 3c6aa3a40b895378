"""The model's Metacontroller, under a small hook."""

from collections.abc import Mapping
from contextlib import nullcontext
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from tests.model import HotLoop, binding, definitions
from tests.model.errors import MetacontrollerCrashError
from tests.model.finalizer import FINALIZER
from tests.model.merge import LAST_APPLIED
from tests.model.objects import Object, controller_ref, key_of
from tests.model.resources import UPSTREAM
from tests.model_world import (
    ACCOUNT,
    BINDING,
    SECRET,
    START,
    STRATEGIES,
    World,
    owners,
    pull_secrets,
)


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
    world = World(definitions=(definitions.COMPOSITE, *(definitions.UPSTREAM if served else ())))
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
