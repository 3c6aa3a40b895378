"""Each failure of `fault_table` with each state of the Secret, through the service's HTTP API."""

import inspect
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import pytest

from hooks.core.exchange import (
    entra,
    federation,
    imds_answer,
    registry_protocol,
    service_account_token,
)
from hooks.core.model.reason import Reason
from hooks.mint import api_server, managed_identity, minter, registry, workload_identity
from tests.client import Object, docker_config
from tests.emulator import Emulator
from tests.emulator.imds import TENANT
from tests.fault_case import (
    SECRET,
    Addresses,
    Played,
    World,
    other_addresses,
    play,
    play_apart,
    running_world,
)
from tests.fault_row import Effect, Row
from tests.fault_rule import Outcome, State, expected_outcome, expected_wait, is_met
from tests.fault_table import ROWS

# What differs between two equal failures, or is private: request ids, addresses, times, tokens.
OF_SECRET: Final = {"secretName", "tokenIssueTime", "tokenExpirationTime", "secretPendingTime"}
PRIVATE: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}|[0-9]+(\.[0-9]+){3}|eyJ"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}:[0-9]{2}:|[0-9]{9}"
)


@pytest.fixture(scope="module")
def others() -> Iterator[Addresses]:
    """Return the addresses of what Azure is not."""
    with other_addresses() as addresses:
        yield addresses


@pytest.fixture(scope="module")
def world(running_emulator: Emulator, others: Addresses) -> Iterator[World]:
    """Return a running Azure and the services for the fast rows."""
    rows = (row for row in ROWS if not row.slow)
    with running_world(running_emulator, others, rows) as world:
        yield world


@pytest.fixture(scope="module")
def slow_results(others: Addresses) -> dict[str, dict[State, Played]]:
    """Return the results of the slow rows by name. All slow rows wait at the same time."""
    names = [row.name for row in ROWS if row.slow]
    with ThreadPoolExecutor(len(names)) as pool:
        played = pool.map(partial(play_apart, others), (row for row in ROWS if row.slow))
        return dict(zip(names, played, strict=True))


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest, row: Row) -> dict[State, Played]:
    """Return the results of *row* by state."""
    if row.slow:
        found: dict[State, Played] = request.getfixturevalue("slow_results")[row.name]
        return found
    return play(request.getfixturevalue("world"), row)


def conditions(answer: Object) -> dict[str, Object]:
    """Return the conditions in *answer*, by type."""
    return {condition["type"]: condition for condition in answer["status"]["conditions"]}


def message(played: Played) -> str:
    """Return the message of Ready, without the identity: each binding has its own."""
    text = str(conditions(played.answer)["Ready"]["message"])
    return text.replace(played.client.client_id, "")


def secret_in(auths: list[Object], token: str) -> str:
    """Return what the Secrets of an answer contain, given the credentials in each."""
    tokens = [entry["password"] for entries in auths for entry in entries.values()]
    if not tokens:
        return "empty" if auths else "none"
    return "kept" if tokens == [token] else "new"


def outcome(played: Played) -> Outcome:
    """Return the outcome that *played* shows."""
    children = played.answer["children"]
    auths = [docker_config(c)["auths"] for c in children if c["kind"] == "Secret"]
    return Outcome(
        conditions={
            kind: f"{c['status']}/{c['reason']}" for kind, c in conditions(played.answer).items()
        },
        secret=secret_in(auths, played.token),
        accounts={
            c["metadata"]["name"]: [
                *(owner["kind"] for owner in c["metadata"]["ownerReferences"]),
                *(entry["name"] for entry in c["imagePullSecrets"]),
            ]
            for c in children
            if c["kind"] == "ServiceAccount"
        },
        calls=played.calls,
    )


@pytest.mark.process
@pytest.mark.parametrize("state", State, ids=lambda state: state.name.lower())
@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=row.name, marks=[pytest.mark.slow] * row.slow) for row in ROWS],
    scope="module",
)
def test_failure(row: Row, state: State, results: dict[State, Played]) -> None:
    """A working token is kept, the status shows the failure, and no ServiceAccount is lost."""
    played = results[state]
    check_outcome(row, state, played)
    check_wait(row, state, played)
    check_messages(row, state, results)
    check_rest(played)


def check_rest(played: Played) -> None:
    """Check that a second call, with the first answer applied, changes nothing.

    The status describes the observed Secret, which the first answer may replace or remove.
    """
    gone = set() if outcome(played).secret == "kept" else OF_SECRET
    first, second = (
        {key: value for key, value in answer["status"].items() if key not in gone}
        for answer in (played.answer, played.again)
    )
    assert second == first, "The second answer has a new status."
    assert played.again["children"] == played.answer["children"], "The second answer differs."


def check_outcome(row: Row, state: State, played: Played) -> None:
    """Check conditions and children; each endpoint of Azure is called at most once."""
    found = outcome(played)
    assert found == expected_outcome(row, state, SECRET)
    kinds = [child["kind"] for child in played.answer["children"]]
    assert len(kinds) == 2 + (found.secret != "none"), "The answer has other children."
    assert played.strays == [], "A request reached an endpoint that Azure does not have."


def check_wait(row: Row, state: State, played: Played) -> None:
    """Check that Metacontroller tries again neither too early nor too late."""
    least, most = expected_wait(row, state)
    assert least <= played.answer["resyncAfterSeconds"] <= most, "The wait is wrong."


def check_messages(row: Row, state: State, results: dict[State, Played]) -> None:
    """Check that the messages name a remedy, and show nothing private or passing.

    Bindings in other states reach Azure with other ids at other times. Their message is the same.
    """
    played = results[state]
    if not is_met(row, state):
        assert message(played) == "Image pulls are authorized."
        return
    assert row.remedy in message(played), "The message has no remedy."
    assert message(played) == message(results[State.MISSING]), "The message depends on the Secret."
    for condition in conditions(played.answer).values():
        text = condition["message"].replace(played.client.client_id, "").replace(TENANT, "")
        assert text.isprintable(), "The message has more than one line."
        assert len(text) < 400, "The message is too long."
        if row.effect is Effect.MINT_FAILS:
            found = PRIVATE.search(text.replace(played.client.server, ""))
            assert not found, "The message shows an id, an address, a time or a token."


def test_every_failure_has_a_row() -> None:
    """The table has every reason of a failed mint, and no other reason."""
    modules = (entra, federation, imds_answer, registry_protocol, service_account_token)
    hops = (api_server, managed_identity, minter, registry, workload_identity)
    sources = (inspect.getsource(module) for module in (*modules, *hops))
    failures = {Reason[name] for name in re.findall(r"Reason\.([A-Z_]+)", "".join(sources))}
    shown = {reason for row in ROWS for reason in (row.reason, row.pending_if_new) if reason}
    assert shown == failures | {Reason.INVALID_SPEC, Reason.SERVER_NOT_ALLOWED}
