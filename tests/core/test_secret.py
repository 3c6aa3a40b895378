"""Whether Metacontroller has written the token that an answer contains."""

from dataclasses import replace
from datetime import datetime

import pytest

from hooks.core.model.binding import Status
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, MintFailed
from hooks.core.observed import Observed
from hooks.core.renewal.decision import Mint, MintReason
from hooks.core.renewal.secret import Unwritten, writing
from hooks.core.rfc3339 import parse_time
from hooks.core.sync import Answer
from tests.core.builders import (
    BINDING,
    EXPIRED,
    FAILED,
    HOUR,
    MINUTE,
    NEW_TOKEN,
    NO_SECRET,
    NOW,
    OBSERVED,
    POLICY,
    REQUEST,
    SECOND,
    SECRET,
    decide,
    new_token,
    sync,
)

WAITING = 'Waiting for Metacontroller to write Secret "acr-pull-app".'
REFUSED = (
    'Metacontroller could not write Secret "acr-pull-app", or another client undoes each write at '
    "once. See the events of the binding for the reason. Retrying with the same token."
)
MINT = Mint(REQUEST, None, MintReason.NO_SECRET)
DUE = new_token(NOW - 3 * HOUR, NOW + 20 * MINUTE)


@pytest.mark.parametrize(
    ("pending", "seconds", "resync"),
    [
        pytest.param(None, 0, 10, id="first"),
        pytest.param("2026-11-23T12:00:00Z", 0, 10, id="just-now"),
        pytest.param("2026-11-23T11:59:57Z", 3, 7, id="waits"),
        pytest.param("2026-11-23T11:59:50.5Z", 9.5, 1, id="waits-part-of-a-second"),
        pytest.param("2026-11-23T11:59:50Z", 10, None, id="overdue"),
        pytest.param("2026-11-22T12:00:00Z", 86400, None, id="long-overdue"),
        pytest.param("soon", 0, 10, id="unreadable"),
        pytest.param("2026-11-23T12:00:03Z", 0, 10, id="clocks-differ"),
        pytest.param("9999-12-31T23:59:59Z", 0, 10, id="far-in-the-future"),
        pytest.param("9999-12-31T23:59:59-14:00", 0, 10, id="beyond-all-times"),
    ],
)
def test_writing(pending: str | None, seconds: float, resync: int | None) -> None:
    """A write that does not show within the grace counts as refused."""
    binding = replace(BINDING, status=Status(secret_pending_time=parse_time(pending)))
    since = NOW - seconds * SECOND
    observed = replace(NO_SECRET, binding=binding)
    assert writing(observed, MINT, NEW_TOKEN, None, NOW) == (
        Unwritten(Reason.SECRET_NOT_WRITTEN, REFUSED, since)
        if resync is None
        else Unwritten(Reason.WRITING_SECRET, WAITING, since, resync)
    )


class Cluster:
    """A cluster that keeps each status, and writes the Secret on request only."""

    def __init__(self, observed: Observed) -> None:
        self.observed = observed

    def call(self, now: datetime, outcome: AcrToken | MintFailed = NEW_TOKEN) -> Answer:
        """Return the answer at *now*, with *outcome* if a token is needed."""
        decision = decide(self.observed, POLICY, now)
        minted = outcome if isinstance(decision, Mint) else None
        answer = sync(self.observed, decision, minted, POLICY, now)
        binding = replace(self.observed.binding, status=answer.status)
        self.observed = replace(self.observed, binding=binding)
        return answer

    def write(self, answer: Answer) -> None:
        """Let Metacontroller write the Secret of *answer*."""
        self.observed = replace(self.observed, secret=answer.secret)


def states(answer: Answer) -> tuple[str, str, str, int]:
    """Return Ready, TokenFresh and RenewalHealthy of *answer*, and when the next call is due."""
    ready, fresh, renewal = (
        f"{found.status}/{found.reason}" if found else ""
        for found in map(answer.status.condition, ("Ready", "TokenFresh", "RenewalHealthy"))
    )
    return ready, fresh, renewal, answer.resync_after_seconds


def test_first_token() -> None:
    """The status describes the Secret as soon as the Secret is observed, and not sooner."""
    cluster = Cluster(NO_SECRET)
    first = cluster.call(NOW)
    assert first.secret is not None
    assert first.secret.token == NEW_TOKEN
    writing = "False/WritingSecret"
    assert states(first) == (writing, writing, "Unknown/WritingSecret", 10)
    assert (first.status.secret_name, first.status.token_expiration_time) == (None, None)
    assert first.status.secret_pending_time == NOW
    cluster.write(first)
    second = cluster.call(NOW + SECOND, FAILED)
    assert states(second) == ("True/Ready", "True/TokenValid", "True/OnSchedule", 8999)
    assert second.status.secret_name == "acr-pull-app"
    assert second.status.token_expiration_time == NEW_TOKEN.expires_at
    assert second.status.secret_pending_time is None
    assert second.secret == first.secret


def test_renewal() -> None:
    """While a new token is written, the conditions describe the old token, which works."""
    cluster = Cluster(replace(OBSERVED, secret=replace(SECRET, token=DUE)))
    cluster.call(NOW - HOUR)
    renewed = cluster.call(NOW)
    assert states(renewed) == ("True/Ready", "True/TokenValid", "True/OnSchedule", 10)
    assert renewed.status.token_expiration_time == DUE.expires_at
    assert renewed.status.secret_pending_time == NOW


REJECTED = "False/SecretNotWritten"


@pytest.mark.parametrize(
    ("token", "during", "after", "waits"),
    [
        pytest.param(
            None,
            ("False/WritingSecret", "False/WritingSecret", "Unknown/WritingSecret"),
            (REJECTED, REJECTED, REJECTED),
            [10, 3, 5, 5, 50, 60],  # the last answer is an attempt
            id="no-secret",
        ),
        pytest.param(
            EXPIRED,
            ("False/WritingSecret", "False/WritingSecret", "Unknown/WritingSecret"),
            (REJECTED, REJECTED, REJECTED),
            [10, 3, 5, 5, 50, 300],
            id="expired",
        ),
        pytest.param(
            DUE,
            ("True/Ready", "True/TokenValid", "Unknown/WritingSecret"),
            ("True/RefreshFailing", "True/RefreshFailing", REJECTED),
            [10, 3, 5, 5, 50, 148],
            id="old-token-works",
        ),
    ],
)
def test_refused_write(
    token: AcrToken | None,
    during: tuple[str, ...],
    after: tuple[str, ...],
    waits: list[int],
) -> None:
    """A refused write is reported after the grace, and retried after growing waits."""
    secret = replace(SECRET, token=token) if token else None
    cluster = Cluster(replace(OBSERVED, secret=secret))
    times = [NOW + seconds * SECOND for seconds in (0, 7, 10, 15, 60, 610)]
    answers = [cluster.call(now) for now in times]
    for answer, expected in zip(answers, [during] * 2 + [after] * 4, strict=True):
        assert states(answer)[:3] == expected
        assert answer.status.secret_pending_time == NOW
    assert [answer.resync_after_seconds for answer in answers] == waits


@pytest.mark.parametrize(
    ("token", "reason"),
    [(None, MintReason.NO_SECRET), (EXPIRED, MintReason.EXPIRED), (DUE, MintReason.DUE)],
    ids=["no-secret", "expired", "due"],
)
def test_retry_uses_the_same_token(token: AcrToken | None, reason: MintReason) -> None:
    """A retry accepts the token that an earlier answer contained, and not the observed token."""
    secret = replace(SECRET, token=token) if token else None
    cluster = Cluster(replace(OBSERVED, secret=secret))
    for now in (NOW, NOW + 5 * SECOND, NOW + MINUTE):
        issued_at = token.issued_at if token else None
        assert decide(cluster.observed, POLICY, now) == Mint(REQUEST, issued_at, reason)
        cluster.call(now)


def test_deleted_secret() -> None:
    """A deleted Secret gets a newer token at first, and a retry may use that token."""
    cluster = Cluster(OBSERVED)
    cluster.call(NOW - MINUTE)
    cluster.observed = replace(cluster.observed, secret=None)
    assert SECRET.token is not None
    assert decide(cluster.observed, POLICY, NOW) == Mint(
        REQUEST, SECRET.token.issued_at, MintReason.NO_SECRET
    )
    assert states(cluster.call(NOW))[1:3] == ("False/WritingSecret", "True/OnSchedule")
    assert decide(cluster.observed, POLICY, NOW) == Mint(REQUEST, None, MintReason.NO_SECRET)
