"""What the decorator does not change, and what the decorator removes."""

from dataclasses import replace

import pytest

from hooks.core.account.decoration import Decoration
from hooks.core.account.decorator import decorate
from hooks.core.model.cluster import OwnedSecret, Owner, ServiceAccount
from tests.core.builders import (
    ACCOUNT,
    ATTACHED,
    DELETED,
    FOREIGN,
    GUARD,
    HOLDER,
    LAST_APPLIED,
    RELATED,
    SECRET_NAME,
    TARGET,
    UNTOUCHED,
    WANTED,
)

MOVED = replace(RELATED, targets={TARGET: "release"})
UNLISTED = replace(ACCOUNT, pull_secrets=("zeta",))
NOTHING = Decoration()


@pytest.mark.parametrize("owners", [(FOREIGN,), (GUARD, FOREIGN)], ids=["alone", "guarded"])
def test_foreign_is_left_alone(owners: tuple[Owner, ...]) -> None:
    """A ServiceAccount of another controller is not changed."""
    account = replace(UNTOUCHED, owners=owners, uid_label="somebody's")
    assert decorate(account, (RELATED,)) == NOTHING


def test_foreign_beside_the_owner() -> None:
    """The owner stays if another reference is added."""
    account = replace(ACCOUNT, owners=(HOLDER, GUARD, replace(FOREIGN, controller=False)))
    assert decorate(account, (RELATED,)) == Decoration(
        {"controller-uid": "uid-app"}, {WANTED: SECRET_NAME}
    )


@pytest.mark.parametrize(
    ("account", "annotations"),
    [(ACCOUNT, [WANTED]), (UNLISTED, [ATTACHED, WANTED])],
    ids=["entry-left", "entry-gone"],
)
@pytest.mark.parametrize("owners", [(FOREIGN,), (GUARD, FOREIGN)], ids=["alone", "guarded"])
def test_taken_over_by_foreign(
    account: ServiceAccount, owners: tuple[Owner, ...], annotations: list[str]
) -> None:
    """A ServiceAccount of another controller loses all marks, except names still listed."""
    decoration = decorate(replace(account, owners=owners), (RELATED,))
    assert decoration == Decoration({"controller-uid": None}, dict.fromkeys(annotations))


@pytest.mark.parametrize(
    ("account", "secrets", "labels", "annotations"),
    [
        pytest.param(UNTOUCHED, (), [], [], id="never-touched"),
        pytest.param(UNTOUCHED, (MOVED,), [], [], id="not-targeted"),
        pytest.param(
            UNLISTED, (), ["controller-uid"], [ATTACHED, WANTED, LAST_APPLIED], id="binding-gone"
        ),
        pytest.param(
            UNLISTED, (MOVED,), ["controller-uid"], [ATTACHED, WANTED, LAST_APPLIED], id="moved"
        ),
        pytest.param(
            replace(ACCOUNT, owners=(GUARD,)),
            (),
            ["controller-uid"],
            [WANTED, LAST_APPLIED],
            id="entry-left",
        ),
        pytest.param(
            replace(ACCOUNT, owners=(GUARD,), uid_label=None, annotations=frozenset({ATTACHED})),
            (),
            [],
            [],
            id="entry-still-left",
        ),
        pytest.param(
            replace(UNLISTED, uid_label=None, annotations=frozenset({ATTACHED})),
            (),
            [],
            [ATTACHED],
            id="entry-gone",
        ),
        pytest.param(
            replace(UNLISTED, annotations=frozenset({LAST_APPLIED})),
            (DELETED,),
            ["controller-uid"],
            [LAST_APPLIED],
            id="label-of-a-binding",
        ),
        pytest.param(
            replace(UNLISTED, annotations=frozenset[str](), last_applied=None),
            (replace(DELETED, uid_label="changed"),),
            ["controller-uid"],
            [],
            id="label-of-a-binding-whose-secret-was-relabeled",
        ),
        pytest.param(
            replace(UNLISTED, annotations=frozenset[str](), last_applied=None),
            (replace(DELETED, owners=()),),
            ["controller-uid"],
            [],
            id="label-of-a-binding-whose-secret-was-orphaned",
        ),
        pytest.param(
            replace(UNLISTED, annotations=frozenset[str](), last_applied=None),
            (),
            ["controller-uid"],
            [],
            id="label-of-the-owner-without-a-secret",
        ),
        pytest.param(
            replace(UNTOUCHED, uid_label="uid-x", owners=(GUARD,)),
            (),
            ["controller-uid"],
            [],
            id="label-of-a-protected-account",
        ),
        pytest.param(
            replace(UNTOUCHED, uid_label="uid-x", owners=(GUARD, FOREIGN)),
            (),
            [],
            [],
            id="label-of-another-controller",
        ),
        pytest.param(
            replace(UNTOUCHED, uid_label="uid-x", annotations=frozenset({LAST_APPLIED})),
            (MOVED,),
            [],
            [],
            id="label-of-another-client",
        ),
        pytest.param(
            replace(UNTOUCHED, uid_label=None, annotations=frozenset({WANTED})),
            (),
            [],
            [WANTED],
            id="annotation-alone",
        ),
    ],
)
def test_released(
    account: ServiceAccount,
    secrets: tuple[OwnedSecret, ...],
    labels: list[str],
    annotations: list[str],
) -> None:
    """Without a binding, the decorator removes only marks of acrpull; listed names stay marked."""
    decoration = decorate(account, secrets)
    assert decoration == Decoration(dict.fromkeys(labels), dict.fromkeys(annotations))


@pytest.mark.parametrize("secrets", [(), (RELATED,), (DELETED,)])
def test_deleting_service_account(secrets: tuple[OwnedSecret, ...]) -> None:
    """A ServiceAccount under deletion is not changed."""
    assert decorate(replace(ACCOUNT, deleting=True), secrets) == NOTHING
