"""What the owner of a ServiceAccount answers for it: its list, and what is ours on it."""

from dataclasses import replace

import pytest

from hooks.core.account.attachment import DesiredServiceAccount, desired_service_account
from hooks.core.account.ownership import OwnershipContext
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import ServiceAccount
from hooks.core.model.targets import one_target
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    HOLDER,
    NAMESPACE,
    SECRET_NAME,
    UNTOUCHED,
    new_last_applied,
)

JOBS = "acr-pull-jobs"
DELETING = replace(BINDING, deleting=True)
MOVED = replace(BINDING, targets=one_target("build"))
INVALID = replace(BINDING, spec="spec is wrong", targets=None)
Names = tuple[str | None, ...]


def desired(
    binding: Binding = BINDING,
    account: ServiceAccount = ACCOUNT,
    *,
    dynamic_apply: bool | None = True,
    withdrawn: bool = False,
    hold_entry: bool = False,
) -> DesiredServiceAccount:
    """Return the state of *account* that *binding* desires."""
    terms = OwnershipContext(NAMESPACE, dynamic_apply, withdrawn=withdrawn, hold_entry=hold_entry)
    return desired_service_account(binding, account, terms)


def listing(*names: str | None) -> ServiceAccount:
    """Return a held ServiceAccount that lists *names*, as Metacontroller last wrote it."""
    return replace(ACCOUNT, pull_secrets=names, last_applied=new_last_applied(*names))


@pytest.mark.parametrize(
    ("listed", "wanted", "attached", "result", "ours"),
    [
        pytest.param((), (), (), (SECRET_NAME,), (SECRET_NAME,), id="own-without-decorator"),
        pytest.param((), (SECRET_NAME,), (), (SECRET_NAME,), (SECRET_NAME,), id="first"),
        pytest.param(
            ("z", "a"), (SECRET_NAME,), (), ("z", "a", SECRET_NAME), (SECRET_NAME,), id="user-first"
        ),
        pytest.param(
            ("z", SECRET_NAME, "a"),
            (SECRET_NAME,),
            (SECRET_NAME,),
            ("z", SECRET_NAME, "a"),
            (SECRET_NAME,),
            id="observed-order-stays",
        ),
        pytest.param(
            ("z",),
            (JOBS, SECRET_NAME),
            (),
            ("z", JOBS, SECRET_NAME),
            (JOBS, SECRET_NAME),
            id="oldest-binding-first",
        ),
        pytest.param(
            ("z", JOBS),
            (SECRET_NAME,),
            (JOBS,),
            ("z", SECRET_NAME),
            (SECRET_NAME, JOBS),
            id="other-off",
        ),
        pytest.param(
            ("z", JOBS),
            (SECRET_NAME,),
            (),
            ("z", JOBS, SECRET_NAME),
            (SECRET_NAME,),
            id="a-prefix-does-not-make-it-ours",
        ),
        pytest.param(
            (None, "z", None),
            (SECRET_NAME,),
            (),
            (None, "z", None, SECRET_NAME),
            (SECRET_NAME,),
            id="nameless-entries-stay",
        ),
        pytest.param(
            ("z", "z"),
            (SECRET_NAME,),
            (),
            ("z", "z", SECRET_NAME),
            (SECRET_NAME,),
            id="the-user's-duplicates-stay",
        ),
        pytest.param(
            (SECRET_NAME, SECRET_NAME),
            (SECRET_NAME,),
            (SECRET_NAME,),
            (SECRET_NAME, SECRET_NAME),
            (SECRET_NAME,),
            id="our-duplicates-are-named-once",
        ),
        pytest.param(
            ("z",), (SECRET_NAME,), ("gone",), ("z", SECRET_NAME), (SECRET_NAME,), id="stale-name"
        ),
    ],
)
def test_list(listed: Names, wanted: Names, attached: Names, result: Names, ours: Names) -> None:
    """The user's entries keep their order; ours come behind, and go when no longer wanted."""
    names = (tuple(n for n in part if n is not None) for part in (wanted, attached))
    account = replace(listing(*listed), wanted=next(names), attached=next(names))
    answer = desired(account=account)
    assert (answer.pull_secrets, answer.attached) == (result, ours)
    assert answer.had_pull_secrets is bool(listed)


@pytest.mark.parametrize("dynamic", [True, False, None], ids=["dynamic", "server-side", "unknown"])
@pytest.mark.parametrize(
    ("binding", "withdrawn"),
    [(DELETING, False), (MOVED, False), (BINDING, True)],
    ids=["deleting", "moved", "withdrawn"],
)
def test_own_secret_off_at_once(binding: Binding, *, withdrawn: bool, dynamic: bool | None) -> None:
    """The own entry is removed although the decorator still wants it; other entries stay."""
    wanted = (SECRET_NAME, JOBS)
    account = replace(listing("z", *wanted), wanted=wanted, attached=wanted)
    answer = desired(binding, account, dynamic_apply=dynamic, withdrawn=withdrawn)
    assert answer.pull_secrets == ("z", JOBS)


@pytest.mark.parametrize(
    ("listed", "result"),
    [
        pytest.param(("z",), ("z",), id="all-missing"),
        pytest.param(("z", JOBS), ("z", JOBS), id="own-missing"),
        pytest.param(("z", SECRET_NAME), ("z", SECRET_NAME), id="other-missing"),
        pytest.param(("z", JOBS, "old"), ("z", JOBS), id="others-are-still-removed"),
    ],
)
def test_hold_entry(listed: Names, result: Names) -> None:
    """While another client removes the entry, no missing name is listed again."""
    account = replace(listing(*listed), wanted=(JOBS, SECRET_NAME), attached=(JOBS, "old"))
    assert desired(account=account, hold_entry=True).pull_secrets == result
    everything = (*result, *(name for name in (JOBS, SECRET_NAME) if name not in result))
    assert desired(account=account).pull_secrets == everything


def test_own_secret_off_although_unmarked() -> None:
    """An own entry that was never marked as ours comes off as well."""
    account = replace(ACCOUNT, attached=(), wanted=())
    assert desired(DELETING, account).pull_secrets == ("zeta", "alpha")


@pytest.mark.parametrize(
    ("observed", "attached"),
    [(("z", SECRET_NAME), (SECRET_NAME,)), (("z",), ())],
    ids=["still-there", "gone"],
)
def test_ours_until_seen_gone(observed: Names, attached: Names) -> None:
    """An entry that comes off is named as ours until the list is observed without it."""
    account = replace(listing(*observed), attached=(SECRET_NAME,))
    answer = desired(DELETING, account)
    assert (answer.pull_secrets, answer.attached) == (("z",), attached)


@pytest.mark.parametrize(
    "last_applied",
    [
        pytest.param(None, id="none"),
        pytest.param(new_last_applied("zeta"), id="without-it"),
        pytest.param("{}", id="without-list"),
        pytest.param("no json", id="no-json"),
        pytest.param("null", id="null"),
        pytest.param('{"imagePullSecrets":null}', id="null-list"),
        pytest.param('{"imagePullSecrets":[5]}', id="numbers"),
        pytest.param("[" * 100000, id="nested-too-deep"),
    ],
)
def test_dynamic_apply_removes_what_it_knows(last_applied: str | None) -> None:
    """An entry that dynamic-apply could not take off is listed once more, so that it can."""
    account = replace(ACCOUNT, last_applied=last_applied)
    listed = ("zeta", "alpha", SECRET_NAME)
    assert desired(DELETING, account).pull_secrets == listed
    assert desired(DELETING, account, dynamic_apply=False).pull_secrets == ("zeta", "alpha")


def test_emptied_list() -> None:
    """A list that held ours alone becomes empty, and that there was one is known."""
    answer = desired(DELETING, listing(SECRET_NAME))
    assert (answer.pull_secrets, answer.had_pull_secrets) == ((), True)


@pytest.mark.parametrize(
    ("account", "listed"),
    [
        pytest.param(ACCOUNT, ("zeta", "alpha", SECRET_NAME), id="place-kept"),
        pytest.param(replace(UNTOUCHED, owners=(HOLDER,)), ("zeta", "alpha"), id="no-place-made"),
    ],
)
def test_invalid_spec_keeps_place(account: ServiceAccount, listed: Names) -> None:
    """A spec that no longer names a ServiceAccount changes no list."""
    assert desired(INVALID, account).pull_secrets == listed
