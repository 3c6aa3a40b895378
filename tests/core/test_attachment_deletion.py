"""Which ServiceAccounts a binding that goes may not leave behind as they are."""

from dataclasses import replace

import pytest

from hooks.core.account.release import blocks_deletion
from hooks.core.model.cluster import Namespace, ServiceAccount
from tests.core.builders import (
    ACCOUNT,
    ATTACHED,
    BINDING,
    FOREIGN,
    GUARD,
    HOLDER,
    NAMESPACE,
    SECRET_NAME,
    UNTOUCHED,
)

OTHER = replace(HOLDER, name="other", uid="uid-other")
UNMARKED = replace(ACCOUNT, pull_secrets=("a",), annotations=frozenset({ATTACHED}))


@pytest.mark.parametrize(
    ("account", "namespace", "held_up"),
    [
        pytest.param(ACCOUNT, NAMESPACE, True, id="listed"),
        pytest.param(replace(ACCOUNT, pull_secrets=("a",)), NAMESPACE, False, id="let-go"),
        pytest.param(
            replace(ACCOUNT, pull_secrets=(), owners=(HOLDER,)), NAMESPACE, True, id="unguarded"
        ),
        pytest.param(replace(ACCOUNT, pull_secrets=()), Namespace("uid-new"), True, id="dead"),
        pytest.param(replace(ACCOUNT, pull_secrets=()), None, False, id="namespace-unknown"),
        pytest.param(replace(ACCOUNT, owners=(OTHER,)), NAMESPACE, False, id="another-holds-it"),
        pytest.param(replace(ACCOUNT, owners=(FOREIGN,)), NAMESPACE, False, id="foreign"),
        pytest.param(replace(ACCOUNT, owners=()), NAMESPACE, True, id="adoption-not-shown"),
        pytest.param(replace(ACCOUNT, owners=(GUARD,)), NAMESPACE, True, id="next-not-shown"),
        pytest.param(
            replace(ACCOUNT, owners=(GUARD,), uid_label=None), NAMESPACE, False, id="released"
        ),
        pytest.param(replace(UNMARKED, owners=(GUARD,)), NAMESPACE, True, id="released-unmarked"),
        pytest.param(UNMARKED, NAMESPACE, True, id="let-go-unmarked"),
        pytest.param(replace(UNMARKED, uid_label=None), NAMESPACE, False, id="unlabelled"),
        pytest.param(replace(UNMARKED, uid_label="uid-x"), NAMESPACE, False, id="somebody's-label"),
        pytest.param(
            replace(UNTOUCHED, pull_secrets=(SECRET_NAME,)), NAMESPACE, False, id="by-hand"
        ),
    ],
)
def test_holds_up_deletion(
    account: ServiceAccount, namespace: Namespace | None, *, held_up: bool
) -> None:
    """A held ServiceAccount must be guarded and off the list before its binding goes."""
    assert blocks_deletion(BINDING, account, namespace) is held_up


def test_deleted_account_holds_nothing_up() -> None:
    """Metacontroller writes to nothing that is being deleted."""
    account = replace(ACCOUNT, deleting=True)
    assert not blocks_deletion(BINDING, account, None)


@pytest.mark.parametrize(
    ("attached", "wanted", "held_up"),
    [
        (("acr-pull-jobs",), ("acr-pull-app", "acr-pull-jobs"), True),
        (("acr-pull-jobs",), (), True),
        (("acr-pull-jobs",), ("acr-pull-jobs",), True),
        ((), ("acr-pull-app",), False),
    ],
    ids=["decorator-lags", "to-take-off", "next-owner's", "none"],
)
def test_entries_of_others(
    attached: tuple[str, ...], wanted: tuple[str, ...], *, held_up: bool
) -> None:
    """The holder goes once the entries of others are off the list, or another has taken over."""
    account = replace(
        ACCOUNT, pull_secrets=("zeta", "acr-pull-jobs"), attached=attached, wanted=wanted
    )
    assert blocks_deletion(BINDING, account, None) is held_up


@pytest.mark.parametrize(("attached", "held_up"), [((), False), (("acr-pull-app",), True)])
def test_entry_of_somebodys_secret(attached: tuple[str, ...], *, held_up: bool) -> None:
    """An entry that names somebody else's Secret is theirs, unless it was ours before."""
    account = replace(ACCOUNT, pull_secrets=("acr-pull-app",), attached=attached, wanted=())
    assert blocks_deletion(BINDING, account, None, taken=True) is held_up
