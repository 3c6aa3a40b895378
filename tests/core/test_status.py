"""The whole status: its conditions, names and times."""

from dataclasses import replace

import pytest

from hooks.core.contest import Contest
from hooks.core.model.binding import Status
from hooks.core.model.cluster import PullSecret
from hooks.core.model.reason import Reason
from hooks.core.model.targets import one_target
from hooks.core.model.token import MintFailed
from hooks.core.observed import Observed
from hooks.core.policy.permission import Reject
from hooks.core.renewal.resolve import Hold
from hooks.core.renewal.secret import Unwritten
from hooks.core.rfc3339 import parse_time
from hooks.core.status.condition_state import Problem
from hooks.core.status.conditions import Freshness, new_status
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    EXPIRED,
    HOUR,
    MINUTE,
    NO_SECRET,
    NOW,
    OBSERVED,
    SECRET,
    SECRET_NAME,
    TAKEN,
)

WORKS = Freshness(works=True, due=NOW + HOUR)
WORN = Freshness(works=False)
FAILED = MintFailed(Reason.REGISTRY_ERROR, "It is down. Wait. Retrying.")
INVALID = Hold(Reason.INVALID_SPEC, "It is wrong. Fix it.", 300)
DENIED = Reject(Reason.SERVER_NOT_ALLOWED, "It is not allowed. Ask.", by_setting=True)
WRITING = Unwritten(Reason.WRITING_SECRET, "It is written.", NOW - MINUTE, 10)
UNLISTED = replace(OBSERVED, related=(replace(ACCOUNT, pull_secrets=()),))


def states(status: Status) -> dict[str, str]:
    """Return status and reason of each condition by its type."""
    return {c.type: f"{c.status}/{c.reason}" for c in status.conditions}


def messages(status: Status) -> dict[str, str]:
    """Return the message of each condition by its type."""
    return {c.type: c.message for c in status.conditions}


LISTED = "True/Attached"


@pytest.mark.parametrize(
    ("problem", "fresh", "expected"),
    [
        pytest.param(
            None,
            WORKS,
            ["True/Ready", "True/TokenValid", LISTED, "True/OnSchedule"],
            id="ready",
        ),
        pytest.param(
            FAILED,
            WORKS,
            ["True/RefreshFailing", "True/RefreshFailing", LISTED, "False/RegistryError"],
            id="failing",
        ),
        pytest.param(
            FAILED,
            WORN,
            ["False/RegistryError", "False/RegistryError", LISTED, "False/RegistryError"],
            id="failed",
        ),
        pytest.param(
            WRITING,
            WORN,
            ["False/WritingSecret", "False/WritingSecret", LISTED, "Unknown/WritingSecret"],
            id="writing",
        ),
    ],
)
def test_conditions(problem: Problem | None, fresh: Freshness, expected: list[str]) -> None:
    """A status has four conditions of the observed generation."""
    status = new_status(OBSERVED, problem, fresh, NOW)
    kinds = ["Ready", "TokenFresh", "Attached", "RenewalHealthy"]
    assert states(status) == dict(zip(kinds, expected, strict=True))
    assert {condition.observed_generation for condition in status.conditions} == {2}


def test_messages_of_a_problem() -> None:
    """Ready has the whole message, and the other conditions have the first sentence."""
    assert messages(new_status(OBSERVED, FAILED, WORN, NOW)) == {
        "Ready": "It is down. Wait. Retrying.",
        "TokenFresh": "It is down.",
        "Attached": 'ServiceAccount "default" lists Secret "acr-pull-app".',
        "RenewalHealthy": "It is down.",
    }


def test_messages_of_health() -> None:
    """The messages of a ready binding name its times and its ServiceAccount."""
    assert messages(new_status(OBSERVED, None, WORKS, NOW)) == {
        "Ready": "Image pulls are authorized.",
        "TokenFresh": "The token expires at 2026-11-23T14:00:00Z.",
        "Attached": 'ServiceAccount "default" lists Secret "acr-pull-app".',
        "RenewalHealthy": "The next renewal is due at 2026-11-23T13:00:00Z.",
    }


@pytest.mark.parametrize(
    ("problem", "fresh", "stalled", "message"),
    [
        pytest.param(INVALID, WORN, "True/InvalidSpec", "It is wrong.", id="invalid"),
        pytest.param(DENIED, WORN, "True/ServerNotAllowed", "It is not allowed.", id="denied"),
        pytest.param(
            DENIED, WORKS, "True/ServerNotAllowed", "It is not allowed.", id="denied-while-it-works"
        ),
        pytest.param(
            replace(FAILED, reason=Reason.SCOPE_REFUSED),
            WORN,
            "True/ScopeRefused",
            "It is down.",
            id="refused",
        ),
        pytest.param(
            replace(FAILED, reason=Reason.SCOPE_REFUSED),
            WORKS,
            None,
            None,
            id="refused-while-it-works",
        ),
        pytest.param(FAILED, WORN, None, None, id="failed"),
        pytest.param(None, WORKS, None, None, id="ready"),
    ],
)
def test_stalled(
    problem: Problem | None, fresh: Freshness, stalled: str | None, message: str | None
) -> None:
    """Stalled is present only while Ready is not True for a reason that waiting does not end."""
    status = new_status(OBSERVED, problem, fresh, NOW)
    assert states(status).get("Stalled") == stalled
    assert messages(status).get("Stalled") == message


@pytest.mark.parametrize(
    ("observed", "name", "issued", "expires"),
    [
        pytest.param(
            OBSERVED, SECRET_NAME, "2026-11-23T11:00:00Z", "2026-11-23T14:00:00Z", id="fresh"
        ),
        pytest.param(
            replace(OBSERVED, secret=replace(SECRET, token=EXPIRED)),
            SECRET_NAME,
            "2026-11-23T09:00:00Z",
            "2026-11-23T11:59:59Z",
            id="expired",
        ),
        pytest.param(
            replace(OBSERVED, secret=PullSecret(SECRET_NAME)), SECRET_NAME, None, None, id="empty"
        ),
        pytest.param(NO_SECRET, None, None, None, id="no-secret"),
        pytest.param(TAKEN, None, None, None, id="name-taken"),
    ],
)
@pytest.mark.parametrize("problem", [None, FAILED, WRITING], ids=["none", "failed", "writing"])
def test_observed_secret(
    observed: Observed,
    problem: Problem | None,
    name: str | None,
    issued: str | None,
    expires: str | None,
) -> None:
    """Name and times describe the observed Secret, and not the Secret in the answer."""
    status = new_status(observed, problem, WORN, NOW)
    assert status.secret_name == name
    assert (status.token_issue_time, status.token_expiration_time) == (
        parse_time(issued),
        parse_time(expires),
    )
    assert status.targets == one_target("default")


@pytest.mark.parametrize(
    ("problem", "since"),
    [
        pytest.param(WRITING, "2026-11-23T11:59:00Z", id="writing"),
        pytest.param(
            replace(WRITING, reason=Reason.SECRET_NOT_WRITTEN, resync_after_seconds=None),
            "2026-11-23T11:59:00Z",
            id="unwritten",
        ),
        pytest.param(FAILED, None, id="failed"),
        pytest.param(None, None, id="ready"),
    ],
)
def test_pending_time(problem: Problem | None, since: str | None) -> None:
    """The status has the time since which a token waits to be written."""
    assert new_status(OBSERVED, problem, WORKS, NOW).secret_pending_time == parse_time(since)


@pytest.mark.parametrize(
    ("contest", "attempts", "last"),
    [
        (None, 0, None),
        (Contest(3, NOW, add=False, resync_after_seconds=40), 3, "2026-11-23T12:00:00Z"),
    ],
    ids=["none", "contest"],
)
def test_contest(contest: Contest | None, attempts: int, last: str | None) -> None:
    """The status has the attempts and the last time of a contest only."""
    status = new_status(UNLISTED, None, WORKS, NOW, entry_contest=contest)
    assert (status.attach_attempts, status.last_attach_time) == (attempts, parse_time(last))


def test_stable() -> None:
    """The same finding a minute later is the same status, transition times included."""
    first = new_status(OBSERVED, FAILED, WORKS, NOW)
    later = replace(OBSERVED, binding=replace(BINDING, status=first))
    assert new_status(later, FAILED, WORKS, NOW + MINUTE) == first
