"""A pull Secret that an earlier binding left, and the binding that gets the Secret."""

from dataclasses import replace

import pytest

from hooks.core.account.decoration import Decoration
from hooks.core.apis import UPSTREAM
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import OwnedSecret
from hooks.core.renewal.takeover import is_left, take_over
from tests.core.builders import BINDING, FOREIGN, HOLDER, HOUR, NOW, SECRET_NAME

FIRST, SECOND = UPSTREAM
LEFT = OwnedSecret(SECRET_NAME, "team-a", uid_label="uid-old", made_here=True)
LONG = "a" * 245
TWIN = replace(
    BINDING,
    uid="uid-twin",
    api_version=SECOND.api_version,
    kind=SECOND.kind,
    created_at=NOW - 2 * HOUR,
)
LEGACY = replace(BINDING, api_version=FIRST.api_version, secret_name="app-msi-acrpull-secret")
DELETING = replace(BINDING, deleting=True)
GIVEN = Decoration({"controller-uid": "uid-app"})
NOTHING = Decoration()


@pytest.mark.parametrize(
    ("secret", "binding", "left"),
    [
        pytest.param(LEFT, BINDING, True, id="left"),
        pytest.param(replace(LEFT, uid_label=None), BINDING, True, id="no-label"),
        pytest.param(replace(LEFT, made_here=False), BINDING, False, id="made-by-another"),
        pytest.param(replace(LEFT, owners=(HOLDER,)), BINDING, False, id="owned-by-a-binding"),
        pytest.param(
            replace(LEFT, owners=(replace(FOREIGN, controller=False),)),
            BINDING,
            False,
            id="owned-by-another",
        ),
        pytest.param(replace(LEFT, deleting=True), BINDING, False, id="secret-is-deleted"),
        pytest.param(replace(LEFT, name="acr-pull-b"), BINDING, False, id="another-name"),
        pytest.param(LEFT, DELETING, False, id="binding-is-deleted"),
        pytest.param(
            replace(LEFT, name="app-msi-acrpull-secret"), LEGACY, True, id="of-another-api"
        ),
        pytest.param(
            replace(LEFT, name=SECOND.secret_name(LONG)),
            replace(TWIN, name=LONG, secret_name=SECOND.secret_name(LONG)),
            False,
            id="name-with-a-hash",
        ),
    ],
)
def test_is_left(secret: OwnedSecret, binding: Binding, *, left: bool) -> None:
    """A Secret of acrpull without an owner is left for the binding that fits its name."""
    assert is_left(secret, binding) is left


@pytest.mark.parametrize(
    ("secret", "bindings", "decoration"),
    [
        pytest.param(LEFT, (BINDING,), GIVEN, id="given"),
        pytest.param(LEFT, (), NOTHING, id="no-binding"),
        pytest.param(LEFT, (replace(BINDING, name="jobs"),), NOTHING, id="another-binding"),
        pytest.param(LEFT, (DELETING,), NOTHING, id="binding-is-deleted"),
        pytest.param(replace(LEFT, owners=(HOLDER,), uid_label="uid-app"), (), NOTHING, id="owned"),
        pytest.param(replace(LEFT, owners=(HOLDER,)), (), GIVEN, id="owned-without-label"),
        pytest.param(
            replace(LEFT, owners=(HOLDER,), deleting=True), (), NOTHING, id="owned-and-deleted"
        ),
        pytest.param(
            replace(LEFT, owners=(replace(HOLDER, api_version=SECOND.api_version),)),
            (),
            NOTHING,
            id="owned-by-a-binding-of-another-controller",
        ),
        pytest.param(
            LEFT, (BINDING, TWIN), Decoration({"controller-uid": "uid-twin"}), id="oldest-of-two"
        ),
        pytest.param(
            LEFT,
            (replace(TWIN, created_at=BINDING.created_at), BINDING),
            GIVEN,
            id="one-of-two-of-the-same-age",
        ),
        pytest.param(
            replace(LEFT, uid_label="uid-app"), (BINDING, TWIN), NOTHING, id="given-already"
        ),
        pytest.param(
            replace(LEFT, uid_label="uid-twin"),
            (BINDING, replace(TWIN, deleting=True)),
            NOTHING,
            id="not-taken-from-a-binding",
        ),
    ],
)
def test_take_over(
    secret: OwnedSecret, bindings: tuple[Binding, ...], decoration: Decoration
) -> None:
    """A left Secret gets the label of one binding, unless a binding's label is on it."""
    assert take_over(secret, iter(bindings)) == decoration
