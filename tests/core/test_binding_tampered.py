"""A Secret that somebody changed, from the body that shows it to the one that answers."""

import base64
import json

import pytest

from hooks.core.fields import JSON
from hooks.core.model.token import AcrToken, MintFailed
from hooks.core.observed import Observed
from hooks.core.policy.decision_settings import Policy
from hooks.core.renewal.decision import Mint, inputs_hash
from hooks.core.sync import Answer
from hooks.core.wire.dockerconfig import encode
from hooks.core.wire.request import parse_observed
from hooks.core.wire.response import new_answer
from tests.core.builders import (
    EXPIRED,
    FAILED,
    NEW_TOKEN,
    NOW,
    PARENT,
    POLICY,
    REQUEST,
    SECRET_NAME,
    SERVER,
    TOKEN,
    decide,
    sync,
)

KEY = ".dockerconfigjson"
MINE = {"username": "me", "password": "x"}


def observe(config: str) -> Observed:
    """Return what a body shows whose Secret holds *config*, base64."""
    annotations = {"acrpull.dev/token-inputs": inputs_hash(REQUEST)}
    secret: JSON = {
        "metadata": {"name": SECRET_NAME, "namespace": "team-a", "annotations": annotations},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {KEY: config},
    }
    body = {"parent": PARENT, "children": {"Secret.v1": {f"team-a/{SECRET_NAME}": secret}}}
    return parse_observed(body, lambda *_: None)


def extended(token: AcrToken) -> str:
    """Return *token*'s config with an entry of the user's, base64."""
    auths = json.loads(base64.b64decode(encode(SERVER, token)))["auths"]
    return base64.b64encode(json.dumps({"auths": {**auths, "b.io": MINE}}).encode()).decode()


def answer(observed: Observed, outcome: AcrToken | MintFailed, policy: Policy = POLICY) -> Answer:
    """Return the answer to *observed*, which needs a token, when *outcome* comes of it."""
    decision = decide(observed, policy, NOW)
    assert isinstance(decision, Mint)
    assert decision.newer_than is None
    return sync(observed, decision, outcome, policy, NOW)


@pytest.mark.parametrize(
    ("token", "outcome", "written", "fresh"),
    [
        pytest.param(TOKEN, NEW_TOKEN, NEW_TOKEN, ("True", "TokenValid"), id="minted"),
        pytest.param(TOKEN, FAILED, TOKEN, ("True", "RefreshFailing"), id="failed"),
        pytest.param(EXPIRED, FAILED, EXPIRED, ("False", "RegistryError"), id="failed-expired"),
    ],
)
def test_changed(
    token: AcrToken, outcome: AcrToken | MintFailed, written: AcrToken, fresh: tuple[str, str]
) -> None:
    """A changed Secret gets a new token; until one comes, it is written clean with its own."""
    observed = observe(extended(token))
    result = answer(observed, outcome)
    (secret,) = (
        child
        for child in new_answer(observed.binding, result, finalizing=False)["children"]
        if child["kind"] == "Secret"
    )
    assert secret["data"] == {KEY: encode(SERVER, written)}
    condition = result.status.condition("TokenFresh")
    assert condition is not None
    assert (condition.status, condition.reason) == fresh


def test_nothing_left() -> None:
    """A Secret without a token is written empty until one comes, and is not fresh."""
    result = answer(observe("e30="), FAILED)
    condition = result.status.condition("TokenFresh")
    assert condition is not None
    assert (condition.status, condition.reason) == ("False", "RegistryError")
    assert result.status.token_expiration_time is None
