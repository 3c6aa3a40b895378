"""A token that was minted and whose Secret is not there: deleted, or never made."""

from dataclasses import replace
from datetime import datetime

import pytest

from hooks.core.binding import Answer, sync
from hooks.core.cluster import Namespace
from hooks.core.decision import Mint, decide
from hooks.core.model import Condition, Status
from hooks.core.observed import Observed
from hooks.core.reason import Reason
from hooks.core.token import AcrToken, MintFailed
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    EXPIRED,
    FAILED,
    HOLDER,
    HOUR,
    NEW_TOKEN,
    NOW,
    OBSERVED,
    POLICY,
    REQUEST,
    SECRET,
    SECRET_NAME,
)

TIME = "2026-11-23T11:00:00Z"
RENEWED = Condition("RenewalHealthy", "True", "OnSchedule", "", 2, TIME)


def after(status: Status) -> Observed:
    """Return what is observed without a Secret, *status* being the last that was answered."""
    return replace(OBSERVED, binding=replace(BINDING, status=status), secret=None)


MISSING = after(Status((RENEWED,), token_issue_time=TIME))
UNGUARDED = replace(MISSING, accounts=(replace(ACCOUNT, owners=(HOLDER,)),))
ENDING = replace(MISSING, namespace=Namespace("uid-team-a", terminating=True))
TAKEN = replace(MISSING, secret_taken=True)
STALE = replace(MISSING, secret=replace(SECRET, token=EXPIRED))


def answer(observed: Observed, outcome: AcrToken | MintFailed) -> Answer:
    """Return the answer to *observed*, with *outcome* should it need a token."""
    decision = decide(observed, POLICY, NOW)
    return sync(observed, decision, outcome if isinstance(decision, Mint) else None, POLICY, NOW)


@pytest.mark.parametrize(
    ("fresh", "time", "newer_than"),
    [
        pytest.param("True", TIME, NOW - HOUR, id="had-one"),
        pytest.param("True", "soon", None, id="no-time"),
        pytest.param("True", None, None, id="none"),
        pytest.param("False", TIME, None, id="never-got-into-a-secret"),
        pytest.param(None, TIME, None, id="no-condition"),
    ],
)
def test_newer_than(fresh: str | None, time: str | None, newer_than: datetime | None) -> None:
    """The token wanted is newer than the one that the binding had, if it had one."""
    conditions = (Condition("TokenFresh", fresh, "", "", 2),) if fresh else ()
    observed = after(Status(conditions, token_issue_time=time))
    assert decide(observed, POLICY, NOW) == Mint(REQUEST, newer_than)


@pytest.mark.parametrize(
    ("observed", "outcome", "status", "reason", "resync"),
    [
        pytest.param(MISSING, NEW_TOKEN, "False", Reason.PENDING, 60, id="missing"),
        pytest.param(after(Status()), NEW_TOKEN, "True", Reason.TOKEN_VALID, 9000, id="first"),
        pytest.param(STALE, NEW_TOKEN, "True", Reason.TOKEN_VALID, 9000, id="renewed"),
        pytest.param(MISSING, FAILED, "False", Reason.REGISTRY_ERROR, 5, id="failed"),
        pytest.param(UNGUARDED, NEW_TOKEN, "False", Reason.PENDING, 1, id="unguarded"),
        pytest.param(ENDING, NEW_TOKEN, "False", Reason.NAMESPACE_TERMINATING, 300, id="ending"),
        pytest.param(TAKEN, NEW_TOKEN, "False", Reason.SECRET_NAME_TAKEN, 300, id="taken"),
    ],
)
def test_token_fresh(
    observed: Observed, outcome: AcrToken | MintFailed, status: str, reason: Reason, resync: int
) -> None:
    """A token minted again counts once its Secret is observed, and what else is wrong is told."""
    result = answer(observed, outcome)
    fresh = result.status.condition("TokenFresh")
    assert fresh is not None
    assert (fresh.status, fresh.reason, result.resync_after_seconds) == (status, reason, resync)


def test_missing() -> None:
    """The Secret is answered again, and the status names it; the renewal is as it was."""
    result = answer(MISSING, NEW_TOKEN)
    assert result.secret is not None
    assert result.secret.token == NEW_TOKEN
    assert result.status.condition("RenewalHealthy") == RENEWED
    for kind in ("Ready", "TokenFresh"):
        condition = result.status.condition(kind)
        assert condition is not None
        assert (condition.status, condition.reason) == ("False", "Pending")
        assert condition.message.startswith(f"Secret {SECRET_NAME} is gone, or could not be made")


def test_missing_stays() -> None:
    """While it stays missing the status stays, and the token that was minted will do."""
    first = answer(MISSING, NEW_TOKEN)
    observed = after(first.status)
    assert decide(observed, POLICY, NOW) == Mint(REQUEST, None)
    assert answer(observed, NEW_TOKEN) == first


def test_appears() -> None:
    """Once the Secret is observed the binding is ready."""
    first = answer(MISSING, NEW_TOKEN)
    result = answer(replace(after(first.status), secret=first.secret), FAILED)
    ready = result.status.condition("Ready")
    assert ready is not None
    assert (ready.status, ready.reason) == ("True", "Ready")
    assert result.secret == first.secret


@pytest.mark.parametrize(
    ("since", "status"),
    [
        pytest.param("2026-11-23T11:59:50Z", "True", id="may-yet-appear"),
        pytest.param("2026-11-23T11:59:49Z", "False", id="overdue"),
        pytest.param("soon", "False", id="no-time"),
    ],
)
def test_grace(since: str, status: str) -> None:
    """A Secret just made has 10 s to be observed."""
    before = Status((Condition("TokenFresh", "True", "", "", 2, since),), token_issue_time=TIME)
    fresh = answer(after(before), NEW_TOKEN).status.condition("TokenFresh")
    assert fresh is not None
    assert fresh.status == status
