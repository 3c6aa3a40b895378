"""How a binding that goes hands its ServiceAccount to the next, with the others' entries on it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hooks.core.account.decorator import decorate
from hooks.core.account.release import blocks_deletion
from hooks.core.model.binding import Binding, Condition, Status
from hooks.core.model.cluster import OwnedSecret, Owner, ServiceAccount
from hooks.core.model.targets import Targets
from hooks.core.observed import Observed
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    DELETED,
    FOREIGN,
    GUARD,
    HOLDER,
    HOUR,
    MINUTE,
    NAMESPACE,
    NOW,
    OBSERVED,
    POLICY,
    RELATED,
    SECOND,
    SECRET_NAME,
    finalize,
    secret_of,
)

JOBS = secret_of("jobs", 30 * MINUTE)
GOING = replace(BINDING, deleting=True, deleted_at=NOW)
RELEASED = replace(HOLDER, controller=False)
# The guard is on and its own entry off; that of another binding is on the list.
SHARED = replace(
    ACCOUNT,
    pull_secrets=("zeta", "acr-pull-jobs"),
    wanted=("acr-pull-jobs",),
    attached=("acr-pull-jobs",),
)

STRIPPED = replace(ACCOUNT, owners=(), annotations=frozenset(), wanted=(), attached=())


def going(account: ServiceAccount, binding: Binding = GOING) -> Observed:
    """Return a deletion in which *account* shows."""
    return replace(OBSERVED, binding=binding, accounts=(account,), related=(account,))


def control(observed: Observed, seconds: float) -> bool:
    """Return whether the binding holds its ServiceAccount *seconds* after its deletion."""
    (desired,) = finalize(observed, POLICY, NOW + timedelta(seconds=seconds)).accounts
    assert desired.owners is not None
    own, guard = desired.owners
    assert (own.uid, guard) == ("uid-app", GUARD)
    return own.controller


@pytest.mark.parametrize(("seconds", "held"), [(0, True), (2.9, True), (3, False), (60, False)])
def test_grace(seconds: float, *, held: bool) -> None:
    """It waits for other bindings that may be deleted along with it, then lets go."""
    assert control(going(SHARED), seconds) is held


@pytest.mark.parametrize(
    ("account", "seconds", "finalized"),
    [
        pytest.param(STRIPPED, 29, False, id="adoption-in-flight"),
        pytest.param(STRIPPED, 30, True, id="no-adoption-in-flight"),
        pytest.param(replace(STRIPPED, owners=(FOREIGN,)), 30, True, id="another-controller"),
        pytest.param(replace(STRIPPED, owners=(RELEASED, GUARD)), 30, True, id="handed-over"),
        pytest.param(replace(ACCOUNT, annotations=frozenset()), 3600, False, id="owned"),
        pytest.param(replace(ACCOUNT, owners=()), 3600, False, id="marked"),
    ],
)
def test_label_of_unknown_origin(
    account: ServiceAccount, seconds: float, *, finalized: bool
) -> None:
    """A label that the decorator can't recognize delays the deletion by half a minute."""
    now = NOW + timedelta(seconds=seconds)
    assert finalize(going(account), POLICY, now).finalized is finalized


@pytest.mark.parametrize(("seconds", "finalized"), [(274, False), (275, True)])
def test_label_of_unknown_origin_in_a_list(seconds: float, *, finalized: bool) -> None:
    """Metacontroller adopts the ServiceAccounts of a list one after the other."""
    listed = replace(GOING, targets=Targets(frozenset({"default"}), is_list=True))
    now = NOW + timedelta(seconds=seconds)
    assert finalize(going(STRIPPED, listed), POLICY, now).finalized is finalized


def test_time_unknown() -> None:
    """Where nothing tells since when it goes, it waits no longer."""
    assert not control(going(SHARED, replace(GOING, deleted_at=None)), 0)


@pytest.mark.parametrize(("seconds", "held"), [(0, True), (-60, False)])
def test_clocks_differ(seconds: float, *, held: bool) -> None:
    """A deletion far in the future is a clock that is wrong, and no reason to wait."""
    assert control(going(SHARED), seconds) is held


@pytest.mark.parametrize(
    ("finalizers", "held_up"),
    [(frozenset(), False), (frozenset({"example.com/hold"}), True)],
)
def test_another_finalizer(finalizers: frozenset[str], *, held_up: bool) -> None:
    """A binding that another client's finalizer keeps releases what it alone targets."""
    binding = replace(GOING, other_finalizers=finalizers)
    account = replace(SHARED, pull_secrets=("zeta",), wanted=(), attached=())
    assert blocks_deletion(binding, account, NAMESPACE) is held_up
    assert control(going(account, binding), 60) is not held_up
    released = replace(account, owners=(RELEASED, GUARD))
    assert not blocks_deletion(binding, released, NAMESPACE)


@pytest.mark.parametrize(
    "account",
    [
        pytest.param(replace(SHARED, owners=(HOLDER,)), id="unguarded"),
        pytest.param(
            replace(SHARED, pull_secrets=("acr-pull-jobs", SECRET_NAME)), id="its-own-is-listed"
        ),
        pytest.param(replace(SHARED, wanted=()), id="the-others-go-too"),
        pytest.param(replace(SHARED, pull_secrets=("zeta",)), id="no-others"),
    ],
)
def test_not_before_all_is_done(account: ServiceAccount) -> None:
    """It holds the ServiceAccount while there is something to do that the next could not."""
    assert control(going(account), 60)


def test_reference_by_uid() -> None:
    """A binding named like its Namespace lets go too, under dynamic-apply by its uid."""
    namesake = replace(GOING, name="team-a", secret_name="acr-pull-team-a")
    (desired,) = finalize(going(SHARED, namesake), POLICY, NOW + 3 * SECOND).accounts
    assert desired.owners == (Owner("", "", "", "uid-app"), GUARD)


@pytest.mark.parametrize(
    ("owners", "wanted", "held_up"),
    [
        pytest.param((RELEASED, GUARD), ("acr-pull-jobs",), True, id="nobody-yet"),
        pytest.param((RELEASED, GUARD), (), False, id="nobody-comes"),
        pytest.param(
            (RELEASED, GUARD, replace(HOLDER, name="jobs", uid="uid-jobs")),
            ("acr-pull-jobs",),
            False,
            id="taken-over",
        ),
        pytest.param((GUARD,), ("acr-pull-jobs",), False, id="not-ours"),
    ],
)
def test_waits_for_the_next(
    owners: tuple[Owner, ...], wanted: tuple[str, ...], *, held_up: bool
) -> None:
    """Having let go, it stays until the next has taken over: that one may go at any time."""
    account = replace(SHARED, owners=owners, wanted=wanted, uid_label="uid-jobs")
    assert blocks_deletion(GOING, account, NAMESPACE) is held_up


def test_goes_where_it_can_not_let_go() -> None:
    """While the apply strategy is unknown, a namesake can't let go, and doesn't wait for ever."""
    assert not blocks_deletion(GOING, SHARED, NAMESPACE, can_release=False)
    namesake = replace(GOING, name="team-a", secret_name="acr-pull-team-a")
    observed = replace(going(SHARED, namesake), dynamic_apply=None, secret=None)
    assert finalize(observed, POLICY, NOW + 3 * SECOND).finalized


@pytest.mark.parametrize(
    ("condition", "seconds", "finalized"),
    [
        pytest.param(None, 0, False, id="no-status"),
        pytest.param(("False", "Attaching", 2), 2.9, False, id="not-attached"),
        pytest.param(("False", "Attaching", 2), 3, True, id="long-ago"),
        pytest.param(("True", "Attached", 2), 0, True, id="attached"),
        pytest.param(("True", "Attached", 1), 0, True, id="attached-before-the-deletion"),
        pytest.param(("True", "Attached", 0), 0, False, id="attached-elsewhere"),
        pytest.param(("False", "Deleting", 2), 0, True, id="asked-before"),
    ],
)
def test_adoption_under_way(
    condition: tuple[str, str, int] | None, seconds: float, *, finalized: bool
) -> None:
    """A binding that was not attached is not let go at first: its adoption may not show yet."""
    status = Status()
    if condition is not None:
        value, why, generation = condition
        status = Status((Condition("Attached", value, why, "", generation, NOW - HOUR),))
    observed = replace(going(ACCOUNT, replace(GOING, status=status)), accounts=(), related=())
    now = NOW + timedelta(seconds=seconds)
    assert finalize(observed, POLICY, now).finalized is finalized


@pytest.mark.parametrize(
    ("account", "secrets", "label"),
    [
        pytest.param(SHARED, (DELETED, JOBS), "uid-app", id="still-owned"),
        pytest.param(
            replace(SHARED, owners=(RELEASED, GUARD)), (DELETED, JOBS), "uid-jobs", id="handed-over"
        ),
        pytest.param(replace(SHARED, owners=(GUARD,)), (RELATED,), "uid-app", id="entry-left"),
        pytest.param(replace(SHARED, owners=(GUARD,)), (DELETED,), None, id="no-next-binding"),
        pytest.param(
            replace(SHARED, owners=(GUARD, FOREIGN)), (RELATED,), None, id="another-controller"
        ),
    ],
)
def test_label(
    account: ServiceAccount, secrets: tuple[OwnedSecret, ...], label: str | None
) -> None:
    """The label moves after the handover. The next binding removes an entry that was left."""
    assert decorate(account, secrets).labels == {"controller-uid": label}
