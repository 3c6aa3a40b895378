"""How bindings are deleted, and what is left of them then."""

import pytest

from hooks.core.names import LAST_APPLIED_ANNOTATION, PULL_SECRETS_ANNOTATION, UID_LABEL
from tests.model.objects import labels_of, owners_of
from tests.properties.rest import come_to_rest
from tests.properties.scene import Scene
from tests.properties.world import NAMESPACE, STRATEGIES


def test_a_foreground_deletion_leaves_an_entry_to_the_next_binding(scene: Scene) -> None:
    """It manages no children, so the entry stays until a binding owns the ServiceAccount again."""
    scene.bindings.create("app", "default")
    scene.settle()
    scene.bindings.delete("app", "Foreground")
    scene.world.settle()
    assert scene.listed() == ["zeta", "alpha", "acr-pull-app"]
    assert scene.bindings.secret("app") is None
    scene.bindings.create("jobs", "default")
    scene.settle()
    assert scene.listed() == ["zeta", "alpha", "acr-pull-jobs"]


def test_a_finalizer_taken_off_while_metacontroller_is_down(scene: Scene) -> None:
    """The guard alone keeps the ServiceAccount when its binding goes without a word to us."""
    scene.bindings.create("app", "default")
    scene.settle()
    scene.accounts.expect("acr-pull-app")
    scene.bindings.unfinalize("app")
    scene.bindings.delete("app")
    scene.world.mc.restart()
    scene.settle()
    assert scene.world.objects("ACRPullBinding") == []
    assert scene.bindings.secret("app") is None
    assert [ref["kind"] for ref in owners_of(scene.world.read("ServiceAccount", "default"))] == [
        "Namespace"
    ]


@pytest.mark.parametrize("order", [("app", "jobs"), ("jobs", "app")])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_all_bindings_go_at_once(strategy: str, order: tuple[str, str]) -> None:
    """In whatever order Metacontroller sees to them, no entry or label is left behind."""
    for seed in range(8):
        scene = Scene(strategy, seed)
        for name in ("app", "jobs"):
            scene.bindings.create(name, "default")
            scene.settle()
        for name in order:
            scene.bindings.delete(name)
        scene.settle()
        assert scene.listed() == ["zeta", "alpha"]
        assert scene.world.objects("ACRPullBinding") == []


@pytest.mark.parametrize("propagation", ["Background", "Foreground", "Orphan"])
def test_a_release_leaves_no_label(propagation: str) -> None:
    """However a binding is deleted, and in whatever order things happen, its label goes."""
    for strategy in STRATEGIES:
        for seed in range(8):
            scene = Scene(strategy, seed)
            scene.bindings.create("app", "default")
            scene.settle()
            if propagation != "Background":
                scene.accounts.expect("acr-pull-app")
            scene.bindings.delete("app", propagation)
            scene.settle()


def test_an_entry_that_its_user_wrote_first_goes_with_the_binding(scene: Scene) -> None:
    """Alone on the list, too: an empty list takes away what another field manager holds."""
    scene.accounts.relist("default", lambda _: ["acr-pull-app"])
    scene.bindings.create("app", "default")
    scene.settle()
    assert scene.listed() == ["acr-pull-app"]
    scene.bindings.delete("app")
    scene.settle()
    assert scene.listed() == []


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_label_goes_with_its_binding_though_its_annotation_was_taken_off(strategy: str) -> None:
    """The binding stays until the decorator has seen to it: nothing else tells that it is ours."""
    for seed in range(10):
        scene = Scene(strategy, seed)
        scene.bindings.create("app", "default")
        scene.settle()
        scene.bindings.delete("app")
        scene.accounts.strip("default", "annotations", PULL_SECRETS_ANNOTATION)
        scene.settle()
        assert UID_LABEL not in scene.world.read("ServiceAccount", "default")["metadata"]["labels"]


@pytest.mark.parametrize("name", ["app", NAMESPACE])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_secret_without_label(strategy: str, name: str) -> None:
    """A deleted binding removes its entry although a client removed the label of its Secret."""
    for seed in range(4):
        scene = Scene(strategy, seed)
        scene.bindings.create(name, "default")
        scene.settle()
        scene.accounts.strip("default", "annotations", LAST_APPLIED_ANNOTATION)
        scene.world.mc.restart()
        scene.bindings.delete(name)
        scene.bindings.tamper(name, "label")
        come_to_rest(scene.world)
        scene.settle()
        assert scene.listed() == ["zeta", "alpha"]
        assert scene.bindings.find(name) is None


def test_unknown_label(scene: Scene) -> None:
    """A label without any mark of acrpull stays, until a binding takes the ServiceAccount over."""
    scene.world.cluster.edit(
        "ServiceAccount",
        NAMESPACE,
        "default",
        lambda obj: obj["metadata"]["labels"].update({UID_LABEL: "unknown"}),
    )
    scene.accounts.kept["default"].unmarked = "unknown"
    scene.accounts.unasked = {"unknown"}
    scene.settle()
    assert labels_of(scene.world.read("ServiceAccount", "default"))[UID_LABEL] == "unknown"
    scene.bindings.create("jobs", "default")
    scene.settle()
    scene.bindings.delete("jobs")
    scene.settle()
    assert UID_LABEL not in labels_of(scene.world.read("ServiceAccount", "default"))
