"""The order of the steps to a registry token, driven by hand."""

from dataclasses import replace

import pytest

from hooks.core.exchange.steps import (
    EntraStep,
    RegistryStep,
    Step,
    StepOutcome,
    last_hop,
    take_steps,
)
from hooks.core.model.identity import FederatedIdentity, Identity, TrustedAccount
from hooks.core.model.reason import Reason
from hooks.core.model.token import Hop, MintFailed, PartialGrant
from tests.core.builders import NEW_TOKEN, REQUEST

ACCOUNT = TrustedAccount("team-a", "app", "uid")
SCOPED = replace(REQUEST, scope="repository:a:pull")


@pytest.mark.parametrize(
    ("identity", "hops"),
    [
        (Identity(client_id="id"), [Hop.IMDS]),
        (FederatedIdentity("tenant", "id", ACCOUNT), [Hop.SERVICE_ACCOUNT_TOKEN, Hop.ENTRA]),
        (FederatedIdentity("tenant", "id", None), [Hop.ENTRA]),
    ],
    ids=["managed", "workload", "own"],
)
@pytest.mark.parametrize("scope", [None, "repository:a:pull"], ids=["refresh", "scope"])
def test_order(identity: Identity | FederatedIdentity, hops: list[Hop], scope: str | None) -> None:
    """Each step gets the token of the step before; only a scope needs a last step."""
    request = replace(REQUEST, identity=identity, scope=scope)
    seen: list[Hop] = []
    forms: list[dict[str, str]] = []

    def take(step: Step) -> StepOutcome:
        if isinstance(step, EntraStep):
            seen.extend((*step.before, step.hop))
            return "entra"
        seen.append(step.hop)
        forms.append(step.post.form)
        return NEW_TOKEN

    assert [outcome for _, outcome in take_steps(request, take)][-1] is NEW_TOKEN
    assert seen == [*hops, Hop.EXCHANGE, *([Hop.TOKEN] if scope else [])]
    assert seen[-1] is last_hop(request)
    assert forms[0]["access_token"] == "entra"
    assert [form["refresh_token"] for form in forms[1:]] == ([NEW_TOKEN.value] if scope else [])


@pytest.mark.parametrize("failing", [Hop.IMDS, Hop.EXCHANGE, Hop.TOKEN])
def test_failure(failing: Hop) -> None:
    """The first failure is the last outcome, and has the hop of its step."""

    def take(step: Step) -> StepOutcome:
        if step.hop is failing:
            return MintFailed(Reason.TIMEOUT, "late")
        return NEW_TOKEN if isinstance(step, RegistryStep) else "entra"

    found = list(take_steps(SCOPED, take))
    assert [step.hop for step, _ in found][-1] is failing
    assert found[-1][1] == MintFailed(Reason.TIMEOUT, "late", hop=failing)


def test_partial_grant() -> None:
    """A token for a part of the scope is the last outcome."""
    partial = PartialGrant(NEW_TOKEN, MintFailed(Reason.SCOPE_NOT_GRANTED, "part"))
    outcomes: dict[Hop, StepOutcome] = {
        Hop.IMDS: "entra",
        Hop.EXCHANGE: NEW_TOKEN,
        Hop.TOKEN: partial,
    }
    found = list(take_steps(SCOPED, lambda step: outcomes[step.hop]))
    assert [outcome for _, outcome in found] == list(outcomes.values())
