"""What happens to whole clusters, in both apply strategies; the story is the captures' own."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from hooks.core.model import MintFailed, Reason
from hooks.core.names import ATTACHED_ANNOTATION
from tests.model import binding, namespace, service_account
from tests.model.objects import Object, owners_of
from tests.properties.accounts import Accounts, entries_of
from tests.properties.bindings import SPEC, Bindings
from tests.properties.exchange import token_in
from tests.properties.rest import check_fixpoint, check_rest
from tests.properties.world import NAMESPACE, START, STRATEGIES, World

FIREWALL = MintFailed(Reason.REGISTRY_FIREWALL, "allow the cluster's outbound IP address")


class Scene:
    """A world with the ServiceAccount `default`, on which a user lists zeta and alpha."""

    def __init__(self, strategy: str, seed: int = 0) -> None:
        self.world = World(strategy, seed)
        self.accounts = Accounts(self.world)
        self.bindings = Bindings(self.world)
        self.accounts.create("default", ["zeta", "alpha"])

    def settle(self) -> None:
        """Come to rest at this instant, and check all that holds then."""
        self.world.settle()
        self.accounts.check()
        self.bindings.check()
        check_rest(self.world, self.accounts, self.bindings)
        self.bindings.learn()

    def listed(self, account: str = "default") -> list[str | None]:
        """Return what a ServiceAccount lists."""
        return entries_of(self.world.read("ServiceAccount", account))

    def conditions(self, name: str = "app") -> dict[str, str]:
        """Return a binding's conditions as "status reason", by type."""
        found = self.bindings.read(name)["status"]["conditions"]
        return {c["type"]: f"{c['status']} {c['reason']}" for c in found}

    def token_life(self, name: str = "app") -> timedelta:
        """Return for how much longer the token in a binding's Secret works."""
        token = token_in(self.bindings.secret(name) or {})
        assert token is not None
        return token.expires_at - self.world.clock.now()


@pytest.fixture(params=STRATEGIES)
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """Return a scene that is at its fixpoint in the end."""
    scene = Scene(request.param)
    yield scene
    check_fixpoint(scene.world)


def test_the_story(scene: Scene) -> None:
    """Entries come after the user's, move with their binding, and go with it."""
    scene.bindings.create("app", "default")
    scene.settle()
    assert scene.listed() == ["zeta", "alpha", "acr-pull-app"]
    scene.world.clock.advance(1)
    scene.bindings.create("jobs", "default")
    scene.settle()
    assert scene.listed() == ["zeta", "alpha", "acr-pull-app", "acr-pull-jobs"]
    scene.accounts.create("build", [])
    for target, default, build in (
        ("build", ["zeta", "alpha", "acr-pull-jobs"], ["acr-pull-app"]),
        ("absent", ["zeta", "alpha", "acr-pull-jobs"], []),
        ("build", ["zeta", "alpha", "acr-pull-jobs"], ["acr-pull-app"]),
    ):
        scene.bindings.move("app", target)
        scene.settle()
        assert (scene.listed(), scene.listed("build")) == (default, build)
    scene.bindings.delete("jobs")
    scene.settle()
    assert scene.listed() == ["zeta", "alpha"]


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


def test_a_binding_named_like_its_namespace(scene: Scene) -> None:
    """It is attached, guarded and let go like any other."""
    scene.bindings.create(NAMESPACE, "default")
    scene.settle()
    assert scene.listed() == ["zeta", "alpha", f"acr-pull-{NAMESPACE}"]
    assert {ref["kind"] for ref in owners_of(scene.world.read("ServiceAccount", "default"))} == {
        "ACRPullBinding",
        "Namespace",
    }
    scene.bindings.delete(NAMESPACE)
    scene.settle()
    assert scene.listed() == ["zeta", "alpha"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_namespace_is_deleted_and_its_neighbour_is_not(strategy: str) -> None:
    """Nothing of ours holds a Namespace up, and what is in another one stays as it is."""
    scene = Scene(strategy)
    cluster = scene.world.cluster
    cluster.create(namespace("team-b"))
    cluster.create(service_account("team-b", "default"))
    cluster.create(binding("team-b", "app", **SPEC))
    scene.bindings.create("app", "default")
    scene.bindings.create(NAMESPACE, "default")
    scene.settle()
    before = cluster.list(namespace="team-b")
    cluster.delete("Namespace", "", NAMESPACE)
    scene.world.settle()
    assert cluster.list(namespace=NAMESPACE) == []
    assert cluster.get("Namespace", "", NAMESPACE) is None
    assert cluster.list(namespace="team-b") == before


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


def test_tokens_are_renewed_in_time(scene: Scene) -> None:
    """Over a day, tokens of 3 h are minted every 2.5 h, half an hour ahead of their end."""
    scene.bindings.create("app", "default")
    scene.settle()
    for _ in range(24 * 4):
        scene.world.advance(900)
        assert scene.token_life() > timedelta(minutes=30) - timedelta(seconds=1)
    every = timedelta(hours=2, minutes=30)
    assert scene.world.mint.times == [START + every * number for number in range(10)]


def test_azure_is_down_at_a_renewal(scene: Scene) -> None:
    """The token is used up while retries go on; what comes after its end is told, and mended."""
    scene.bindings.create("app", "default")
    scene.settle()
    scene.world.mint.failure = FIREWALL
    scene.world.advance(2.5 * 3600 + 60)
    assert scene.conditions() == {
        "Ready": "True RefreshFailing",
        "TokenFresh": "True RefreshFailing",
        "Attached": "True Attached",
        "Refreshing": "False RegistryFirewall",
    }
    scene.world.advance(3600)
    assert scene.conditions()["Ready"] == "False RegistryFirewall"
    assert scene.token_life() < timedelta()
    scene.world.mint.failure = None
    scene.world.advance(300)
    scene.settle()
    assert scene.conditions()["Ready"] == "True Ready"


def test_failures_in_a_row_are_one_status(scene: Scene) -> None:
    """Twenty failed retries write the status once, and wait longer and longer."""
    scene.world.mint.failure = FIREWALL
    scene.bindings.create("app", "default")
    scene.world.settle()
    status, version = (scene.bindings.read("app")[key] for key in ("status", "metadata"))
    tried = len(scene.world.mint.times)
    while len(scene.world.mint.times) < tried + 20:
        scene.world.advance(60)
    now = scene.bindings.read("app")
    assert (now["status"], now["metadata"]) == (status, version)
    times = scene.world.mint.times
    waits = [(late - early).total_seconds() for early, late in pairwise(times)]
    assert max(waits) == 300
    assert sorted(waits[:6]) == waits[:6]


def test_the_oldest_binding_goes_first(scene: Scene) -> None:
    """The younger one takes the ServiceAccount over, with its entry there all the while."""
    scene.bindings.create("jobs", "default")
    scene.settle()
    scene.world.clock.advance(1)
    scene.bindings.create("app", "default")
    scene.settle()

    def check_entry(_verb: str, obj: Object) -> None:
        assert obj["kind"] != "ServiceAccount" or "acr-pull-app" in entries_of(obj)

    scene.world.cluster.before_write = check_entry
    scene.bindings.delete("jobs")
    scene.world.mc.settle()
    scene.settle()
    assert scene.listed() == ["zeta", "alpha", "acr-pull-app"]


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


def test_a_service_account_that_appears_later(scene: Scene) -> None:
    """The Secret is ready before it; it is attached as soon as it exists, and when made anew."""
    scene.bindings.create("app", "build")
    scene.settle()
    assert scene.conditions()["Attached"] == "False ServiceAccountNotFound"
    assert scene.bindings.secret("app") is not None
    for entries in (["alpha"], []):
        scene.accounts.create("build", list(entries))
        scene.settle()
        assert scene.listed("build") == [*entries, "acr-pull-app"]
        scene.accounts.delete("build")
        scene.settle()


def test_a_list_that_was_cleared_is_filled_again(scene: Scene) -> None:
    """A user who clears the list, and all that tells ours from theirs, loses nothing by it."""
    scene.bindings.create("app", "default")
    scene.settle()
    scene.accounts.relist("default", lambda _: [])
    scene.accounts.strip("default", "annotations", ATTACHED_ANNOTATION)
    scene.settle()
    assert scene.listed() == ["acr-pull-app"]
    scene.bindings.delete("app")
    scene.settle()
    assert scene.listed() == []
