"""Which binding owns a ServiceAccount, and how the decorator says so."""

from dataclasses import replace

import pytest

from hooks.core.account.decoration import Decoration
from hooks.core.account.decorator import decorate
from hooks.core.model.binding import Binding, Condition, Spec, Status
from hooks.core.model.cluster import Namespace, ServiceAccount
from tests.core.builders import (
    ACCOUNT,
    ATTACHED,
    BINDING,
    FOREIGN,
    GUARD,
    HOLDER,
    HOUR,
    IDENTITY,
    LAST_APPLIED,
    NAMESPACE,
    NOW,
    POLICY,
    SECRET_NAME,
    UNTOUCHED,
    WANTED,
)

FRESH = Condition("TokenFresh", "True", "TokenValid", "", 1)


def answered(secret_name: str) -> Status:
    """Return the status of a binding that has a Secret."""
    return Status((FRESH,), secret_name=secret_name)


ANSWERED = replace(BINDING, status=answered(SECRET_NAME))
OLDER = replace(
    BINDING,
    name="old",
    uid="uid-old",
    secret_name="acr-pull-old",
    created_at=NOW - 2 * HOUR,
    status=answered("acr-pull-old"),
)
TWIN = replace(
    OLDER,
    name="aged",
    uid="uid-aged",
    secret_name="acr-pull-aged",
    status=answered("acr-pull-aged"),
)
MOVED = replace(BINDING, service_account_name="build")
DELETING = replace(BINDING, deleting=True)
DENIED = replace(BINDING, spec=Spec("x.evil.io", IDENTITY, None))
INVALID = replace(BINDING, spec="spec is wrong", service_account_name=None)
UNLISTED = replace(ACCOUNT, pull_secrets=("zeta",))
UNGUARDED = replace(UNLISTED, owners=(HOLDER,))
NOTHING = Decoration()


def owned(uid: str, wanted: str) -> Decoration:
    """Return the decoration that gives a ServiceAccount to *uid*."""
    return Decoration({"controller-uid": uid}, {WANTED: wanted})


@pytest.mark.parametrize(
    ("account", "bindings", "decoration"),
    [
        pytest.param(UNTOUCHED, (BINDING,), owned("uid-app", SECRET_NAME), id="one"),
        pytest.param(
            UNTOUCHED,
            (ANSWERED, OLDER),
            owned("uid-old", f"acr-pull-old,{SECRET_NAME}"),
            id="oldest",
        ),
        pytest.param(
            UNTOUCHED,
            (ANSWERED, OLDER, TWIN),
            owned("uid-aged", f"acr-pull-aged,acr-pull-old,{SECRET_NAME}"),
            id="same-age-by-name",
        ),
        pytest.param(
            ACCOUNT,
            (OLDER, ANSWERED),
            owned("uid-app", f"acr-pull-old,{SECRET_NAME}"),
            id="holder-before-older",
        ),
        pytest.param(
            UNTOUCHED, (MOVED, OLDER), owned("uid-old", "acr-pull-old"), id="not-who-targets-others"
        ),
        pytest.param(
            replace(UNLISTED, owners=(replace(HOLDER, uid="uid-gone"), GUARD)),
            (BINDING,),
            owned("uid-app", SECRET_NAME),
            id="holder-is-gone",
        ),
        pytest.param(
            replace(UNTOUCHED, owners=(replace(HOLDER, controller=False),)),
            (ANSWERED, OLDER),
            owned("uid-old", f"acr-pull-old,{SECRET_NAME}"),
            id="no-controller-is-no-holder",
        ),
        pytest.param(ACCOUNT, (INVALID,), owned("uid-app", SECRET_NAME), id="invalid-keeps-it"),
        pytest.param(
            replace(UNTOUCHED, owners=(GUARD, replace(FOREIGN, controller=False))),
            (BINDING,),
            owned("uid-app", SECRET_NAME),
            id="beside-an-owner-that-does-not-control",
        ),
    ],
)
def test_owner(
    account: ServiceAccount, bindings: tuple[Binding, ...], decoration: Decoration
) -> None:
    """The holder owns it while it targets it, else the oldest that does, whose names come first."""
    assert decorate(account, bindings, POLICY, None) == decoration


LISTED_NONE = replace(NAMESPACE, servers=())


@pytest.mark.parametrize(
    ("namespace", "status", "wanted"),
    [
        pytest.param(None, ANSWERED.status, True, id="by-setting-with-secret"),
        pytest.param(None, Status((FRESH,)), False, id="by-setting-without-secret"),
        pytest.param(LISTED_NONE, ANSWERED.status, False, id="by-annotation"),
    ],
)
def test_denied(namespace: Namespace | None, status: Status, *, wanted: bool) -> None:
    """A denied binding is attached only while a setting denies it and its Secret stays."""
    denied = replace(DENIED, status=status)
    assert decorate(UNTOUCHED, (denied,), POLICY, namespace) == (
        owned("uid-app", SECRET_NAME) if wanted else NOTHING
    )


@pytest.mark.parametrize("leaving", [DELETING, MOVED, DENIED], ids=["deleting", "moved", "denied"])
@pytest.mark.parametrize(
    ("account", "owner"),
    [
        pytest.param(ACCOUNT, "uid-app", id="listed"),
        pytest.param(UNGUARDED, "uid-app", id="unguarded"),
        pytest.param(replace(ACCOUNT, owners=(HOLDER,)), "uid-app", id="listed-and-unguarded"),
        pytest.param(UNLISTED, "uid-old", id="let-go"),
    ],
)
def test_holder_leaves(account: ServiceAccount, leaving: Binding, owner: str) -> None:
    """A holder that leaves stays the owner until the guard is on and its Secret off the list."""
    assert decorate(account, (leaving, OLDER), POLICY, None) == owned(owner, "acr-pull-old")


@pytest.mark.parametrize(
    "annotations",
    [frozenset({WANTED}), frozenset[str]()],
    ids=["named-before", "never-named"],
)
def test_last_holder_leaves(annotations: frozenset[str]) -> None:
    """While only a leaving holder is left the label stays, and that nothing is wanted is said."""
    account = replace(UNGUARDED, annotations=annotations)
    assert decorate(account, (DELETING,), POLICY, None) == owned("uid-app", "")


@pytest.mark.parametrize("bindings", [(), (OLDER,)], ids=["none", "another"])
def test_label_is_told_as_ours(bindings: tuple[Binding, ...]) -> None:
    """A label that was set while nobody targeted comes off once its binding is gone."""
    account = replace(UNGUARDED, annotations=frozenset[str](), wanted=(), attached=())
    said = decorate(account, (DELETING,), POLICY, None).annotations
    account = replace(
        account,
        owners=(GUARD,),
        annotations=frozenset(key for key, value in said.items() if value is not None),
    )
    others = [replace(binding, service_account_name="build") for binding in bindings]
    assert decorate(account, others, POLICY, None).labels == {"controller-uid": None}


TAKEN = Status((Condition("RenewalHealthy", "Unknown", "SecretNameTaken", "", 1),))


@pytest.mark.parametrize("secret_name", [SECRET_NAME, "acr-pull-old"])
@pytest.mark.parametrize("account", [UNTOUCHED, UNLISTED], ids=["nobody's", "the-taken-one's"])
def test_name_is_taken(account: ServiceAccount, secret_name: str) -> None:
    """Beside one whose Secret there is, one whose name is taken neither owns nor lists."""
    taken, other = replace(BINDING, status=TAKEN), replace(OLDER, secret_name=secret_name)
    expected = owned("uid-old", secret_name)
    assert decorate(account, (taken, other), POLICY, None) == expected
    assert decorate(account, (taken,), POLICY, None) == owned("uid-app", SECRET_NAME)


@pytest.mark.parametrize("taken", [True, False], ids=["taken", "new"])
@pytest.mark.parametrize("attached", [(), (SECRET_NAME,)], ids=["somebody's", "ours"])
def test_entry_is_left_alone(attached: tuple[str, ...], *, taken: bool) -> None:
    """Beside the holder, an entry is claimed for no Secret that may not be the binding's.

    One that we listed stays, too, for its Secret may have a token that works.
    """
    status = TAKEN if taken else Status()
    holder = replace(HOLDER, name="old", uid="uid-old")
    account = replace(ACCOUNT, owners=(holder, GUARD), attached=attached)
    wanted = ",".join(["acr-pull-old", *attached])
    for bindings in ((OLDER, replace(BINDING, status=status)), (OLDER, ANSWERED)):
        assert decorate(account, bindings, POLICY, None) == owned("uid-old", wanted)
        wanted = f"acr-pull-old,{SECRET_NAME}"


@pytest.mark.parametrize(
    ("reason", "taken"),
    [("SecretNameTaken", True), ("ServerNotAllowed", False), ("InvalidSpec", False)],
)
@pytest.mark.parametrize("secret_name", [None, SECRET_NAME])
def test_entry_of_somebody_else(reason: str, secret_name: str | None, *, taken: bool) -> None:
    """A holder that moves waits until its entry is removed, unless the name is taken."""
    conditions = (FRESH, Condition("RenewalHealthy", "Unknown", reason, "", 1))
    moved = replace(MOVED, status=Status(conditions, secret_name=secret_name))
    account = replace(ACCOUNT, attached=(), annotations=ACCOUNT.annotations - {ATTACHED})
    gone = Decoration({"controller-uid": None}, {WANTED: None, LAST_APPLIED: None})
    held = owned("uid-app", "")
    assert decorate(account, (moved,), POLICY, None) == (gone if taken else held)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        pytest.param(None, True, id="none"),
        pytest.param("", True, id="empty"),
        pytest.param(ACCOUNT.last_applied, True, id="metacontroller's"),
        pytest.param('{"imagePullSecrets": 5', False, id="cut"),
        pytest.param("nojson", False, id="text"),
        pytest.param("[]", False, id="list"),
        pytest.param("null", False, id="null"),
        pytest.param('{"a": NaN}', False, id="not-a-number"),
        pytest.param('{"a": 1e999}', False, id="number-out-of-range"),
        pytest.param('{"a":' * 100_000, False, id="nested-too-deep"),
    ],
)
def test_unreadable_last_applied(value: str | None, *, kept: bool) -> None:
    """A bound ServiceAccount loses a last-applied configuration that Metacontroller can't read."""
    decoration = decorate(replace(ACCOUNT, last_applied=value), (BINDING,), POLICY, None)
    expected: dict[str, str | None] = {WANTED: SECRET_NAME}
    assert decoration.annotations == expected | ({} if kept else {LAST_APPLIED: None})
