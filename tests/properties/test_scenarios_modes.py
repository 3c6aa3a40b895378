"""The move from the mode `adoption` to the mode `admission`, and back, while bindings live.

Policy, service and controllers change one after the other, in any order, with kills of
Metacontroller between. tests/properties/test_admission_life.py has the life within the mode.
"""

import random
from collections.abc import Callable
from functools import partial
from itertools import permutations

import pytest

from hooks.core.names import (
    ATTACHED_ANNOTATION,
    LAST_APPLIED_ANNOTATION,
    PULL_SECRETS_ANNOTATION,
    UID_LABEL,
)
from tests.model.objects import Object, annotations_of, finalizers_of, labels_of, owners_of
from tests.properties.accounts import Entries, entries_of
from tests.properties.kinds import FINALIZERS, secret_of
from tests.properties.rest import (
    LONGEST_WAIT_SECONDS,
    check_fixpoint,
    check_rest,
    come_to_rest,
)
from tests.properties.scene import Scene
from tests.properties.world import NAMESPACE, STRATEGIES, World

CACHE_SECONDS = 1200  # for the answers of customize hooks
ORDERS = tuple(permutations(("policy", "hooks", "controllers")))
TARGETS = {
    "v1beta2/app": "default",
    "jobs": "default",
    NAMESPACE: "build",
    "v1beta1/app": "build",
}
USERS: dict[str, Entries] = {"default": ["zeta", "alpha"], "build": ["zeta", None]}


def new_scene(strategy: str, seed: int, *, admission: bool) -> Scene:
    """Return a scene at rest with bindings of all kinds on two ServiceAccounts."""
    scene = Scene(strategy, seed, stale=seed % 2 / 2, admission=admission)
    scene.accounts.create("build", list(USERS["build"]))
    for name, account in TARGETS.items():
        scene.bindings.create(name, account)
        scene.settle()
        scene.world.clock.advance(1)
    return scene


def move(scene: Scene, order: tuple[str, ...], seed: int, *, admission: bool) -> None:
    """Change the mode; no entry is missing before any write, nor at the end."""
    world, chance = scene.world, random.Random(seed)  # noqa: S311  an order to try
    world.cluster.before_write = lambda *_: check_entries(world)
    for part in order:
        for _ in range(chance.randrange(40)):
            world.mc.step()
        if chance.random() < 0.5:
            world.mc.restart()
        changes(world, admission=admission)[part]()
        if chance.random() < 0.3:
            world.mc.advance(90)
    world.mc.advance(CACHE_SECONDS)
    world.mc.advance(LONGEST_WAIT_SECONDS)
    check_entries(world)
    world.cluster.before_write = lambda *_: None
    world.admission = admission


def changes(world: World, *, admission: bool) -> dict[str, Callable[[], None]]:
    """Return the parts of the change to a mode."""
    return {
        "policy": partial(world.set_policy, installed=admission),
        "hooks": partial(world.set_hooks, admission=admission),
        "controllers": partial(world.set_controllers, admission=admission),
    }


def check_entries(world: World) -> None:
    """Each user's entry is there, in order, and each binding's entry."""
    for account, users in USERS.items():
        listed = entries_of(world.read("ServiceAccount", account))
        secrets = {secret_of(name) for name, target in TARGETS.items() if target == account}
        assert secrets <= set(listed)
        assert [entry for entry in listed if entry not in secrets] == users


def check_marks(scene: Scene) -> None:
    """In the mode `admission`, a single annotation shows that acrpull knows a ServiceAccount."""
    for name in TARGETS:
        assert not [f for f in finalizers_of(scene.bindings.read(name)) if f.startswith(FINALIZERS)]
    for name in USERS:
        account = scene.world.read("ServiceAccount", name)
        assert owners_of(account) == []
        assert UID_LABEL not in labels_of(account)
        assert PULL_SECRETS_ANNOTATION in annotations_of(account)
        left = {ATTACHED_ANNOTATION, LAST_APPLIED_ANNOTATION}
        assert left.isdisjoint(annotations_of(account))


def check_end(scene: Scene) -> None:
    """All bindings can be deleted, and nothing is left but protective references."""
    for name in TARGETS:
        scene.bindings.delete(name)
    come_to_rest(scene.world)
    scene.settle()
    assert scene.bindings.all() == []
    for name, users in USERS.items():
        assert scene.listed(name) == users


def owned(account: Object) -> set[str]:
    """Return the kinds of owners."""
    return {ref["kind"] for ref in owners_of(account)}


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_to_admission(strategy: str, order: tuple[str, ...]) -> None:
    """No entry is missing at any moment, and nothing of the mode `adoption` is left."""
    for seed in range(4):
        scene = new_scene(strategy, seed, admission=False)
        move(scene, order, seed, admission=True)
        check_marks(scene)
        check_rest(scene.world, scene.accounts, scene.bindings)
        check_fixpoint(scene.world)
        check_end(scene)


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_to_adoption(strategy: str, order: tuple[str, ...]) -> None:
    """No entry is missing at any moment, and each ServiceAccount is owned and protected."""
    for seed in range(4):
        scene = new_scene(strategy, seed, admission=True)
        move(scene, order, seed, admission=False)
        for name in USERS:
            assert "Namespace" in owned(scene.world.read("ServiceAccount", name))
        check_rest(scene.world, scene.accounts, scene.bindings)
        check_fixpoint(scene.world)
        check_end(scene)
