"""Each failure with each Secret that there can be, by the front door: `fault_table`."""

import inspect
import re
from collections.abc import Iterator
from typing import Final

import pytest

from hooks import federation as federation_hop
from hooks import managed_identity, mint, registry
from hooks import service_account_token as service_account_token_hop
from hooks.core import acr, entra, federation, imds_answer, service_account_token
from hooks.core.reason import Reason
from tests.client import Object, docker_config
from tests.emulator import Emulator
from tests.emulator.imds import TENANT
from tests.fault_case import SECRET, Played, World, play, running_world
from tests.fault_row import Effect, Row
from tests.fault_rule import Outcome, State, expected_outcome, expected_wait, is_met
from tests.fault_table import ROWS

# What changes from one failure to the next, or is nobody's business: ids of requests, addresses,
# instants, tokens.
PRIVATE: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}|[0-9]+(\.[0-9]+){3}|eyJ"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}:[0-9]{2}:|[0-9]{9}"
)


@pytest.fixture(scope="module")
def world(running_emulator: Emulator) -> Iterator[World]:
    """Start what the rows need."""
    with running_world(running_emulator, ROWS) as world:
        yield world


@pytest.fixture(scope="module", params=ROWS, ids=lambda row: row.name)
def row(request: pytest.FixtureRequest) -> Row:
    """Return each row."""
    row: Row = request.param
    return row


@pytest.fixture(scope="module")
def results(world: World, row: Row) -> dict[State, Played]:
    """Return what became of the row, by state."""
    return play(world, row)


@pytest.fixture(params=State, ids=lambda state: state.name.lower())
def state(request: pytest.FixtureRequest) -> State:
    """Return each state of the Secret."""
    state: State = request.param
    return state


@pytest.fixture
def played(results: dict[State, Played], state: State) -> Played:
    """Return what became of the row in the state."""
    return results[state]


def conditions(answer: Object) -> dict[str, Object]:
    """Return the conditions in *answer*, by type."""
    return {condition["type"]: condition for condition in answer["status"]["conditions"]}


def message(answer: Object) -> str:
    """Return what *answer* says of the failure."""
    return str(conditions(answer)["RenewalHealthy"]["message"])


def outcome(played: Played) -> Outcome:
    """Return what *played* shows."""
    children = played.answer["children"]
    auths = [docker_config(c)["auths"] for c in children if c["kind"] == "Secret"]
    tokens = [entry["password"] for entries in auths for entry in entries.values()]
    return Outcome(
        conditions={
            kind: f"{c['status']}/{c['reason']}" for kind, c in conditions(played.answer).items()
        },
        secret="none" if not tokens else "kept" if tokens == [played.token] else "new",
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


def test_outcome(row: Row, state: State, played: Played) -> None:
    """What works is kept, what fails is told, nothing is lost, and Azure is asked but once."""
    assert outcome(played) == expected_outcome(row, state, SECRET)
    assert len(played.answer["children"]) == 2 + (outcome(played).secret != "none")
    assert played.strays == []


def test_wait(row: Row, state: State, played: Played) -> None:
    """It is tried again neither too soon nor too late."""
    least, most = expected_wait(row, state)
    assert least <= played.answer["resyncAfterSeconds"] <= most


def test_message(row: Row, state: State, played: Played) -> None:
    """It says in one line what to do, and nothing that is private or passes."""
    if not is_met(row, state):
        assert message(played.answer) == ""
        return
    assert row.remedy in message(played.answer)
    for condition in conditions(played.answer).values():
        text = condition["message"].replace(played.client.client_id, "").replace(TENANT, "")
        assert text.isprintable()
        assert len(text) < 400
        if row.effect is Effect.MINT_FAILS:
            assert not PRIVATE.search(text.replace(played.client.server, ""))


def test_again(played: Played) -> None:
    """Once more, with the answer applied, nothing changes."""
    assert played.again["status"] == played.answer["status"]
    assert played.again["children"] == played.answer["children"]


def test_same_words(results: dict[State, Played]) -> None:
    """Failures that reached Azure apart, each with ids and times of its own, are told the same."""
    told = {
        message(played.answer).replace(played.client.client_id, "")
        for state, played in results.items()
        if state is not State.FRESH
    }
    assert len(told) == 1


def test_every_failure_has_a_row() -> None:
    """The reasons that the hooks give for a failed mint are those of the table."""
    modules = (acr, entra, federation, imds_answer, service_account_token)
    hops = (federation_hop, managed_identity, mint, registry, service_account_token_hop)
    sources = (inspect.getsource(module) for module in (*modules, *hops))
    failures = {Reason[name] for name in re.findall(r"Reason\.([A-Z_]+)", "".join(sources))}
    told = {reason for row in ROWS for reason in (row.reason, row.young) if reason}
    assert told == failures | {Reason.INVALID_SPEC, Reason.SERVER_NOT_ALLOWED}
