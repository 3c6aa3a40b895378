"""A fight with another client over the entries of several ServiceAccounts."""

from dataclasses import replace

import pytest

from hooks.core.contest import WATCH_WAIT
from hooks.core.model.binding import Binding, Condition, Status
from tests.core.builders import ACCOUNT, GUARD, HOLDER, NOW, SECOND, SECRET_NAME
from tests.core.test_several_accounts import answer_to, listing, named, observe, to


def fought(
    status: str, reason: str, before: int | None, *, attempts: int = 0, last: int = 0
) -> Binding:
    """Return a binding of a and b; *before* ServiceAccounts listed the Secret 5 s ago."""
    since = NOW - 5 * SECOND
    condition = Condition("Attached", status, reason, "", 2, since)
    told = Status((condition,), targets=named("a", "b", "z"), attached_accounts=before)
    if attempts:
        told = replace(told, attach_attempts=attempts, last_attach_time=NOW - last * SECOND)
    return to(named("a", "b", "z"), status=told)


# Without the annotation, and with the annotation.
REPLACED = replace(ACCOUNT, name="b", pull_secrets=(), attached=())
EDITED = replace(ACCOUNT, name="b", pull_secrets=())


@pytest.mark.parametrize(
    ("binding", "attempts"),
    [
        pytest.param(fought("False", "ServiceAccountNotFound", 2), 1, id="one-less"),
        pytest.param(fought("False", "ServiceAccountNotFound", 1), 0, id="as-before"),
        pytest.param(fought("False", "Attaching", 2), 0, id="a-listing-account-was-deleted"),
        pytest.param(fought("False", "ServiceAccountNotFound", None), 0, id="unknown-before"),
        pytest.param(fought("True", "Attached", 2), 1, id="soon"),
        pytest.param(
            replace(fought("True", "Attached", 2), generation=3), 0, id="a-move-is-no-removal"
        ),
        pytest.param(fought("False", "Attaching", 2, attempts=1, last=1), 2, id="second"),
        pytest.param(fought("False", "Attaching", 1, attempts=1, last=1), 1, id="not-written-yet"),
        pytest.param(fought("False", "EntryRemoved", 1, attempts=2, last=1), 2, id="waits"),
        pytest.param(fought("False", "EntryRemoved", 1, attempts=2, last=5), 3, id="adds"),
    ],
)
def test_contest(binding: Binding, attempts: int) -> None:
    """A smaller number of entries than in the last answer is a removal by another client."""
    observed = replace(observe(None, *listing("a"), REPLACED), binding=binding)
    answer = answer_to(observed)
    assert answer.status.attach_attempts == attempts
    (a, b) = answer.accounts
    assert SECRET_NAME in a.pull_secrets
    held = (binding.status.attach_attempts, attempts) == (2, 2)
    assert (SECRET_NAME in b.pull_secrets) == (not held)


@pytest.mark.parametrize(
    ("binding", "attempts"),
    [
        pytest.param(fought("False", "ServiceAccountNotFound", 1), 1, id="first"),
        pytest.param(fought("True", "Attached", 1), 1, id="soon"),
        pytest.param(fought("False", "Attaching", 1, attempts=1, last=1), 2, id="second"),
        pytest.param(fought("False", "Attaching", 1, attempts=2, last=1), 2, id="waits"),
    ],
)
def test_contest_by_annotation(binding: Binding, attempts: int) -> None:
    """A removed entry that the annotation names counts, even if no answer has seen the entry."""
    answer = answer_to(replace(observe(None, *listing("a"), EDITED), binding=binding))
    condition = answer.status.condition("Attached")
    assert condition is not None
    assert answer.status.attach_attempts == attempts
    held = binding.status.attach_attempts == attempts
    assert (SECRET_NAME in answer.accounts[1].pull_secrets) == (not held)
    assert condition.reason == ("EntryRemoved" if held else "Attaching")


@pytest.mark.parametrize(("attempts", "after"), [(0, 0), (1, 2)], ids=["before", "during"])
def test_contest_over_accounts_of_another_owner(attempts: int, after: int) -> None:
    """During a contest, a missing entry that another binding writes counts as removed."""
    other = (replace(HOLDER, uid="uid-jobs"), GUARD)
    binding = fought("False", "ServiceAccountNotFound", 1, attempts=attempts, last=1)
    accounts = (replace(account, owners=other) for account in (*listing("a"), REPLACED))
    answer = answer_to(replace(observe(None, *accounts), binding=binding))
    assert answer.status.attach_attempts == after


def test_only_the_entry_of_another_binding_waits() -> None:
    """In a contest over another binding's entry, a ServiceAccount still gets its own."""
    binding = fought("False", "ServiceAccountNotFound", 1, attempts=8, last=1)
    lost = replace(*listing("a"), wanted=(SECRET_NAME, "acr-pull-jobs"))
    answer = answer_to(replace(observe(None, lost, REPLACED), binding=binding))
    assert [account.pull_secrets for account in answer.accounts] == [
        ACCOUNT.pull_secrets,
        (SECRET_NAME,),
    ]
    assert answer.resync_after_seconds <= WATCH_WAIT.total_seconds()


def test_contest_is_named() -> None:
    """The message names the ServiceAccounts without the entry, or none while all list it."""
    binding = fought("False", "EntryRemoved", 1, attempts=3, last=1)
    bare_b = replace(ACCOUNT, name="b", pull_secrets=())
    messages = []
    for b in (bare_b, *listing("b")):
        observed = replace(observe(None, *listing("a", "z"), b), binding=binding)
        condition = answer_to(observed).status.condition("Attached")
        assert condition is not None
        messages.append(condition.message)
    start, end = 'Another client removes Secret "acr-pull-app" from', "as soon as acrpull adds it."
    assert messages == [f'{start} ServiceAccount "b" {end}', f"{start} a ServiceAccount {end}"]


def test_a_new_account_is_not_held() -> None:
    """A contest does not delay the entry of a ServiceAccount that is newer than the contest."""
    binding = fought("False", "EntryRemoved", 1, attempts=2, last=1)
    new = replace(ACCOUNT, name="b", pull_secrets=(), created_at=NOW)
    _, b = answer_to(replace(observe(None, *listing("a"), new), binding=binding)).accounts
    assert SECRET_NAME in b.pull_secrets


def test_an_account_newer_than_attached() -> None:
    """A removal counts although the condition did not change since before the ServiceAccount."""
    binding = fought("False", "ServiceAccountNotFound", 2)
    newer = replace(EDITED, created_at=NOW - SECOND)
    answer = answer_to(replace(observe(None, *listing("a"), newer), binding=binding))
    assert answer.status.attach_attempts == 1
