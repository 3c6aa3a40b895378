"""The conditions about the token, and Ready: status, reason and message."""

import pytest

from hooks.core.model.binding import Condition
from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed
from hooks.core.observed import Observed
from hooks.core.policy.permission import Reject
from hooks.core.renewal.resolve import Hold
from hooks.core.renewal.secret import Unwritten
from hooks.core.status.condition_state import ConditionState, Problem, new_state
from hooks.core.status.conditions import Freshness, ready, renewal_healthy, token_fresh
from tests.core.builders import HOUR, LEFT, NOW, OBSERVED, TAKEN

EXPIRY = "2026-11-23T14:00:00Z"
WORKS = Freshness(works=True, due=NOW + HOUR)
WORN = Freshness(works=False)
FAILED = MintFailed(Reason.REGISTRY_ERROR, "It is down. Wait.")
PENDING = Hold(Reason.PENDING, "Waiting.", 1)
ENDING = Hold(Reason.NAMESPACE_TERMINATING, "It ends.", 300)
DELETING = Hold(Reason.DELETING, "It goes.", 0)
INVALID = Hold(Reason.INVALID_SPEC, "It is wrong. Fix it.", 300)
NAME_TAKEN = Hold(Reason.SECRET_NAME_TAKEN, "It is taken. Rename it.", 300)
DENIED = Reject(Reason.SERVER_NOT_ALLOWED, "It is not allowed. Ask.", by_setting=True)
WRITING = Unwritten(Reason.WRITING_SECRET, "It is written.", NOW, 10)
UNWRITTEN = Unwritten(Reason.SECRET_NOT_WRITTEN, "It is refused. See the events.", NOW)
VALID = ConditionState("True", "TokenValid", f"The token expires at {EXPIRY}.")


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("One.", "One.", ""),
        ("One. Two.", "One.", "Two."),
        ("One. Two. Three.", "One.", "Two. Three."),
        ("See spec.acrServer. It is wrong.", "See spec.acrServer.", "It is wrong."),
        ("One. two", "One. two", ""),
        ("a.B c. D", "a.B c.", "D"),
        ("", "", ""),
    ],
)
def test_new_finding(text: str, message: str, remedy: str) -> None:
    """The message is the first sentence, and the remedy is the rest."""
    assert new_state("False", "Why", text) == ConditionState("False", "Why", message, remedy)


@pytest.mark.parametrize(
    ("problem", "fresh", "finding"),
    [
        pytest.param(None, WORKS, VALID, id="works"),
        pytest.param(
            None,
            WORN,
            ConditionState("False", "Pending", "The Secret has no token that works."),
            id="expired-since-the-decision",
        ),
        pytest.param(PENDING, WORKS, VALID, id="pending-while-it-works"),
        pytest.param(ENDING, WORKS, VALID, id="namespace-ends-while-it-works"),
        pytest.param(DELETING, WORKS, VALID, id="deleting-while-it-works"),
        pytest.param(WRITING, WORKS, VALID, id="writing-while-it-works"),
        pytest.param(PENDING, WORN, ConditionState("False", "Pending", "Waiting."), id="pending"),
        pytest.param(
            WRITING, WORN, ConditionState("False", "WritingSecret", "It is written."), id="writing"
        ),
        pytest.param(
            UNWRITTEN,
            WORKS,
            ConditionState("True", "RefreshFailing", "It is refused.", "See the events."),
            id="unwritten-while-it-works",
        ),
        pytest.param(
            UNWRITTEN,
            WORN,
            ConditionState("False", "SecretNotWritten", "It is refused.", "See the events."),
            id="unwritten",
        ),
        pytest.param(
            FAILED,
            WORKS,
            ConditionState("True", "RefreshFailing", "It is down.", "Wait."),
            id="failed-while-it-works",
        ),
        pytest.param(
            FAILED,
            WORN,
            ConditionState("False", "RegistryError", "It is down.", "Wait."),
            id="failed",
        ),
        pytest.param(
            DENIED,
            WORKS,
            ConditionState(
                "True",
                "RefreshFailing",
                f"It is not allowed. The token works until {EXPIRY}.",
                "Ask.",
            ),
            id="denied-while-it-works",
        ),
        pytest.param(
            DENIED,
            WORN,
            ConditionState("False", "ServerNotAllowed", "It is not allowed.", "Ask."),
            id="denied",
        ),
        pytest.param(
            INVALID,
            WORN,
            ConditionState("False", "InvalidSpec", "It is wrong.", "Fix it."),
            id="invalid-spec",
        ),
        pytest.param(
            NAME_TAKEN,
            WORN,
            ConditionState("False", "SecretNameTaken", "It is taken.", "Rename it."),
            id="name-taken",
        ),
    ],
)
def test_token_fresh(problem: Problem | None, fresh: Freshness, finding: ConditionState) -> None:
    """TokenFresh is True while the observed token works, also if the renewal fails."""
    assert token_fresh(problem, fresh, EXPIRY) == finding


HEALTHY = Condition("RenewalHealthy", "True", "OnSchedule", "Well.", 1)
FAILING = Condition("RenewalHealthy", "False", "Throttled", "Too many.", 1)
UNKNOWN = Condition("RenewalHealthy", "Unknown", "SecretNameTaken", "None.", 1)
AS_HEALTHY = ConditionState("True", "OnSchedule", "Well.")
AS_FAILING = ConditionState("False", "Throttled", "Too many.")


def unknown(reason: str) -> ConditionState:
    """Return RenewalHealthy while no token is requested because of *reason*."""
    return ConditionState("Unknown", reason, "No token is requested.")


@pytest.mark.parametrize(
    ("problem", "fresh", "previous", "finding"),
    [
        pytest.param(
            None,
            WORKS,
            FAILING,
            ConditionState(
                "True", "OnSchedule", "The next renewal is due at 2026-11-23T13:00:00Z."
            ),
            id="on-schedule",
        ),
        pytest.param(None, WORN, None, ConditionState("True", "OnSchedule"), id="expired-just-now"),
        pytest.param(
            FAILED,
            WORKS,
            HEALTHY,
            ConditionState("False", "RegistryError", "It is down.", "Wait."),
            id="failed",
        ),
        pytest.param(
            UNWRITTEN,
            WORKS,
            HEALTHY,
            ConditionState("False", "SecretNotWritten", "It is refused.", "See the events."),
            id="unwritten",
        ),
        pytest.param(WRITING, WORN, HEALTHY, AS_HEALTHY, id="writing-keeps-true"),
        pytest.param(
            WRITING,
            WORN,
            FAILING,
            ConditionState("Unknown", "WritingSecret", "It is written."),
            id="writing-after-a-failure",
        ),
        pytest.param(
            WRITING,
            WORN,
            None,
            ConditionState("Unknown", "WritingSecret", "It is written."),
            id="writing-first",
        ),
        pytest.param(PENDING, WORN, HEALTHY, AS_HEALTHY, id="pending-keeps-true"),
        pytest.param(PENDING, WORN, FAILING, AS_FAILING, id="pending-keeps-false"),
        pytest.param(PENDING, WORN, UNKNOWN, unknown("Pending"), id="pending-keeps-no-unknown"),
        pytest.param(PENDING, WORN, None, unknown("Pending"), id="pending-first"),
        pytest.param(ENDING, WORN, FAILING, AS_FAILING, id="namespace-ends"),
        pytest.param(DELETING, WORN, FAILING, AS_FAILING, id="deleting"),
        pytest.param(INVALID, WORN, FAILING, unknown("InvalidSpec"), id="invalid-spec"),
        pytest.param(
            DENIED,
            WORKS,
            HEALTHY,
            ConditionState("False", "ServerNotAllowed", "The token is not renewed."),
            id="denied-while-it-works",
        ),
        pytest.param(DENIED, WORN, HEALTHY, unknown("ServerNotAllowed"), id="denied"),
    ],
)
def test_renewal_healthy(
    problem: Problem | None, fresh: Freshness, previous: Condition | None, finding: ConditionState
) -> None:
    """RenewalHealthy is False after a failure, and a passing problem keeps True and False."""
    assert renewal_healthy(OBSERVED, problem, fresh, previous) == finding


@pytest.mark.parametrize(
    ("observed", "finding"),
    [(TAKEN, unknown("SecretNameTaken")), (LEFT, None)],
    ids=["taken", "left"],
)
@pytest.mark.parametrize("problem", [NAME_TAKEN, INVALID, DENIED, PENDING, DELETING])
@pytest.mark.parametrize("previous", [None, HEALTHY, FAILING])
def test_name_is_taken(
    observed: Observed,
    problem: Hold | Reject,
    previous: Condition | None,
    finding: ConditionState | None,
) -> None:
    """A taken name is always reported, and a left Secret does not count as taken."""
    otherwise = renewal_healthy(OBSERVED, problem, WORN, previous)
    assert renewal_healthy(observed, problem, WORN, previous) == (finding or otherwise)


LISTED = ConditionState("True", "Attached", "It lists.")
STALE = ConditionState("False", "Timeout", "It was late.", "Wait.")
WORKS_ON = ConditionState("True", "RefreshFailing", "It is down.", "Wait.")
UNLISTED = ConditionState("False", "Attaching", "Waiting.")
REJECTED = ConditionState("False", "ServerNotAllowed", "It is not allowed.", "Ask.")
READY = ConditionState("True", "Ready", "Image pulls are authorized.")


@pytest.mark.parametrize(
    ("problem", "token", "account", "finding"),
    [
        pytest.param(None, VALID, LISTED, READY, id="both"),
        pytest.param(FAILED, STALE, LISTED, STALE, id="no-token"),
        pytest.param(None, VALID, UNLISTED, UNLISTED, id="not-attached"),
        pytest.param(FAILED, STALE, UNLISTED, STALE, id="neither"),
        pytest.param(FAILED, WORKS_ON, LISTED, WORKS_ON, id="refresh-failing"),
        pytest.param(FAILED, WORKS_ON, UNLISTED, UNLISTED, id="failing-and-not-attached"),
        pytest.param(PENDING, VALID, LISTED, READY, id="pending-while-it-works"),
        pytest.param(DENIED, WORKS_ON, LISTED, REJECTED, id="denied-while-it-works"),
        pytest.param(DENIED, STALE, UNLISTED, REJECTED, id="denied"),
    ],
)
def test_ready(
    problem: Problem | None, token: ConditionState, account: ConditionState, finding: ConditionState
) -> None:
    """A binding is ready if its token is fresh, it is attached, and nothing denies it."""
    assert ready(problem, token, account) == finding
