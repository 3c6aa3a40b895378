"""What the owner of a ServiceAccount answers for its owner references, under each strategy."""

import json
from dataclasses import replace

import pytest

from hooks.core.account.attachment import desired_service_account
from hooks.core.account.ownership import OwnershipContext
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import Namespace, Owner
from hooks.core.model.targets import one_target
from tests.core.builders import ACCOUNT, BINDING, GUARD, HOLDER, NAMESPACE

DELETING = replace(BINDING, deleting=True)
MOVED = replace(BINDING, targets=one_target("build"))
INVALID = replace(BINDING, spec="spec is wrong", targets=None)
NAMESAKE = replace(BINDING, name="team-a", secret_name="acr-pull-team-a")
LEAVING = replace(NAMESAKE, deleting=True)
Owners = tuple[Owner, ...]


def owners_of(
    binding: Binding,
    observed: Owners = (HOLDER, GUARD),
    namespace: Namespace | None = NAMESPACE,
    *,
    dynamic_apply: bool | None = True,
) -> Owners | None:
    """Return the owners that *binding* wants for a ServiceAccount with the owners *observed*."""
    account = replace(ACCOUNT, owners=observed)
    return desired_service_account(
        binding, account, OwnershipContext(namespace, dynamic_apply)
    ).owners


BARE = Owner("", "", "", "uid-app", controller=True)
FULL = replace(HOLDER, name="team-a")
OLD_GUARD = replace(GUARD, uid="uid-old")


@pytest.mark.parametrize(
    ("binding", "dynamic", "owners"),
    [
        pytest.param(BINDING, None, (HOLDER, GUARD), id="strategy-does-not-matter"),
        pytest.param(BINDING, True, (HOLDER, GUARD), id="dynamic"),
        pytest.param(BINDING, False, (HOLDER, GUARD), id="server-side"),
        pytest.param(NAMESAKE, None, None, id="namesake-unknown"),
        pytest.param(NAMESAKE, True, (BARE, GUARD), id="namesake-dynamic"),
        pytest.param(NAMESAKE, False, (FULL, GUARD), id="namesake-server-side"),
        pytest.param(replace(BINDING, uid=""), True, (GUARD,), id="no-uid"),
        pytest.param(
            replace(BINDING, api_version="acrpull.dev/v2", kind="B"),
            True,
            (replace(HOLDER, api_version="acrpull.dev/v2", kind="B"), GUARD),
            id="of-the-binding's-own-kind",
        ),
    ],
)
def test_owners(binding: Binding, dynamic: bool | None, owners: Owners | None) -> None:
    """Binding and guard own it; a namesake's reference is its uid alone under dynamic-apply."""
    assert owners_of(binding, (HOLDER,), dynamic_apply=dynamic) == owners


@pytest.mark.parametrize(
    ("binding", "observed", "namespace", "owners"),
    [
        pytest.param(BINDING, (HOLDER, GUARD), None, (HOLDER, GUARD), id="guard-repeated"),
        pytest.param(BINDING, (HOLDER,), None, (HOLDER,), id="none-to-repeat"),
        pytest.param(BINDING, (HOLDER, OLD_GUARD), NAMESPACE, (HOLDER, GUARD), id="renewed"),
        pytest.param(BINDING, (HOLDER, OLD_GUARD), None, (HOLDER, OLD_GUARD), id="old-repeated"),
        pytest.param(replace(BINDING, uid=""), (), None, None, id="by-hand-nothing-to-say"),
    ],
)
def test_guard(
    binding: Binding,
    observed: Owners,
    namespace: Namespace | None,
    owners: Owners | None,
) -> None:
    """The guard is the living Namespace's; while that is unknown, the observed one is repeated."""
    assert owners_of(binding, observed, namespace) == owners


@pytest.mark.parametrize(
    ("binding", "observed", "namespace", "owners"),
    [
        pytest.param(NAMESAKE, (), NAMESPACE, None, id="fresh"),
        pytest.param(NAMESAKE, (FULL,), NAMESPACE, None, id="held"),
        pytest.param(NAMESAKE, (FULL, GUARD), NAMESPACE, (GUARD,), id="guarded"),
        pytest.param(NAMESAKE, (FULL, GUARD), None, (GUARD,), id="guarded-namespace-unknown"),
        pytest.param(NAMESAKE, (FULL, OLD_GUARD), NAMESPACE, (GUARD,), id="guard-renewed"),
        pytest.param(LEAVING, (FULL,), NAMESPACE, (GUARD,), id="deleting"),
        pytest.param(LEAVING, (FULL, GUARD), NAMESPACE, (GUARD,), id="deleting-guarded"),
        pytest.param(LEAVING, (FULL,), None, None, id="deleting-namespace-unknown"),
    ],
)
def test_strategy_unknown(
    binding: Binding, observed: Owners, namespace: Namespace | None, owners: Owners | None
) -> None:
    """A namesake says nothing, but a guard that is on stays and one that goes puts it on."""
    assert owners_of(binding, observed, namespace, dynamic_apply=None) == owners


def test_no_secret_will_show_the_strategy() -> None:
    """A namesake that gets no Secret adds the guard before the strategy is known."""
    account = replace(ACCOUNT, owners=(FULL,))
    for terms in (
        OwnershipContext(NAMESPACE, None, withdrawn=True),
        OwnershipContext(NAMESPACE, None, taken=True),
    ):
        assert desired_service_account(NAMESAKE, account, terms).owners == (GUARD,)


NAMED = {"name": "team-a", "uid": "uid-app"}
OTHER = Owner("acrpull.microsoft.com/v1beta2", "AcrPullBinding", "team-a", "uid-other")


@pytest.mark.parametrize(
    ("written", "observed", "namespace", "owners"),
    [
        pytest.param([NAMED], (FULL,), NAMESPACE, (GUARD,), id="named"),
        pytest.param([NAMED], (GUARD, FULL), None, (GUARD,), id="named-namespace-unknown"),
        pytest.param([NAMED], (FULL,), None, (BARE,), id="no-guard-to-put-in-its-place"),
        pytest.param([NAMED], (FULL, OTHER), NAMESPACE, (BARE, GUARD), id="beside-another"),
        pytest.param([{"uid": "uid-app"}], (FULL,), NAMESPACE, (BARE, GUARD), id="bare"),
        pytest.param([NAMED | {"uid": "x"}], (FULL,), NAMESPACE, (BARE, GUARD), id="not-its-own"),
        pytest.param([{}], (FULL,), NAMESPACE, (BARE, GUARD), id="of-another-shape"),
    ],
)
def test_was_named(
    written: object, observed: Owners, namespace: Namespace | None, owners: Owners
) -> None:
    """A reference whose name dynamic-apply would take off makes way for the guard alone."""
    text = json.dumps({"metadata": {"ownerReferences": written}})
    account = replace(ACCOUNT, owners=observed, last_applied=text)
    assert (
        desired_service_account(
            NAMESAKE, account, OwnershipContext(namespace, dynamic_apply=True)
        ).owners
        == owners
    )
    assert desired_service_account(
        NAMESAKE, replace(account, last_applied="no JSON"), OwnershipContext(NAMESPACE, True)
    ).owners == (BARE, GUARD)


def test_guard_is_no_controller() -> None:
    """Of the two owners only the binding is the controller."""
    assert [owner.controller for owner in owners_of(BINDING) or ()] == [True, False]


@pytest.mark.parametrize(
    "binding", [DELETING, MOVED, INVALID], ids=["deleting", "moved", "invalid"]
)
def test_owners_stay_until_released(binding: Binding) -> None:
    """A binding that leaves still answers with itself and the guard: Metacontroller releases."""
    assert owners_of(binding) == (HOLDER, GUARD)
