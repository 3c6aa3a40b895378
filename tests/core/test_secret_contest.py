"""A fight with another client over the Secret of a binding."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from hooks.core.model.binding import Condition, Status
from hooks.core.model.cluster import PullSecret
from hooks.core.model.reason import Reason
from hooks.core.model.secret_template import SecretTemplate
from hooks.core.model.token import AcrToken, MintFailed
from hooks.core.observed import Observed
from hooks.core.renewal.decision import Mint
from hooks.core.renewal.resolve import Hold
from hooks.core.sync import Answer
from hooks.core.wire.response import new_pull_secret
from tests.core.builders import (
    BINDING,
    EXPIRED,
    FAILED,
    HOUR,
    NEW_TOKEN,
    NO_SECRET,
    NOW,
    POLICY,
    SECOND,
    SECRET,
    asking,
    decide,
    sync,
)

CHANGED = replace(SECRET, token=None, unmodified=False, changed_data="e30=")
REMOVED = "False/SecretRemoved"


def fresh(
    seconds: float, status: str = "True", reason: str = "TokenValid", **fields: object
) -> Status:
    """Return a status whose TokenFresh has *status* since *seconds*."""
    since = NOW - seconds * SECOND
    condition = Condition("TokenFresh", status, reason, "", 2, since)
    return replace(
        Status((condition,), token_issue_time=NOW - HOUR),
        **fields,  # type: ignore[arg-type]
    )


def observe(status: Status, secret: PullSecret | None = None) -> Observed:
    """Return what is observed of a binding with *status* and of *secret*."""
    return replace(NO_SECRET, binding=replace(BINDING, status=status), secret=secret)


def answer(
    observed: Observed, now: datetime = NOW, outcome: AcrToken | MintFailed = NEW_TOKEN
) -> Answer:
    """Return the answer to *observed*, with *outcome* if a token is needed."""
    decision = decide(observed, POLICY, now)
    minted = outcome if isinstance(decision, Mint) else None
    return sync(observed, decision, minted, POLICY, now)


def states(result: Answer) -> dict[str, str]:
    """Return status and reason of each condition by its type."""
    return {c.type: f"{c.status}/{c.reason}" for c in result.status.conditions}


@pytest.mark.parametrize("secret", [None, CHANGED], ids=["deleted", "changed"])
@pytest.mark.parametrize(
    ("seconds", "age", "reuses"),
    [(0, 3600, True), (59, 3600, True), (60, 3600, False), (60, 300, False), (60, 299, True)],
)
def test_token_of_a_removed_secret(
    secret: PullSecret | None, seconds: float, age: float, *, reuses: bool
) -> None:
    """A Secret that lasted gets a new token, because a user may want another token.

    A Secret that was just written gets the last token again, and so does a Secret whose token is
    young. A client that deletes the Secret every minute causes two token requests in 10 minutes.
    """
    issued = NOW - age * SECOND
    decision = decide(observe(fresh(seconds, token_issue_time=issued), secret), POLICY, NOW)
    assert isinstance(decision, Mint)
    assert decision.newer_than == (None if reuses else issued)


@pytest.mark.parametrize(
    "secret",
    [None, CHANGED, replace(SECRET, token=EXPIRED), replace(SECRET, inputs=None)],
    ids=["deleted", "changed", "restored", "without-hash"],
)
def test_course(secret: PullSecret | None) -> None:
    """A removed Secret is written twice, held back for longer and longer, and then lasts."""
    observed = observe(fresh(1))
    course: list[tuple[str, bool, int]] = []
    for seconds, lasts in ((0, False), (1, True), (2, False), (3, False), (7, False), (8, True)):
        now = NOW + timedelta(seconds=seconds)
        result = answer(replace(observed, secret=SECRET if lasts else secret), now)
        written = result.secret is not None and result.secret != secret
        course.append((states(result)["TokenFresh"], written, result.resync_after_seconds))
        observed = observe(result.status)
    assert course == [
        ("False/WritingSecret", True, 10),
        ("True/TokenValid", True, 59),
        ("False/WritingSecret", True, 10),
        (REMOVED, False, 4),
        (REMOVED, True, 60),
        (REMOVED, True, 59),
    ]
    last = answer(replace(observed, secret=SECRET), NOW + timedelta(seconds=67))
    assert states(last)["Ready"] == "True/Ready"
    assert (last.status.write_attempts, last.status.last_write_time) == (0, None)


def test_course_of_other_inputs() -> None:
    """No other client is blamed for a token with other inputs before the sixth attempt."""
    other = replace(SECRET, inputs="other")
    observed, course = observe(fresh(1), other), []
    for seconds in (0, 1, 2, 6, 7, 16, 17, 36, 37, 76, 77):
        result = answer(observed, NOW + seconds * SECOND)
        course.append((states(result)["TokenFresh"], result.secret != other))
        observed = observe(result.status, other)
    writing, waiting = ("False/WritingSecret", True), ("False/Pending", False)
    assert course == [writing, *[writing, waiting] * 4, writing, (REMOVED, False)]


FOUGHT = fresh(20, "False", "SecretRemoved", write_attempts=3, last_write_time=NOW)


def test_status() -> None:
    """The status names the fight, and its transition times stay while it lasts."""
    result = answer(observe(FOUGHT), NOW + 10 * SECOND)
    assert states(result) == {
        "Ready": REMOVED,
        "TokenFresh": REMOVED,
        "Attached": "True/Attached",
        "RenewalHealthy": REMOVED,
    }
    found, ready = result.status.condition("TokenFresh"), result.status.condition("Ready")
    assert found is not None
    assert ready is not None
    assert found.last_transition_time == NOW - 20 * SECOND
    assert found.message == (
        "Another client, or a replica of acrpull with other settings, deletes or changes Secret "
        '"acr-pull-app" soon after each write.'
    )
    assert ready.message == (
        f"{found.message} Find the client in the audit log of the API server, or in the events of "
        "the binding, and exclude the Secret from its changes."
    )
    assert (result.status.write_attempts, result.status.last_write_time) == (
        4,
        NOW + 10 * SECOND,
    )


def test_named_contest_over_inputs() -> None:
    """A contest that has a name keeps the name if only the inputs differ."""
    result = answer(observe(FOUGHT, replace(SECRET, inputs="other")), NOW + SECOND)
    assert states(result)["TokenFresh"] == REMOVED


def test_secret_deleted_while_no_token_is_returned() -> None:
    """The Secret without a token is created again, but not again and again."""
    status = fresh(3600, "False", "RegistryError", secret_name="acr-pull-app")
    course = []
    for seconds in (0, 1, 2, 6):
        result = answer(observe(status), NOW + seconds * SECOND, FAILED)
        course.append((states(result)["TokenFresh"], result.secret is not None))
        status = result.status
    failing = ("False/RegistryError", True)
    assert course == [failing, failing, (REMOVED, False), (REMOVED, True)]


def test_changed_secret_stays_while_acrpull_waits() -> None:
    """The answer repeats what the other client wrote, so Metacontroller writes nothing."""
    theirs = SecretTemplate({"team": "theirs", "audited": "yes"})
    observed = observe(FOUGHT, replace(CHANGED, template=theirs))
    template = SecretTemplate({"team": "shop"}, {"example.com/owner": "me"})
    observed = replace(observed, binding=replace(observed.binding, secret_template=template))
    result = answer(observed, NOW + SECOND)
    assert result.secret == replace(CHANGED, template=SecretTemplate({"team": "theirs"}))
    body = new_pull_secret("team-a", CHANGED)
    assert body["data"] == {".dockerconfigjson": "e30="}
    assert "e30=" not in repr(result)


def test_changed_secret_is_repaired() -> None:
    """Without a fight, an answer without a token repairs what another client wrote."""
    part = replace(SECRET, unmodified=False, changed_data="e30=")
    observed = asking("spec is wrong", observe(fresh(3600), part))
    assert answer(observed).secret == replace(part, changed_data=None)


@pytest.mark.parametrize(
    ("observed", "outcome", "reason"),
    [
        pytest.param(observe(fresh(61)), FAILED, "False/RegistryError", id="no-token"),
        pytest.param(
            replace(observe(fresh(5)), secret_taken=True),
            NEW_TOKEN,
            "False/SecretNameTaken",
            id="name-taken",
        ),
        pytest.param(
            observe(fresh(5, token_issue_time=EXPIRED.issued_at), replace(SECRET, token=EXPIRED)),
            NEW_TOKEN,
            "False/WritingSecret",
            id="expired",
        ),
        pytest.param(
            observe(fresh(5, token_issue_time=None), replace(SECRET, token=EXPIRED)),
            NEW_TOKEN,
            "False/WritingSecret",
            id="expired-and-unknown-before",
        ),
        pytest.param(observe(Status()), NEW_TOKEN, "False/WritingSecret", id="new"),
    ],
)
def test_no_contest(observed: Observed, outcome: AcrToken | MintFailed, reason: str) -> None:
    """No other client is blamed where acrpull writes no Secret, or the Secret is as written."""
    result = answer(observed, outcome=outcome)
    assert states(result)["TokenFresh"] == reason
    assert result.status.write_attempts == 0


def test_decision() -> None:
    """While acrpull waits, no token is requested."""
    decision = decide(observe(FOUGHT), POLICY, NOW + SECOND)
    assert isinstance(decision, Hold)
    assert (decision.reason, decision.resync_after_seconds) == (Reason.SECRET_REMOVED, 9)


UNSEEN = "False/SecretNotWritten"


@pytest.mark.parametrize("secret", [None, CHANGED], ids=["deleted", "changed"])
def test_undone_before_acrpull_sees_it(secret: PullSecret | None) -> None:
    """Attempts become rare, while the reason, the message and all other times stay the same."""
    observed, course, conditions = observe(Status(), secret), [], set()
    for seconds in (0, 10, 11, 12, 13, 17, 26, 27, 46, 47, 200):
        result = answer(observed, NOW + seconds * SECOND)
        course.append(result.secret != secret)
        assert result.secret is not None or secret is None
        if seconds:
            assert states(result)["TokenFresh"] == UNSEEN
            assert result.status.secret_pending_time == NOW
            conditions.add(result.status.conditions)
        observed = observe(result.status, secret)
    assert course == [True, True, True, True, False, True, False, True, False, True, True]
    assert len(conditions) == 1
    now = NOW + 201 * SECOND
    assert answer(observed, now).secret == secret
    new_spec = replace(observed, binding=replace(observed.binding, generation=3))
    result = answer(new_spec, now)
    assert result.secret != secret
    assert states(result)["TokenFresh"] == "False/WritingSecret"
    seen = answer(observe(observed.binding.status, SECRET), now)
    assert states(seen)["Ready"] == "True/Ready"
    assert (seen.status.write_attempts, seen.status.secret_pending_time) == (0, None)


def test_refused_renewal() -> None:
    """A Secret as acrpull wrote it, whose update is refused, is no contest."""
    due = replace(SECRET, token=EXPIRED)
    observed = observe(fresh(3600, token_issue_time=EXPIRED.issued_at), due)
    for seconds in range(0, 100, 10):
        result = answer(observed, NOW + seconds * SECOND)
        assert result.secret is not None
        assert result.secret.token == NEW_TOKEN
        assert result.status.write_attempts == 0
        observed = observe(result.status, due)
    assert states(result)["TokenFresh"] == UNSEEN
