"""A binding with a list of ServiceAccounts moves between all forms, with kills between writes."""

import random
from itertools import permutations

import pytest

from hooks.core.names import PULL_SECRETS_ANNOTATION, UID_LABEL
from tests.model.objects import annotations_of, labels_of
from tests.properties.accounts import Entries, entries_of
from tests.properties.rest import check_fixpoint, check_rest, come_to_rest
from tests.properties.scene import Scene
from tests.properties.targets import ALL, LISTS, Target, covers
from tests.properties.world import STRATEGIES

USERS: dict[str, Entries] = {"default": ["zeta", "alpha"], "build": ["zeta", None], "deploy": []}
FORMS: tuple[Target, ...] = ("default", *LISTS)
SECRET = "acr-pull-app"
MODES = pytest.mark.parametrize("admission", [False, True], ids=["adoption", "admission"])


def new_scene(strategy: str, seed: int, *, admission: bool) -> Scene:
    """Return a scene with three ServiceAccounts."""
    scene = Scene(strategy, seed, stale=seed % 2 / 2, admission=admission)
    for name in ("build", "deploy"):
        scene.accounts.create(name, list(USERS[name]))
    return scene


def move(scene: Scene, old: Target, new: Target, seed: int) -> None:
    """Move the binding; an entry that both forms want is there before each write, and after all."""
    world, chance = scene.world, random.Random(seed)  # noqa: S311  an order to try
    both = [name for name in USERS if covers(old, name) and covers(new, name)]

    def check() -> None:
        for name in both:
            assert SECRET in scene.listed(name), (old, new, name)

    world.cluster.before_write = lambda *_: check()
    scene.bindings.move("app", new)
    for _ in range(chance.randrange(12)):
        world.mc.step()
    if chance.random() < 0.5:
        world.mc.restart()
    world.mc.settle()
    check()
    world.cluster.before_write = lambda *_: None
    for name, users in USERS.items():
        listed = scene.listed(name)
        assert listed == [*users, *([SECRET] if covers(new, name) else [])], (old, new, name)


@MODES
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_moves(strategy: str, admission: bool) -> None:
    """From each form to each other form, no wanted entry is missing at any moment."""
    for seed, (old, new) in enumerate(permutations(FORMS, 2)):
        scene = new_scene(strategy, seed, admission=admission)
        scene.bindings.create("app", old)
        scene.settle()
        move(scene, old, new, seed)
        check_rest(scene.world, scene.accounts, scene.bindings)
        check_fixpoint(scene.world)


@MODES
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_service_account(strategy: str, admission: bool) -> None:
    """A ServiceAccount gets the entry when it is created; a deleted binding releases all."""
    scene = new_scene(strategy, 0, admission=admission)
    scene.bindings.create("app", ALL)
    scene.bindings.create("jobs", ALL)
    scene.settle()
    scene.accounts.create("later", ["zeta"])
    scene.settle()
    assert set(scene.listed("later")) == {"zeta", SECRET, "acr-pull-jobs"}
    for binding in ("app", "jobs"):
        scene.bindings.delete(binding)
        come_to_rest(scene.world)
        scene.settle()
    assert scene.bindings.all() == []
    for name, account in ((n, scene.world.read("ServiceAccount", n)) for n in (*USERS, "later")):
        assert entries_of(account) == USERS.get(name, ["zeta"])
        assert UID_LABEL not in labels_of(account)
        assert PULL_SECRETS_ANNOTATION not in annotations_of(account)
