"""A token for a part of the scope: better than no token, and never reported as fresh."""

import json
from dataclasses import replace
from datetime import datetime

import pytest

from hooks.core.exchange.registry_protocol import (
    missing_actions,
    parse_registry_response,
    parse_token,
    scope_down,
)
from hooks.core.model.binding import Spec
from hooks.core.model.cluster import PullSecret
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, MintFailed, PartialGrant, failure_of
from hooks.core.observed import Observed
from hooks.core.renewal.decision import Keep, Mint, MintReason, inputs_hash
from hooks.core.sync import Answer
from tests.core.builders import (
    BINDING,
    HOUR,
    IDENTITY,
    MINUTE,
    NOW,
    OBSERVED,
    POLICY,
    REQUEST,
    SECOND,
    SECRET_NAME,
    SERVER,
    TARGETS,
    decide,
    finalize,
    new_jwt,
    sync,
)

REQUESTED = replace(REQUEST, scope="repository:a:pull repository:b:pull")


def granting(*names: str, since: datetime = NOW) -> AcrToken:
    """Return an access token for 75 minutes and pulls from *names*."""
    access = [{"type": "repository", "name": name, "actions": ["pull"]} for name in names]
    begin = int(since.timestamp())
    return parse_token(new_jwt({"iat": begin, "exp": begin + 75 * 60, "access": access}))


def short(token: AcrToken | None) -> PartialGrant | MintFailed:
    """Return the outcome of a mint with the partial *token*."""
    failed = MintFailed(Reason.SCOPE_NOT_GRANTED, "not pull on b")
    return PartialGrant(token, failed) if token else failed


PARTIAL, WHOLE = granting("a"), granting("a", "b")


def new_secret(token: AcrToken) -> PullSecret:
    """Return the Secret with *token*."""
    return PullSecret(SECRET_NAME, SERVER, token, inputs_hash(REQUESTED), targets=TARGETS)


def holding(token: AcrToken | None) -> Observed:
    """Return the observation of a binding for both, with *token* in the Secret."""
    binding = replace(BINDING, spec=Spec(SERVER, IDENTITY, REQUESTED.scope))
    secret = new_secret(token) if token else None
    return replace(OBSERVED, binding=binding, secret=secret)


def answered(observed: Observed, outcome: PartialGrant | MintFailed, now: datetime = NOW) -> Answer:
    """Return the answer to *observed* after a mint with *outcome*."""
    return sync(observed, Mint(REQUESTED, None, MintReason.DUE), outcome, POLICY, now)


def fresh(answer: Answer) -> str:
    """Return status and reason of TokenFresh."""
    condition = answer.status.condition("TokenFresh")
    return f"{condition and condition.status}/{condition and condition.reason}"


@pytest.mark.parametrize(
    ("token", "along"), [(PARTIAL, PARTIAL), (granting("x"), None), (granting(), None)]
)
def test_comes_along(token: AcrToken, along: AcrToken | None) -> None:
    """A failure contains a token for a part of the scope, but not a token for no part."""
    body = json.dumps({"access_token": token.value}).encode()
    outcome = parse_registry_response(REQUESTED, scope_down(REQUESTED, "r"), 200, {}, body)
    assert not isinstance(outcome, AcrToken)
    assert failure_of(outcome).reason == Reason.SCOPE_NOT_GRANTED
    assert (outcome.token if isinstance(outcome, PartialGrant) else None) == along
    assert token.value not in repr(outcome)


def test_lacking() -> None:
    """Missing actions follow from the claim of a token; a refresh token lacks no action."""
    assert missing_actions(REQUESTED, PARTIAL) == ("pull on b",)
    assert missing_actions(REQUESTED, WHOLE) == ()
    assert missing_actions(REQUEST, granting()) == ()


def test_better_than_none() -> None:
    """Without a working token, the Secret has the partial token, and TokenFresh is False."""
    for observed in (holding(None), holding(granting("a", "b", since=NOW - 2 * HOUR))):
        answer = answered(observed, short(PARTIAL))
        assert answer.secret == new_secret(PARTIAL)
        assert fresh(answer) == "False/ScopeNotGranted"
        assert answer.resync_after_seconds == 5


@pytest.mark.parametrize("old", [None, granting("a", since=NOW - 2 * HOUR)], ids=["none", "old"])
def test_not_written(old: AcrToken | None) -> None:
    """After 10 s without the write, the reason is the write, and the message has both causes."""
    observed, course = holding(old), []
    for seconds in (0, 9, 10, 70):
        answer = answered(observed, short(PARTIAL), NOW + seconds * SECOND)
        assert answer.status.secret_pending_time == NOW
        course.append(fresh(answer))
        binding = replace(observed.binding, status=answer.status)
        observed = replace(observed, binding=binding)
    assert course == ["False/ScopeNotGranted"] * 2 + ["False/SecretNotWritten"] * 2
    ready = answer.status.condition("Ready")
    assert ready is not None
    assert ready.message == (
        'Metacontroller could not write Secret "acr-pull-app", or another client undoes each write '
        "at once. See the events of the binding for the reason. In addition, the token lacks a "
        "part of the scope: not pull on b"
    )
    written = replace(observed, secret=new_secret(PARTIAL))
    last = answered(written, short(PARTIAL), NOW + 80 * SECOND)
    assert (fresh(last), last.status.secret_pending_time) == ("False/ScopeNotGranted", None)


def test_asked_for_again() -> None:
    """A partial token does not prevent a mint, and stays in the Secret until it is due."""
    observed = holding(PARTIAL)
    assert decide(observed, POLICY, NOW) == Mint(
        REQUESTED, PARTIAL.issued_at, MintReason.SCOPE_NOT_COVERED
    )
    assert decide(holding(WHOLE), POLICY, NOW) == Keep()
    later = short(granting("a", since=NOW + MINUTE))
    answer = answered(observed, later, NOW + MINUTE)
    assert answer.secret == observed.secret
    assert fresh(answer) == "False/ScopeNotGranted"


def test_renewed() -> None:
    """A partial token is replaced by another as soon as it is due."""
    now = NOW + 45 * MINUTE
    newer = granting("a", since=now)
    answer = answered(holding(PARTIAL), short(newer), now)
    assert answer.secret is not None
    assert answer.secret.token == newer


@pytest.mark.parametrize("token", [PARTIAL, WHOLE], ids=["partial", "whole"])
def test_failed_without_a_token(token: AcrToken) -> None:
    """A failure without a token leaves the observed token in the Secret, even if due."""
    observed = holding(token)
    assert answered(observed, short(None), NOW + 45 * MINUTE).secret == observed.secret


def test_better_one() -> None:
    """A partial token is replaced at once by a token with more actions, but not with fewer."""
    request = replace(REQUESTED, scope=f"{REQUESTED.scope} repository:c:pull")
    spec = Spec(SERVER, IDENTITY, request.scope)
    secret = PullSecret(SECRET_NAME, SERVER, PARTIAL, inputs_hash(request))
    held = replace(OBSERVED, binding=replace(BINDING, spec=spec), secret=secret)
    for token, taken in ((WHOLE, WHOLE), (granting("c"), PARTIAL), (granting("b", "c"), PARTIAL)):
        answer = sync(held, Mint(request, None, MintReason.DUE), short(token), POLICY, NOW)
        assert answer.secret is not None
        assert answer.secret.token == taken


def test_never_in_place_of_a_whole_one() -> None:
    """A token for the whole scope stays as long as the token works."""
    now = NOW + 75 * MINUTE - SECOND
    observed = holding(WHOLE)
    answer = answered(observed, short(granting("a", since=now)), now)
    assert answer.secret == observed.secret
    assert fresh(answer) == "True/RefreshFailing"


@pytest.mark.parametrize(
    ("token", "status"), [(PARTIAL, "False/Deleting"), (WHOLE, "True/TokenValid")]
)
def test_while_deleting(token: AcrToken, status: str) -> None:
    """A partial token is not fresh while the binding is deleted."""
    observed = holding(token)
    going = replace(observed, binding=replace(observed.binding, deleting=True))
    assert fresh(finalize(going, POLICY, NOW)) == status
