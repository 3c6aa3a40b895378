"""Rules for a cluster that was quiet for a long time."""

import json

from hooks.core.model.reason import Reason
from hooks.core.names import INPUTS_ANNOTATION
from tests.model.objects import Object, annotations_of, is_deleting, owners_of
from tests.properties.accounts import OURS, Accounts, Entries, entries_of, is_foreign
from tests.properties.bindings import Bindings
from tests.properties.exchange import token_in
from tests.properties.identities import wanted
from tests.properties.kinds import KINDS, secret_of
from tests.properties.specs import asked_for
from tests.properties.targets import ALL, Target, covers
from tests.properties.tokens import claims_of, subject_of
from tests.properties.world import World

# Up to 1,000 after an error, and 120 if Azure requests a wait. Metacontroller caches the rules of a
# binding with a stale status for 1,200.
LONGEST_WAIT_SECONDS = 1600


def come_to_rest(world: World) -> None:
    """Repair all faults, and let the longest wait pass."""
    world.mint.failure, world.down = None, False
    world.settle()
    world.advance(LONGEST_WAIT_SECONDS)


def check_rest(world: World, accounts: Accounts, bindings: Bindings) -> None:
    """Each binding has its Secret and entry, and nothing else is left of any."""
    for name in bindings.kept:
        _check_binding(accounts, bindings, name)
    live = [name for name, kept in bindings.kept.items() if kept.health != "denied"]
    for account in accounts.kept:
        listed = entries_of(world.read("ServiceAccount", account))
        targeting = {name for name in live if _is_for(bindings, name, account, listed)}
        if not targeting:
            accounts.check_left_alone(account)
        stray = set(OURS) - {secret_of(name) for name in targeting}
        assert not stray & set(listed) - accounts.kept[account].unknown
    assert all(not is_deleting(obj) for obj in world.cluster.peek())


def _is_for(bindings: Bindings, name: str, account: str, listed: Entries) -> bool:
    """True if a binding is for *account*; without a valid target ever, its entries stay."""
    target = bindings.target(name)
    return covers(target, account) if target is not None else secret_of(name) in listed


def _check_binding(accounts: Accounts, bindings: Bindings, name: str) -> None:
    obj, secret = bindings.read(name), bindings.secret(name)
    found = {c["type"]: c for c in obj["status"]["conditions"]}
    reasons = {kind: condition["reason"] for kind, condition in found.items()}
    assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]
    if bindings.kept[name].health == "denied":
        assert reasons["Ready"] == "ServerNotAllowed"
        assert secret is None or bindings.is_taken(name)
        return
    _check_token(bindings, name, reasons)
    if bindings.kept[name].health == "invalid" and secret is None:
        # The owner keeps the entry of a Secret that a user deleted.
        expected = {"InvalidSpec", "ServiceAccountNotFound", "NoServiceAccount"}
        if _list(accounts, bindings, name):
            expected = {"Attached"}
        assert reasons["Attached"] in expected
    elif not bindings.is_taken(name):
        _check_attached(accounts, name, bindings.target(name), reasons["Attached"])


def _list(accounts: Accounts, bindings: Bindings, name: str) -> bool:
    """True if the binding *name* has ServiceAccounts, and all of them list the Secret."""
    target = bindings.target(name)
    own = [a for a in accounts.kept if target is not None and covers(target, a)]
    found = (entries_of(accounts.world.read("ServiceAccount", account)) for account in own)
    return bool(own) and all(secret_of(name) in listed for listed in found)


def _is_left(secret: Object) -> bool:
    """True if *secret* is acrpull's and has no owner."""
    return INPUTS_ANNOTATION in annotations_of(secret) and not owners_of(secret)


def _check_token(bindings: Bindings, name: str, reasons: dict[str, str]) -> None:
    """The token has the requested identity, or a reason explains the failure."""
    kept = bindings.kept[name]
    if kept.health == "invalid":
        assert reasons["Ready"] == "InvalidSpec"
        return
    who = wanted(bindings.world, kept.spec, kept.account)
    taken = bindings.is_taken(name)
    left = taken and _is_left(bindings.secret(name) or {})
    if isinstance(who, Reason):
        fresh, listed = reasons["TokenFresh"], reasons["Attached"]
        assert fresh in {who, "RefreshFailing"}
        attached = listed in {"Attached", "NoServiceAccount"}
        unlisted = fresh == "RefreshFailing" and not attached
        assert reasons["Ready"] == (listed if unlisted else fresh)
        assert reasons["RenewalHealthy"] == ("SecretNameTaken" if taken and not left else who)
    elif taken:
        # The model has no controller that gives a Secret without an owner to its binding, so the
        # binding first waits for 2 minutes.
        assert reasons["Ready"] in {"SecretNameTaken", *(("Pending",) if left else ())}
    else:
        assert reasons["TokenFresh"] == "TokenValid"
        assert reasons["RenewalHealthy"] == "OnSchedule"
        token = token_in(bindings.secret(name) or {})
        assert token is not None
        if claims_of(token.value)["sub"] != subject_of(who):
            assert kept.inherited
            assert kept.stamped in (None, asked_for(kept.spec))
            kept.stamped = asked_for(kept.spec)


def _check_attached(accounts: Accounts, name: str, target: Target | None, reason: str) -> None:
    if target is None or target == ():
        assert reason == ("InvalidSpec" if target is None else "NoServiceAccount")
        return
    found = [account for account in accounts.kept if covers(target, account)]
    reasons = {_reason(accounts, name, account) for account in found}
    wanted = (
        len(accounts.kept) or 1 if target == ALL else 1 if isinstance(target, str) else len(target)
    )
    if len(found) < wanted:
        reasons.add("ServiceAccountNotFound")
    worst = ("ServiceAccountOwned", "ServiceAccountNotFound", "Attached")
    assert reason == next(each for each in worst if each in reasons)


def _reason(accounts: Accounts, name: str, target: str) -> str:
    """Return the reason for a single ServiceAccount."""
    account = accounts.world.read("ServiceAccount", target)
    listed = entries_of(account).count(secret_of(name))
    if is_foreign(account) and not listed:
        return "ServiceAccountOwned"
    assert listed == 1
    return "Attached"


def check_fixpoint(world: World) -> None:
    """Syncing everything again writes nothing, and repeats all other answers byte for byte."""
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
    assert len(world.mc.calls) - seen < 30 + 30 * sum(
        len(world.objects(kind.key)) for kind in KINDS
    )


def _answers(world: World, since: int) -> dict[tuple[str, str], str]:
    """Return the last answer of each hook for each parent, without the seconds to wait.

    The answer of a customize hook contains names from a status or an annotation. Metacontroller
    keeps the answer for 20 minutes, and so the last answer can be older than the names.
    """
    found = {}
    for call in world.mc.calls[since:]:
        if call.status != 200 or call.path.endswith("/customize"):
            continue
        parent = call.request.get("object") or call.request["parent"]
        answer = {k: v for k, v in call.answer.items() if k != "resyncAfterSeconds"}
        found[call.path, parent["metadata"]["uid"]] = json.dumps(answer)
    return found
