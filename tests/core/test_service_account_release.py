"""What the decorator leaves alone, and what it takes off again."""

from dataclasses import replace

import pytest

from hooks.core.account.decoration import Decoration
from hooks.core.account.decorator import decorate
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import Owner, ServiceAccount
from tests.core.builders import (
    ACCOUNT,
    ATTACHED,
    BINDING,
    FOREIGN,
    GUARD,
    HOLDER,
    LAST_APPLIED,
    POLICY,
    SECRET_NAME,
    UNTOUCHED,
    WANTED,
)

MOVED = replace(BINDING, service_account_name="build")
DELETING = replace(BINDING, deleting=True)
UNLISTED = replace(ACCOUNT, pull_secrets=("zeta",))
NOTHING = Decoration()


@pytest.mark.parametrize("owners", [(FOREIGN,), (GUARD, FOREIGN)], ids=["alone", "guarded"])
def test_foreign_is_left_alone(owners: tuple[Owner, ...]) -> None:
    """A ServiceAccount of another controller is not changed."""
    account = replace(UNTOUCHED, owners=owners, uid_label="somebody's")
    assert decorate(account, (BINDING,), POLICY, None) == NOTHING


def test_foreign_while_held() -> None:
    """The holder stays the owner when another reference is added beside its own."""
    account = replace(ACCOUNT, owners=(HOLDER, GUARD, replace(FOREIGN, controller=False)))
    assert decorate(account, (BINDING,), POLICY, None) == Decoration(
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
    """What became another's loses our marks but for names still listed, and no last-applied."""
    decoration = decorate(replace(account, owners=owners), (BINDING,), POLICY, None)
    assert decoration == Decoration({"controller-uid": None}, dict.fromkeys(annotations))


@pytest.mark.parametrize(
    ("account", "bindings", "labels", "annotations"),
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
            (DELETING,),
            ["controller-uid"],
            [LAST_APPLIED],
            id="label-of-a-binding",
        ),
        pytest.param(
            replace(UNTOUCHED, uid_label="uid-x", annotations=frozenset({LAST_APPLIED})),
            (MOVED,),
            [],
            [],
            id="label-of-somebody-else",
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
def test_nobodys(
    account: ServiceAccount,
    bindings: tuple[Binding, ...],
    labels: list[str],
    annotations: list[str],
) -> None:
    """Nobody's loses what we put on it and nothing else; names still listed stay ours."""
    decoration = decorate(account, bindings, POLICY, None)
    assert decoration == Decoration(dict.fromkeys(labels), dict.fromkeys(annotations))


@pytest.mark.parametrize("bindings", [(), (BINDING,), (DELETING,)])
def test_deleting_service_account(bindings: tuple[Binding, ...]) -> None:
    """A ServiceAccount that is being deleted is left to go."""
    assert decorate(replace(ACCOUNT, deleting=True), bindings, POLICY, None) == NOTHING
