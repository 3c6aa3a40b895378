"""A ServiceAccount with another owner, which may come at any time, and may write all of it."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from tests.model.errors import InvalidError
from tests.model.objects import Object, owners_of
from tests.properties.accounts import FOREIGN, is_foreign
from tests.properties.scene import Scene
from tests.properties.world import STRATEGIES

LISTED = ["zeta", "alpha", "acr-pull-app"]
WRITES = range(7)  # a binding needs at most 7 writes
OWNED = (
    'ServiceAccount "default" is managed by Deployment "web", so acrpull does not change it. Add '
    '"acr-pull-app" to imagePullSecrets in the configuration of that controller.'
)


@pytest.fixture(params=[(s, a) for s in STRATEGIES for a in (False, True)], ids=str)
def any_scene(request: pytest.FixtureRequest) -> Scene:
    """Return a scene of each apply strategy in each mode."""
    strategy, admission = request.param
    return Scene(strategy, admission=admission)


@pytest.fixture(params=["web", "app", "web-with-label"])
def rewrite(request: pytest.FixtureRequest, any_scene: Scene) -> Callable[[], None]:
    """Return the action of an owner that does not control the ServiceAccount.

    The owner may have the name of the binding: dynamic-apply merges owners of the same name. The
    owner may keep the label of acrpull.
    """
    name, _, label = request.param.partition("-")
    ref = {**FOREIGN, "name": name, "controller": False}
    return partial(any_scene.accounts.rewrite, "default", ref, keeps_label=bool(label))


def check_attached(scene: Scene) -> None:
    """Check that the binding is Ready, and that the other owner is still an owner."""
    scene.settle()
    assert scene.listed() == LISTED
    assert scene.conditions()["Ready"] == "True Ready"
    assert FOREIGN["uid"] in {ref["uid"] for ref in owners(scene)}


def owners(scene: Scene) -> list[Object]:
    """Return the owner references of the ServiceAccount."""
    return owners_of(scene.world.read("ServiceAccount", "default"))


def why_not_ready(scene: Scene) -> str:
    """Return the message of the condition Ready."""
    (ready,) = (
        c for c in scene.bindings.read("app")["status"]["conditions"] if c["type"] == "Ready"
    )
    return str(ready["message"])


def test_owner_that_came_first(any_scene: Scene, rewrite: Callable[[], None]) -> None:
    """An owner that does not control is no obstacle to a binding, and stays after the binding."""
    rewrite()
    any_scene.bindings.create("app", "default")
    check_attached(any_scene)
    any_scene.bindings.delete("app")
    any_scene.settle()
    any_scene.accounts.check_left_alone("default")
    assert FOREIGN["uid"] in {ref["uid"] for ref in owners(any_scene)}


@pytest.mark.parametrize("writes", WRITES)
def test_owner_that_comes_meanwhile(any_scene: Scene, writes: int) -> None:
    """An owner that does not control is no obstacle, no matter between which writes it comes."""
    action = partial(any_scene.accounts.own, "default", controller=False)
    any_scene.world.ambush(writes, action)
    any_scene.bindings.create("app", "default")
    any_scene.settle()
    if FOREIGN["uid"] not in {ref["uid"] for ref in owners(any_scene)}:
        action()
    check_attached(any_scene)


@pytest.mark.parametrize("writes", WRITES)
def test_owner_that_rewrites_meanwhile(
    any_scene: Scene, rewrite: Callable[[], None], writes: int
) -> None:
    """An owner that replaces the whole ServiceAccount is no obstacle between any two writes."""
    any_scene.world.ambush(writes, rewrite)
    any_scene.bindings.create("app", "default")
    any_scene.settle()
    any_scene.world.ambush(writes, rewrite)
    rewrite()
    check_attached(any_scene)


@pytest.mark.parametrize("pause", [0, 30], ids="{}s".format)
def test_owner_that_rewrites_again_and_again(
    any_scene: Scene, rewrite: Callable[[], None], pause: int
) -> None:
    """The entry comes back after the last write, and a binding can be deleted after any write."""
    scene = any_scene
    scene.bindings.create("app", "default")
    scene.settle()
    for _ in range(10):
        rewrite()
        scene.world.advance(pause)
    scene.world.advance(600)
    check_attached(scene)
    rewrite()
    scene.bindings.delete("app")
    scene.settle()
    scene.world.advance(60)
    scene.accounts.check_left_alone("default")
    assert scene.bindings.all() == []


@pytest.mark.parametrize("writes", WRITES)
def test_controller_that_comes_meanwhile(scene: Scene, writes: int) -> None:
    """One of two controls the ServiceAccount: the other controller, by its name, or the binding."""

    def claim() -> None:
        with suppress(InvalidError):  # the API server accepts one controller
            scene.accounts.own("default", controller=True)

    scene.world.ambush(writes, claim)
    scene.bindings.create("app", "default")
    scene.settle()
    if is_foreign(scene.world.read("ServiceAccount", "default")):
        assert why_not_ready(scene) == OWNED
        scene.accounts.check_left_alone("default")
    else:
        assert scene.listed() == LISTED


def test_controller_that_rewrites(scene: Scene) -> None:
    """A controller that replaces the ServiceAccount has it, until the controller releases it."""
    scene.bindings.create("app", "default")
    scene.settle()
    scene.accounts.rewrite("default", {**FOREIGN, "controller": True})
    scene.settle()
    assert why_not_ready(scene) == OWNED
    scene.accounts.check_left_alone("default")
    assert scene.listed() == LISTED[:2]
    scene.accounts.disown("default")
    scene.world.advance(60)
    scene.settle()
    assert scene.listed() == LISTED
