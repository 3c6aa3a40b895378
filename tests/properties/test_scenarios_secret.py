"""The Secret of a binding: renewed in time, through failures, and when its name is taken."""

from datetime import timedelta
from itertools import pairwise

import pytest

from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed
from hooks.core.names import ATTACHED_ANNOTATION
from tests.properties.identities import ANNOTATIONS, FEDERATED, IDS
from tests.properties.scene import Scene
from tests.properties.specs import DENIED
from tests.properties.world import NAMESPACE, START

FIREWALL = MintFailed(Reason.REGISTRY_FIREWALL, "allow the cluster's outbound IP address")


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
    assert scene.conditions() == works_despite("RegistryFirewall")
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


@pytest.mark.parametrize("name", ["app", NAMESPACE])
def test_a_secret_name_that_is_taken(scene: Scene, name: str) -> None:
    """The status says so, the Secret stays, and its deletion makes the binding Ready."""
    scene.bindings.squat(name)
    scene.bindings.create(name, "default")
    scene.world.settle()
    before, seen = scene.bindings.secret(name), len(scene.world.mc.calls)
    assert scene.conditions(name)["Ready"] == "False SecretNameTaken"
    scene.world.advance(240)
    assert len(scene.world.mc.calls) < seen + 10
    assert scene.bindings.secret(name) == before
    scene.bindings.delete_secret(name)
    scene.settle()
    assert scene.listed() == ["zeta", "alpha", f"acr-pull-{name}"]


@pytest.mark.parametrize("how", ["move", "deny"])
def test_an_entry_for_a_secret_that_is_the_users(scene: Scene, how: str) -> None:
    """A binding that is not for the ServiceAccount any more lets go of it; the entry stays."""
    scene.accounts.relist("default", lambda listed: [*listed, "acr-pull-app"])
    scene.bindings.squat("app")
    scene.bindings.create("app", "default")
    scene.settle()
    if how == "move":
        scene.bindings.move("app", "absent")
    else:
        scene.bindings.specify("app", "denied", **DENIED)
    scene.world.advance(60)
    scene.settle()
    scene.accounts.check_left_alone("default")
    assert scene.listed() == ["zeta", "alpha", "acr-pull-app"]


@pytest.mark.parametrize("seen", [False, True], ids=["at-once", "after-a-sync"])
@pytest.mark.parametrize("how", ["move", "deny"])
def test_an_entry_for_a_secret_without_an_owner(scene: Scene, how: str, *, seen: bool) -> None:
    """A Secret that lost its label is still acrpull's, and so is the entry, marked or not."""
    scene.bindings.create("app", "default")
    scene.settle()
    scene.bindings.tamper("app", "label")
    scene.accounts.strip("default", "annotations", ATTACHED_ANNOTATION)
    if seen:
        scene.world.settle()
    if how == "move":
        scene.bindings.move("app", "absent")
    else:
        scene.bindings.specify("app", "denied", **DENIED)
    scene.world.advance(60)
    scene.settle()
    scene.accounts.check_left_alone("default")
    assert scene.listed() == ["zeta", "alpha"]


@pytest.mark.parametrize("how", ["delete", "data", "inputs", "other-inputs"])
def test_a_client_that_undoes_each_write_before_acrpull_sees_it(scene: Scene, how: str) -> None:
    """Writes become rare although acrpull never observes its Secret; then the Secret comes back."""
    scene.bindings.create("app", "default")
    undo_writes(scene, how, 15)  # until the write counts as refused
    since = scene.since("Ready")
    assert undo_writes(scene, how, 60) <= 6  # after 5, 10, 20 and 40 s
    assert scene.conditions()["Ready"] == "False SecretNotWritten"
    assert scene.since("Ready") == since
    scene.world.advance(300)
    scene.settle()
    assert scene.conditions()["Ready"] == "True Ready"


def test_a_client_that_adds_to_each_write(scene: Scene) -> None:
    """Writes become rare, and the token in the Secret is reported as a token that works."""
    scene.bindings.create("app", "default")
    scene.settle()
    scene.world.advance(400)
    scene.bindings.tamper("app", "more-data")
    undo_writes(scene, "more-data", 15)
    assert undo_writes(scene, "more-data", 60) <= 6
    assert scene.conditions() == works_despite("SecretNotWritten")
    scene.world.advance(300)
    scene.settle()
    assert scene.conditions()["Ready"] == "True Ready"


def test_replicas_with_different_settings(scene: Scene) -> None:
    """During a rollout, writes become rare, and no other client is blamed."""
    scene.bindings.create("app", "default")
    scene.settle()
    old: dict[str, str] = {}
    new = {"TOKEN_AUDIENCE": "https://management.azure.com/"}
    scene.world.set_hooks(old, new, admission=scene.world.admission)
    first, seen = len(scene.world.mint.times), set()
    for number in range(30):
        scene.accounts.annotate("default", {"note": str(number)})  # a reason to call the hooks
        scene.world.advance(1)
        seen |= set(scene.conditions().values())
    assert len(scene.world.mint.times) - first <= 6
    scene.world.set_hooks(new, admission=scene.world.admission)
    for _ in range(10):
        scene.world.advance(6)
        seen |= set(scene.conditions().values())
    assert "False Pending" in seen
    assert not {each for each in seen if "Removed" in each or "NotWritten" in each}
    assert scene.conditions()["Ready"] == "True Ready"


def test_a_client_id_that_changes_again_and_again(scene: Scene) -> None:
    """Each change of the annotation comes into effect, and no other client is blamed."""
    scene.bindings.create("app", "default")
    scene.bindings.specify("app", workloadIdentity=FEDERATED[1])
    scene.accounts.create("build", [])
    seen = set()
    for number in range(6):
        scene.accounts.annotate("build", ANNOTATIONS[number % 2])
        for _ in range(12):
            scene.world.advance(1)
            seen |= set(scene.conditions().values())
    assert not {each for each in seen if "Removed" in each or "NotWritten" in each}
    scene.world.advance(60)
    assert scene.conditions()["Ready"] == "True Ready"
    assert IDS[1] in scene.subject("app")


def works_despite(reason: str) -> dict[str, str]:
    """Return the conditions while the token works and the renewal fails for *reason*."""
    return {
        "Ready": "True RefreshFailing",
        "TokenFresh": "True RefreshFailing",
        "Attached": "True Attached",
        "RenewalHealthy": f"False {reason}",
    }


def undo_writes(scene: Scene, how: str, seconds: float) -> int:
    """Undo each write of the Secret within 50 ms, and return how often; *seconds* pass."""
    last = None

    def undo() -> bool:
        nonlocal last
        secret = scene.bindings.secret("app")
        if secret is None or secret["metadata"]["resourceVersion"] == last:
            return False
        if how == "delete":
            scene.bindings.delete_secret("app")
        else:
            scene.bindings.tamper("app", how)
            changed = scene.bindings.secret("app")
            last = changed and changed["metadata"]["resourceVersion"]
        return True

    return scene.oppose(undo, seconds)
