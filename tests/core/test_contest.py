"""A fight with another client over the entry of a ServiceAccount."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from hooks.core.account.entry_contest import find_entry_contest
from hooks.core.contest import Contest
from hooks.core.model.binding import Binding, Condition, Status
from hooks.core.model.cluster import Owner, ServiceAccount
from hooks.core.model.targets import one_target
from hooks.core.observed import Observed
from hooks.core.rfc3339 import format_time, parse_time
from hooks.core.sync import Answer
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    DENIED,
    FOREIGN,
    GUARD,
    HOLDER,
    HOUR,
    INVALID,
    MINUTE,
    NOW,
    OBSERVED,
    POLICY,
    SECOND,
    SECRET,
    SECRET_NAME,
    TAKEN,
    decide,
    new_token,
    sync,
)

REMOVED = replace(ACCOUNT, pull_secrets=("zeta", "alpha"))


def binding_with(
    status: str, reason: str, since: str, last: str | None = None, attempts: int = 0
) -> Binding:
    """Return a binding whose condition Attached has *status* and *reason* since *since*."""
    condition = Condition("Attached", status, reason, "", 2, parse_time(since))
    return replace(
        BINDING,
        status=Status(
            (condition,),
            targets=one_target("default"),
            attach_attempts=attempts,
            last_attach_time=parse_time(last),
        ),
    )


def ago(seconds: int) -> str:
    """Return the time *seconds* before now as a status has it."""
    return format_time(NOW - seconds * SECOND)


def attached(since: str, last: str | None = None, attempts: int = 0) -> Binding:
    """Return a binding that is attached since *since*."""
    return binding_with("True", "Attached", since, last, attempts)


def fought(last: str | None, attempts: int, since: str = ago(20)) -> Binding:
    """Return a binding whose entry is fought over since *since*, and was added at *last*."""
    return binding_with("False", "EntryRemoved", since, last, attempts)


def waiting(attempts: int, since: int, seconds: int) -> Contest:
    """Return a contest without the entry, whose last attempt was *since* seconds ago."""
    return Contest(attempts, NOW - since * SECOND, add=False, resync_after_seconds=seconds)


def adding(attempts: int, since: int = 0, seconds: int = 60) -> Contest:
    """Return a contest with the entry, which was added *since* seconds ago."""
    return Contest(attempts, NOW - since * SECOND, add=True, resync_after_seconds=seconds)


NEVER = [
    pytest.param(BINDING, REMOVED, id="never-attached"),
    pytest.param(attached(ago(5)), ACCOUNT, id="never-removed"),
    pytest.param(attached(ago(60)), REMOVED, id="removed-after-it-lasted"),
    pytest.param(binding_with("False", "Attaching", ago(5)), REMOVED, id="not-yet-attached"),
    pytest.param(attached(ago(60), ago(60), 1), ACCOUNT, id="lasted-after-one-attempt"),
    pytest.param(attached(ago(60), ago(60), 1), REMOVED, id="removed-after-it-lasted-again"),
    pytest.param(fought(ago(60), 3), ACCOUNT, id="lasted-after-a-fight"),
    pytest.param(fought(None, 3), REMOVED, id="no-last-time"),
    pytest.param(fought("soon", 3), REMOVED, id="unreadable-last-time"),
    pytest.param(fought("9999-12-31T23:59:59-14:00", 3), REMOVED, id="last-beyond-all-times"),
    pytest.param(fought(ago(4), 3, since="soon"), REMOVED, id="unreadable-transition"),
    pytest.param(fought(ago(4), 3, since=""), REMOVED, id="no-transition"),
    pytest.param(fought(ago(5), -7), REMOVED, id="negative-attempts"),
    pytest.param(attached(ago(5)), replace(REMOVED, name="build"), id="another-service-account"),
    pytest.param(attached(ago(5)), replace(REMOVED, created_at=parse_time(ago(5))), id="recreated"),
]


def find(binding: Binding, account: ServiceAccount) -> Contest | None:
    """Return the contest over the entry of *account*."""
    listing = int(SECRET_NAME in account.pull_secrets)
    return find_entry_contest(binding, [account], listing, NOW)


@pytest.mark.parametrize(("binding", "account"), NEVER)
def test_no_contest_found(binding: Binding, account: ServiceAccount) -> None:
    """An entry that lasted, or that was not added yet, is not fought over."""
    assert find(binding, account) is None


@pytest.mark.parametrize(
    ("binding", "account", "contest"),
    [
        pytest.param(attached(ago(59)), REMOVED, adding(1), id="removed-soon"),
        pytest.param(attached(ago(3), ago(4), 1), ACCOUNT, adding(1, 4, 56), id="listed-again"),
        pytest.param(attached(ago(3), ago(4), 1), REMOVED, adding(2), id="removed-a-second-time"),
        pytest.param(attached(ago(3), ago(4), 2), REMOVED, waiting(2, 4, 1), id="waits"),
        pytest.param(fought(ago(5), 2), REMOVED, adding(3), id="added-after-5-seconds"),
        pytest.param(fought(ago(9), 3), REMOVED, waiting(3, 9, 1), id="waits-longer"),
        pytest.param(fought(ago(10), 3), REMOVED, adding(4), id="added-after-10-seconds"),
        pytest.param(fought(ago(299), 8), REMOVED, waiting(8, 299, 1), id="waits-longest"),
        pytest.param(fought(ago(300), 8), REMOVED, adding(9), id="added-after-the-longest-wait"),
        pytest.param(fought(ago(59), 3), ACCOUNT, adding(3, 59, 1), id="listed-in-a-fight"),
        pytest.param(fought(ago(300), 8), ACCOUNT, adding(8), id="listed-after-the-longest-wait"),
        pytest.param(
            fought("9999-12-31T23:59:59Z", 3), REMOVED, waiting(3, 0, 10), id="last-in-future"
        ),
        pytest.param(fought("0001-01-01T00:00:00Z", 2), REMOVED, adding(3), id="last-long-ago"),
        pytest.param(attached("9999-12-31T23:59:59Z"), REMOVED, adding(1), id="since-in-future"),
        pytest.param(
            fought(ago(299), 2**31 - 1), REMOVED, waiting(1000, 299, 1), id="huge-attempts"
        ),
        pytest.param(fought(ago(300), 2**31 - 1), REMOVED, adding(1000), id="attempts-are-capped"),
        pytest.param(
            attached(ago(5)),
            replace(REMOVED, created_at=parse_time(ago(6))),
            adding(1),
            id="not-new",
        ),
        pytest.param(
            attached(ago(5)), replace(REMOVED, created_at=None), adding(1), id="unknown-age"
        ),
    ],
)
def test_find_contest(binding: Binding, account: ServiceAccount, contest: Contest) -> None:
    """A contest begins when an entry is removed soon, and ends when the entry lasted."""
    attached = binding.status.condition("Attached")
    assert attached is not None
    named = attached.reason == "EntryRemoved"
    assert find(binding, account) == replace(contest, named=named)


OTHER_NAME = "acr-pull-jobs"
BOTH = replace(
    ACCOUNT,
    pull_secrets=(*ACCOUNT.pull_secrets, OTHER_NAME),
    wanted=(SECRET_NAME, OTHER_NAME),
    attached=(SECRET_NAME, OTHER_NAME),
)
LOST = replace(BOTH, pull_secrets=ACCOUNT.pull_secrets)
UNMARKED = replace(LOST, attached=(SECRET_NAME,))


@pytest.mark.parametrize(
    ("binding", "account", "contest"),
    [
        pytest.param(attached(ago(3600)), LOST, adding(1), id="first"),
        pytest.param(attached(ago(3600)), UNMARKED, None, id="not-yet-added"),
        pytest.param(
            attached(ago(3600)),
            replace(LOST, created_at=parse_time(ago(3600))),
            adding(1),
            id="created-together",
        ),
        pytest.param(attached(ago(3600), ago(1), 1), UNMARKED, adding(2), id="second"),
        pytest.param(attached(ago(3600), ago(1), 2), UNMARKED, waiting(2, 1, 4), id="waits"),
        pytest.param(attached(ago(3600), ago(5), 2), UNMARKED, adding(3), id="after-5-seconds"),
        pytest.param(attached(ago(3600), ago(299), 9), UNMARKED, waiting(9, 299, 1), id="longest"),
        pytest.param(attached(ago(3600), ago(59), 3), BOTH, adding(3, 59, 1), id="is-back"),
        pytest.param(attached(ago(3600), ago(60), 3), BOTH, None, id="lasted"),
        pytest.param(
            attached(ago(3600)),
            replace(LOST, owners=(replace(HOLDER, uid="uid-jobs"), GUARD)),
            None,
            id="not-the-owner",
        ),
    ],
)
def test_entry_of_another_binding(
    binding: Binding, account: ServiceAccount, contest: Contest | None
) -> None:
    """The owner slows down if another client removes the entry of another binding only.

    The owner's own entry is in place, so the owner's status stays as it is.
    """
    result = answer(observe(binding, account))
    status = result.status
    attempts, last = (contest.attempts, contest.last_attempt) if contest else (0, None)
    assert (status.attach_attempts, status.last_attach_time) == (attempts, last)
    attached = status.condition("Attached")
    assert attached is not None
    assert (attached.status, attached.reason) == ("True", "Attached")
    (desired,) = result.accounts
    listed = OTHER_NAME in desired.pull_secrets
    assert SECRET_NAME in desired.pull_secrets
    assert listed == (contest is None or contest.add)


def test_entries_of_both_bindings() -> None:
    """After a fight over the own entry, the owner does not add the other entry without a wait."""
    result = answer(observe(fought(ago(9), 3), UNMARKED))
    assert (result.status.attach_attempts, result.resync_after_seconds) == (3, 1)
    (desired,) = result.accounts
    assert OTHER_NAME not in desired.pull_secrets
    neither = answer(observe(fought(ago(9), 3), replace(UNMARKED, pull_secrets=("zeta",))))
    (desired,) = neither.accounts
    assert desired.pull_secrets == ("zeta",)


def test_status_older_than_the_last_answer() -> None:
    """A fight stays named if the status that Metacontroller sends lacks the last attempt."""
    status = answer(observe(fought(ago(5), 2), ACCOUNT)).status
    condition = status.condition("Attached")
    assert condition is not None
    assert (condition.status, condition.reason) == ("False", "EntryRemoved")


def answer(observed: Observed, now: datetime = NOW) -> Answer:
    """Return the answer to *observed* without a mint."""
    return sync(observed, decide(observed, POLICY, now), None, POLICY, now)


def observe(binding: Binding, account: ServiceAccount) -> Observed:
    """Return what is observed of *binding* and its *account*."""
    return replace(OBSERVED, binding=binding, accounts=(account,), related=(account,))


def test_course() -> None:
    """A removed entry is added twice, held back for longer and longer, and then lasts."""
    binding, account = attached(ago(1)), REMOVED
    course: list[tuple[str, bool, int]] = []
    steps = ((0, False), (1, True), (2, False), (3, False), (7, False), (8, True), (67, True))
    for seconds, lists in steps:
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
        ("Attaching", True, 60),
        ("Attached", True, 59),
        ("Attaching", True, 60),
        ("EntryRemoved", False, 4),
        ("EntryRemoved", True, 60),
        ("EntryRemoved", True, 59),
        ("Attached", True, 5333),
    ]
    assert (result.status.attach_attempts, result.status.last_attach_time) == (0, None)


@pytest.mark.parametrize("seconds", [3, 1000])
def test_resync(seconds: int) -> None:
    """The next call is due when the contest or the token needs it, whichever is sooner."""
    due = new_token(NOW - HOUR, NOW + 30 * MINUTE + seconds * SECOND)
    observed = observe(fought(ago(5), 2), REMOVED)
    result = answer(replace(observed, secret=replace(SECRET, token=due)))
    assert result.resync_after_seconds == min(seconds, 60)


def test_status() -> None:
    """The status has the contest, and Attached keeps its transition time while it lasts."""
    status = answer(observe(fought(ago(10), 3), REMOVED)).status
    condition, ready = status.condition("Attached"), status.condition("Ready")
    assert condition is not None
    assert ready is not None
    assert (condition.status, condition.last_transition_time) == ("False", NOW - 20 * SECOND)
    assert (status.attach_attempts, status.last_attach_time) == (4, NOW)
    assert condition.message == (
        'Another client removes Secret "acr-pull-app" from ServiceAccount "default" as soon as '
        "acrpull adds it."
    )
    assert ready.message == (
        f"{condition.message} Find the client with kubectl get serviceaccount -n team-a default "
        "-o yaml --show-managed-fields, and exclude imagePullSecrets from its changes."
    )


FOREIGNS = replace(REMOVED, owners=(FOREIGN, GUARD))


@pytest.mark.parametrize(
    ("observed", "reason"),
    [
        pytest.param(DENIED, "ServerNotAllowed", id="denied"),
        pytest.param(TAKEN, "SecretNameTaken", id="name-taken"),
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


@pytest.mark.parametrize("attempts", [0, 1])
def test_without_secret(attempts: int) -> None:
    """Without a Secret no contest begins, because the entry may have named another's Secret."""
    binding = attached(ago(5), ago(4) if attempts else None, attempts)
    observed = replace(observe(binding, REMOVED), secret=None)
    status = answer(observed).status
    condition = status.condition("Attached")
    assert condition is not None
    assert (condition.status, condition.reason) == ("False", "Attaching")
    assert status.attach_attempts == (2 if attempts else 0)  # a contest continues


@pytest.mark.parametrize(("owners", "attempts"), [(REMOVED.owners, 2), ((GUARD,), 0)])
def test_without_secret_and_valid_spec(owners: tuple[Owner, ...], attempts: int) -> None:
    """Without Secret and valid spec, a contest continues on the binding's ServiceAccount only."""
    binding = replace(attached(ago(5), ago(4), 1), spec=INVALID.binding.spec)
    account = replace(REMOVED, owners=owners)
    observed = replace(observe(binding, account), secret=None)
    assert answer(observed).status.attach_attempts == attempts


@pytest.mark.parametrize("foreign", [REMOVED, FOREIGNS], ids=["free", "foreign"])
def test_contest_in_the_mode_admission(foreign: ServiceAccount) -> None:
    """With the admission policy, another controller does not prevent the entry."""
    observed = replace(
        OBSERVED, binding=attached(ago(5)), accounts=(), related=(foreign,), missing_policies=()
    )
    status = answer(observed).status
    assert (status.attach_attempts, status.last_attach_time) == (1, NOW)
