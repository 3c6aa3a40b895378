"""What holds when all has been quiet for long enough."""

import json

from tests.model.objects import Object, is_deleting
from tests.properties.accounts import OURS, Accounts, entries_of, is_foreign
from tests.properties.bindings import Bindings
from tests.properties.world import World

LONGEST_WAIT_SECONDS = (
    1100  # a retry after errors comes within 1000, one that Azure asks for in 120
)


def come_to_rest(world: World) -> None:
    """Mend what fails, and let pass what any retry may take."""
    world.mint.failure, world.down = None, False
    world.settle()
    world.advance(LONGEST_WAIT_SECONDS)


def check_rest(world: World, accounts: Accounts, bindings: Bindings) -> None:
    """Each binding has what it asks for, and nothing else is left of any."""
    for name in bindings.kept:
        _check_binding(accounts, bindings, name)
    live = [name for name, kept in bindings.kept.items() if kept.health != "denied"]
    for account in accounts.kept:
        targeting = {name for name in live if bindings.target(name) == account}
        if not targeting:
            accounts.check_left_alone(account)
        listed = entries_of(world.read("ServiceAccount", account))
        stray = set(OURS) - {f"acr-pull-{name}" for name in targeting}
        assert not stray & set(listed) - accounts.kept[account].unknown
    assert all(not is_deleting(obj) for obj in world.cluster.peek())


def _check_binding(accounts: Accounts, bindings: Bindings, name: str) -> None:
    obj, secret = bindings.read(name), bindings.secret(name)
    found = {c["type"]: c for c in obj["status"]["conditions"]}
    reasons = {kind: condition["reason"] for kind, condition in found.items()}
    assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]
    if bindings.kept[name].health == "denied":
        assert reasons["Ready"] == "ServerNotAllowed"
        assert secret is None or bindings.is_taken(name)
        return
    if bindings.kept[name].health == "invalid":
        assert reasons["Ready"] == "InvalidSpec"
    elif bindings.is_taken(name):
        assert reasons["Ready"] == "SecretNameTaken"
    else:
        assert reasons["TokenFresh"] == "TokenValid"
        assert reasons["Refreshing"] == "OnSchedule"
    if not bindings.is_taken(name):
        _check_attached(accounts, obj, bindings.target(name), reasons["Attached"])


def _check_attached(accounts: Accounts, obj: Object, target: str | None, reason: str) -> None:
    if target is None or target not in accounts.kept:
        assert reason == ("InvalidSpec" if target is None else "ServiceAccountNotFound")
        return
    account = accounts.world.read("ServiceAccount", target)
    listed = entries_of(account).count(f"acr-pull-{obj['metadata']['name']}")
    if is_foreign(account) and not listed:
        assert reason == "ServiceAccountOwned"
        return
    assert (listed, reason) == (1, "Attached")


def check_fixpoint(world: World) -> None:
    """Syncing all again writes nothing, and each hook repeats its last answer byte for byte."""
    world.settle()
    before, seen = world.cluster.list(), len(world.mc.calls)
    last = _answers(world, 0)
    world.mc.restart()
    world.settle()
    assert world.cluster.list() == before
    again = _answers(world, seen)
    assert again == {key: last[key] for key in again}
    quiet = (world.mc.next_due() - world.clock.now()).total_seconds() - 1
    seen = len(world.mc.calls)
    world.advance(max(quiet, 0))
    assert len(world.mc.calls) == seen
    world.advance(120)
    assert len(world.mc.calls) - seen < 30 + 30 * len(world.objects("ACRPullBinding"))


def _answers(world: World, since: int) -> dict[tuple[str, str], str]:
    """Return the last answer of each hook for each parent, less the seconds to wait."""
    found = {}
    for call in world.mc.calls[since:]:
        if call.status != 200:
            continue
        parent = call.request.get("object") or call.request["parent"]
        answer = {k: v for k, v in call.answer.items() if k != "resyncAfterSeconds"}
        found[call.path, parent["metadata"]["uid"]] = json.dumps(answer)
    return found
