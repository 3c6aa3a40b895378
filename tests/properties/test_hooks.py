"""Properties of the hooks on requests that the model sends, and on what damage makes of them."""

import copy
import json
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed
from hooks.core.renewal.decision import Keep
from hooks.core.wire.request import parse_observed
from hooks.handlers import Hooks
from hooks.schemas import check_spec
from tests.core.builders import decide
from tests.damage import VALUES, damaged
from tests.model import Call
from tests.model.objects import Object
from tests.properties.accounts import Accounts
from tests.properties.bindings import Bindings
from tests.properties.exchange import without_data
from tests.properties.identities import ANNOTATIONS
from tests.properties.specs import OTHERS
from tests.properties.tokens import shows_token
from tests.properties.world import SETTINGS, STRATEGIES, World


@cache
def calls() -> tuple[Call, ...]:
    """Return the calls of some bindings' lives, in both strategies: renewed, moved and deleted."""
    found: list[Call] = []
    for strategy in STRATEGIES:
        world = World(strategy)
        accounts, bindings = Accounts(world), Bindings(world)
        for name in ("default", "build"):
            accounts.create(name, ["zeta", None])
        names = ("app", "team-a", "v1beta1/app", "v1beta2/team-a")
        for name in names:
            bindings.create(name, "default")
        world.advance(3 * 3600)
        bindings.move("app", "build")
        bindings.specify("app", **OTHERS[1])
        accounts.annotate("default", ANNOTATIONS[0])
        bindings.specify("v1beta2/team-a", workloadIdentity={})
        world.mint.failure = MintFailed(Reason.REGISTRY_DENIED, "grant AcrPull")
        world.advance(3 * 3600)
        for name in names:
            bindings.delete(name)
        world.settle()
        found += world.mc.calls
    return tuple(found)


def hooks_at(world: World) -> dict[str, Any]:
    """Return the hooks as plain functions, by path, at a world's clock."""
    hooks = Hooks(SETTINGS.policy, world.mint, world.clock.now, apis=SETTINGS.apis)
    return {
        "/sync": hooks.sync,
        "/finalize": hooks.finalize,
        "/customize": hooks.customize,
        "/serviceaccount/sync": hooks.decorate,
        "/serviceaccount/customize": hooks.decorate_customize,
    }


def test_the_same_request_has_the_same_answer() -> None:
    """Each hook answers the same input with the same bytes."""
    world = World()
    hooks = hooks_at(world)
    assert {call.path for call in calls()} == hooks.keys()
    for call in calls():
        world.clock.advance_to(call.at)
        bodies = (copy.deepcopy(call.request) for _ in range(2))  # a hook empties a parsed body
        first, second = (json.dumps(hooks[call.path](body).body) for body in bodies)
        assert first == second


def test_a_token_once_due_stays_due() -> None:
    """As time goes by with nothing else changed, a kept token becomes due once, and stays so."""
    for call in calls():
        if call.path != "/sync":
            continue
        observed = parse_observed(call.request, check_spec)
        times = (call.at + timedelta(minutes=10 * number) for number in range(24))
        kept = [decide(observed, SETTINGS.policy, now) == Keep() for now in times]
        assert kept == sorted(kept, reverse=True)


@st.composite
def damaged_calls(draw: st.DrawFn) -> tuple[Call, Object]:
    """Return a call, and its request with a part of it taken out or replaced."""
    call = draw(st.sampled_from(calls()))
    body = {key: part for key, part in call.request.items() if key != "controller"}
    return call, draw(damaged(body))


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(damaged_calls())
def test_a_damaged_request_is_answered_or_refused(case: tuple[Call, Object]) -> None:
    """No damage to a request makes an error of ours, a ServiceAccount lost, or a token shown."""
    call, body = case
    world = World()
    world.clock.advance_to(call.at)
    status, answer = world.ask(call.path, body)
    assert status in (200, 400), answer
    assert not shows_token(json.dumps(without_data(answer)))
    if status == 400:
        assert list(answer) == ["error"]
        return
    observed = (body.get("children") or {}).get("ServiceAccount.v1") or {}
    kept = [child for child in answer.get("children", []) if child["kind"] == "ServiceAccount"]
    assert call.path not in ("/sync", "/finalize") or len(kept) >= len(observed)


@pytest.mark.parametrize("path", sorted({"/sync", "/finalize", "/customize"}))
@given(body=st.recursive(st.sampled_from(VALUES), st.lists, max_leaves=3))
def test_any_json_is_answered_or_refused(path: str, body: object) -> None:
    """Any JSON in place of a request gets one line that says what is wrong."""
    status, answer = World().ask(path, body)
    assert (status, list(answer)) == (400, ["error"])
    assert "\n" not in answer["error"]
