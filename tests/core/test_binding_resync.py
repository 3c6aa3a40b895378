"""When the next call to `/sync` is due."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hooks.core.model.binding import Condition, Status
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, MintFailed
from hooks.core.observed import Observed
from hooks.core.renewal.decision import Keep, Mint
from hooks.core.rfc3339 import parse_time
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    DENIED,
    EXPIRED,
    FAILED,
    GOING,
    HOLDER,
    HOUR,
    INVALID,
    MINUTE,
    NAMESPACE,
    NEW_TOKEN,
    NO_SECRET,
    NOW,
    OBSERVED,
    POLICY,
    SECOND,
    SECRET,
    TAKEN,
    decide,
    new_token,
    sync,
)

STALE = replace(OBSERVED, secret=replace(SECRET, token=EXPIRED))
UNGUARDED = replace(OBSERVED, accounts=(replace(ACCOUNT, owners=(HOLDER,)),))
Outcome = AcrToken | MintFailed | None


def resync(observed: Observed, outcome: Outcome) -> int:
    """Return the wait after *observed*, with *outcome* if a token is needed."""
    decision = decide(observed, POLICY, NOW)
    outcome = outcome if isinstance(decision, Mint) else None
    return sync(observed, decision, outcome, POLICY, NOW).resync_after_seconds


def failing(since: str) -> Observed:
    """Return an expired token, its renewal failing since *since*."""
    status = Status((Condition("RenewalHealthy", "False", "Timeout", "", 1, parse_time(since)),))
    return replace(STALE, binding=replace(BINDING, status=status))


SHORT = replace(SECRET, token=new_token(NOW - HOUR, NOW + 10 * MINUTE))
BRIEF = replace(SECRET, token=new_token(NOW - HOUR, NOW - 58 * MINUTE))
ASKED = MintFailed(Reason.THROTTLED, "slower", 60)


@pytest.mark.parametrize(
    ("observed", "outcome", "seconds"),
    [
        pytest.param(NO_SECRET, NEW_TOKEN, 10, id="minted"),
        pytest.param(OBSERVED, None, 5400, id="kept"),
        pytest.param(
            replace(OBSERVED, secret=replace(SECRET, token=new_token(NOW + HOUR, NOW + 4 * HOUR))),
            None,
            300,
            id="kept-while-the-clock-is-behind",
        ),
        pytest.param(NO_SECRET, FAILED, 5, id="first-failure"),
        pytest.param(failing("2026-11-23T11:59:00Z"), FAILED, 60, id="failing-for-a-minute"),
        pytest.param(failing("soon"), FAILED, 5, id="failing-since-nobody-knows"),
        pytest.param(NO_SECRET, ASKED, 60, id="asked-to-wait"),
        pytest.param(
            replace(failing("2026-11-23T11:00:00Z"), secret=SHORT), FAILED, 150, id="a-quarter"
        ),
        pytest.param(failing("2026-11-23T11:00:00Z"), FAILED, 300, id="nothing-left-to-save"),
        pytest.param(
            replace(failing("2026-11-23T11:00:00Z"), secret=BRIEF), FAILED, 30, id="lived-briefly"
        ),
        pytest.param(INVALID, None, 300, id="invalid"),
        pytest.param(DENIED, None, 300, id="denied"),
        pytest.param(
            replace(DENIED, secret=replace(SECRET, token=new_token(NOW - HOUR, NOW + MINUTE))),
            None,
            60,
            id="denied-and-expires-soon",
        ),
        pytest.param(
            replace(
                OBSERVED,
                namespace=replace(NAMESPACE, servers=()),
                secret=replace(SECRET, token=new_token(NOW - HOUR, NOW + MINUTE)),
            ),
            None,
            300,
            id="denied-by-annotation",
        ),
        pytest.param(replace(DENIED, secret=STALE.secret), None, 300, id="denied-and-expired"),
        pytest.param(replace(DENIED, secret=None), None, 300, id="denied-without-secret"),
        pytest.param(TAKEN, None, 300, id="taken"),
        pytest.param(GOING, None, 0, id="deleting"),
        pytest.param(UNGUARDED, None, 1, id="kept-but-unguarded"),
        pytest.param(replace(UNGUARDED, secret=None), None, 1, id="unguarded"),
        pytest.param(replace(UNGUARDED, secret_taken=True, secret=None), None, 1, id="both"),
        pytest.param(replace(NO_SECRET, namespace=None), None, 5, id="namespace-unknown"),
    ],
)
def test_resync(observed: Observed, outcome: Outcome, seconds: int) -> None:
    """The next call is when the token is due, or as soon as trying again makes sense."""
    assert resync(observed, outcome) == seconds


def test_expired_since_the_decision() -> None:
    """A token that expired after the decision to keep it is renewed at once."""
    assert sync(STALE, Keep(), None, POLICY, NOW).resync_after_seconds == 1


def test_spread() -> None:
    """With a jitter a binding is renewed earlier than without, never later, and then at once."""
    spread = replace(POLICY, refresh_jitter=HOUR)
    plain = sync(OBSERVED, decide(OBSERVED, POLICY, NOW), None, POLICY, NOW)
    early = sync(OBSERVED, decide(OBSERVED, spread, NOW), None, spread, NOW)
    wait = early.resync_after_seconds
    assert plain.resync_after_seconds - 3600 < wait < plain.resync_after_seconds
    due = NOW + timedelta(seconds=wait)
    assert isinstance(decide(OBSERVED, spread, due), Mint)
    assert not isinstance(decide(OBSERVED, spread, due - 2 * SECOND), Mint)
