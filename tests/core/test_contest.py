"""A fight with another client over the entry of a ServiceAccount."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from hooks.core.binding import Answer, sync
from hooks.core.cluster import ServiceAccount
from hooks.core.conditions import format_time
from hooks.core.contest import Contest, find_contest
from hooks.core.decision import decide
from hooks.core.model import Binding, Condition, Status
from hooks.core.observed import Observed
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    DENIED,
    FOREIGN,
    GUARD,
    HOUR,
    MINUTE,
    NOW,
    OBSERVED,
    POLICY,
    SECOND,
    SECRET,
    SECRET_NAME,
    TAKEN,
    new_token,
)

REMOVED = replace(ACCOUNT, pull_secrets=("zeta", "alpha"))


def binding_with(
    status: str, reason: str, since: str, last: str | None = None, attempts: int = 0
) -> Binding:
    """Return a binding whose condition Attached has *status* and *reason* since *since*."""
    condition = Condition("Attached", status, reason, "", 2, since)
    return replace(
        BINDING,
        status=Status(
            (condition,),
            service_account_name="default",
            attach_attempts=attempts,
            last_attach_time=last,
        ),
    )


def ago(seconds: int) -> str:
    """Return the time *seconds* before now as a status has it."""
    return format_time(NOW - seconds * SECOND)


def attached(since: str) -> Binding:
    """Return a binding that is attached since *since*."""
    return binding_with("True", "Attached", since)


def contested(last: str | None, attempts: int = 0, since: str = ago(20)) -> Binding:
    """Return a binding whose entry is contested since *since*, and was added at *last*."""
    return binding_with("False", "EntryRemoved", since, last, attempts)


def waiting(attempts: int, since: int, seconds: int) -> Contest:
    """Return a contest without the entry, whose last attempt was *since* seconds ago."""
    return Contest(attempts, NOW - since * SECOND, add=False, resync_after_seconds=seconds)


def adding(attempts: int, since: int = 0, seconds: int = 60) -> Contest:
    """Return a contest with the entry, which was added *since* seconds ago."""
    return Contest(attempts, NOW - since * SECOND, add=True, resync_after_seconds=seconds)


@pytest.mark.parametrize(
    ("binding", "account", "contest"),
    [
        pytest.param(BINDING, REMOVED, None, id="never-attached"),
        pytest.param(attached(ago(5)), ACCOUNT, None, id="never-removed"),
        pytest.param(attached(ago(60)), REMOVED, None, id="removed-after-it-lasted"),
        pytest.param(attached(ago(59)), REMOVED, waiting(0, 0, 5), id="removed-soon"),
        pytest.param(
            binding_with("False", "Attaching", ago(5)), REMOVED, None, id="not-yet-attached"
        ),
        pytest.param(contested(ago(4)), REMOVED, waiting(0, 4, 1), id="waits"),
        pytest.param(contested(ago(5)), REMOVED, adding(1), id="added-again"),
        pytest.param(contested(ago(9), 1), REMOVED, waiting(1, 9, 1), id="waits-longer"),
        pytest.param(contested(ago(10), 1), REMOVED, adding(2), id="added-a-second-time"),
        pytest.param(contested(ago(299), 6), REMOVED, waiting(6, 299, 1), id="waits-longest"),
        pytest.param(contested(ago(300), 6), REMOVED, adding(7), id="added-after-the-longest-wait"),
        pytest.param(contested(ago(59), 1), ACCOUNT, adding(1, 59, 1), id="listed-again"),
        pytest.param(contested(ago(60), 1), ACCOUNT, None, id="listed-again-and-lasted"),
        pytest.param(contested(None, since=ago(4)), REMOVED, waiting(0, 4, 1), id="no-last-time"),
        pytest.param(
            contested("soon", since=ago(4)), REMOVED, waiting(0, 4, 1), id="unreadable-last-time"
        ),
        pytest.param(contested(ago(4), since="soon"), REMOVED, None, id="unreadable-transition"),
        pytest.param(contested(ago(4), since=""), REMOVED, None, id="no-transition"),
        pytest.param(
            contested("9999-12-31T23:59:59Z", 1),
            REMOVED,
            waiting(1, 0, 10),
            id="last-far-in-future",
        ),
        pytest.param(
            contested("9999-12-31T23:59:59-14:00", since=ago(4)),
            REMOVED,
            waiting(0, 4, 1),
            id="last-beyond-all-times",
        ),
        pytest.param(contested("0001-01-01T00:00:00Z"), REMOVED, adding(1), id="last-long-ago"),
        pytest.param(
            attached("9999-12-31T23:59:59Z"), REMOVED, waiting(0, 0, 5), id="transition-in-future"
        ),
        pytest.param(contested(ago(5), -7), REMOVED, adding(1), id="negative-attempts"),
        pytest.param(
            contested(ago(299), 2**31 - 1), REMOVED, waiting(2**31 - 1, 299, 1), id="huge-attempts"
        ),
        pytest.param(
            attached(ago(5)), replace(REMOVED, name="build"), None, id="another-service-account"
        ),
        pytest.param(attached(ago(5)), replace(REMOVED, created_at=ago(5)), None, id="recreated"),
        pytest.param(
            attached(ago(5)), replace(REMOVED, created_at=ago(6)), waiting(0, 0, 5), id="not-new"
        ),
        pytest.param(
            attached(ago(5)),
            replace(REMOVED, created_at="soon"),
            waiting(0, 0, 5),
            id="unreadable-creation",
        ),
    ],
)
def test_find_contest(binding: Binding, account: ServiceAccount, contest: Contest | None) -> None:
    """A contest begins when an entry is removed soon, and ends when the entry lasted."""
    assert find_contest(binding, account, NOW) == contest


def answer(observed: Observed, now: datetime = NOW) -> Answer:
    """Return the answer to *observed* without a mint."""
    return sync(observed, decide(observed, POLICY, now), None, POLICY, now)


def observe(binding: Binding, account: ServiceAccount) -> Observed:
    """Return what is observed of *binding* and its *account*."""
    return replace(OBSERVED, binding=binding, accounts=(account,), related=(account,))


def test_course() -> None:
    """A removed entry is held back, added, held back for longer, and then lasts."""
    binding, account = attached(ago(1)), REMOVED
    course: list[tuple[str, bool, int]] = []
    for seconds, lists in ((0, False), (5, False), (6, True), (7, False), (15, False), (75, True)):
        now = NOW + timedelta(seconds=seconds)
        account = ACCOUNT if lists else REMOVED
        result = answer(observe(binding, account), now)
        condition = result.status.condition("Attached")
        assert condition is not None
        (desired,) = result.accounts
        listed = SECRET_NAME in desired.pull_secrets
        course.append((condition.reason, listed, result.resync_after_seconds))
        binding = replace(binding, status=result.status)
    assert course == [
        ("EntryRemoved", False, 5),
        ("EntryRemoved", True, 60),
        ("EntryRemoved", True, 59),
        ("EntryRemoved", False, 8),
        ("EntryRemoved", True, 60),
        ("Attached", True, 5325),
    ]
    assert (result.status.attach_attempts, result.status.last_attach_time) == (0, None)


@pytest.mark.parametrize("seconds", [3, 1000])
def test_resync(seconds: int) -> None:
    """The next call is due when the contest or the token needs it, whichever is sooner."""
    due = new_token(NOW - HOUR, NOW + 30 * MINUTE + seconds * SECOND)
    observed = observe(contested(ago(5)), REMOVED)
    result = answer(replace(observed, secret=replace(SECRET, token=due)))
    assert result.resync_after_seconds == min(seconds, 60)


def test_status() -> None:
    """The status has the contest, and Attached keeps its transition time while it lasts."""
    status = answer(observe(contested(ago(10), 1), REMOVED)).status
    condition, ready = status.condition("Attached"), status.condition("Ready")
    assert condition is not None
    assert ready is not None
    assert (condition.status, condition.last_transition_time) == ("False", ago(20))
    assert (status.attach_attempts, status.last_attach_time) == (2, format_time(NOW))
    assert condition.message == (
        'Another client removes Secret "acr-pull-app" from ServiceAccount "default" as soon as '
        "acrpull adds it."
    )
    assert ready.message == (
        f"{condition.message} Find the client with kubectl get serviceaccount -n team-a default "
        "-o yaml --show-managed-fields, and let it keep imagePullSecrets."
    )


FOREIGNS = replace(REMOVED, owners=(FOREIGN, GUARD))


@pytest.mark.parametrize(
    ("observed", "reason"),
    [
        pytest.param(DENIED, "ServerNotAllowed", id="denied"),
        pytest.param(TAKEN, "Attaching", id="name-taken"),
        pytest.param(replace(OBSERVED, related=(FOREIGNS,)), "ServiceAccountOwned", id="foreign"),
        pytest.param(replace(OBSERVED, related=()), "ServiceAccountNotFound", id="not-found"),
        pytest.param(
            replace(OBSERVED, binding=replace(BINDING, deleting=True)), "Deleting", id="deleting"
        ),
    ],
)
def test_no_contest(observed: Observed, reason: str) -> None:
    """No other client is blamed if acrpull does not list the entry anyway."""
    binding = replace(observed.binding, status=attached(ago(5)).status)
    related = observed.related and tuple(replace(a, pull_secrets=()) for a in observed.related)
    status = answer(
        replace(observed, binding=binding, secret=None, accounts=(), related=related)
    ).status
    condition = status.condition("Attached")
    assert condition is not None
    assert condition.reason == reason
    assert (status.attach_attempts, status.last_attach_time) == (0, None)
