"""Which binding owns a ServiceAccount, and how the decorator records the owner."""

from dataclasses import replace

import pytest

from hooks.core.account.decoration import Decoration
from hooks.core.account.decorator import decorate
from hooks.core.model.cluster import OwnedSecret, ServiceAccount
from tests.core.builders import (
    ACCOUNT,
    DELETED,
    FOREIGN,
    GUARD,
    HOLDER,
    HOUR,
    LAST_APPLIED,
    RELATED,
    SECRET_NAME,
    TARGET,
    UNTOUCHED,
    WANTED,
    secret_of,
)

OLDER = secret_of("old", 2 * HOUR)
TWIN = secret_of("aged", 2 * HOUR)
MOVED = replace(RELATED, targets={TARGET: "release"})
UNLISTED = replace(ACCOUNT, pull_secrets=("zeta",))
UNGUARDED = replace(UNLISTED, owners=(HOLDER,))


def owned(uid: str, wanted: str) -> Decoration:
    """Return the decoration that gives a ServiceAccount to *uid*."""
    return Decoration({"controller-uid": uid}, {WANTED: wanted})


@pytest.mark.parametrize(
    ("account", "secrets", "decoration"),
    [
        pytest.param(UNTOUCHED, (RELATED,), owned("uid-app", SECRET_NAME), id="one"),
        pytest.param(
            UNTOUCHED,
            (RELATED, OLDER),
            owned("uid-old", f"acr-pull-old,{SECRET_NAME}"),
            id="oldest",
        ),
        pytest.param(
            UNTOUCHED,
            (RELATED, OLDER, TWIN),
            owned("uid-aged", f"acr-pull-aged,acr-pull-old,{SECRET_NAME}"),
            id="same-age-by-name",
        ),
        pytest.param(
            ACCOUNT,
            (OLDER, RELATED),
            owned("uid-app", f"acr-pull-old,{SECRET_NAME}"),
            id="owner-before-older",
        ),
        pytest.param(
            UNTOUCHED, (RELATED, MOVED, DELETED), owned("uid-app", SECRET_NAME), id="attached-only"
        ),
        pytest.param(
            replace(UNLISTED, owners=(replace(HOLDER, uid="uid-gone"), GUARD)),
            (RELATED,),
            owned("uid-app", SECRET_NAME),
            id="owner-is-gone",
        ),
        pytest.param(
            replace(UNTOUCHED, owners=(replace(HOLDER, controller=False),)),
            (RELATED, OLDER),
            owned("uid-old", f"acr-pull-old,{SECRET_NAME}"),
            id="reference-without-control",
        ),
        pytest.param(
            replace(UNTOUCHED, owners=(GUARD, replace(FOREIGN, controller=False))),
            (RELATED,),
            owned("uid-app", SECRET_NAME),
            id="beside-an-owner-without-control",
        ),
    ],
)
def test_owner(
    account: ServiceAccount, secrets: tuple[OwnedSecret, ...], decoration: Decoration
) -> None:
    """The owner stays while its Secret is attached. Otherwise the oldest Secret's binding owns."""
    assert decorate(account, secrets) == decoration


@pytest.mark.parametrize(
    "leaving", [(DELETED,), (MOVED,), ()], ids=["deleted", "moved", "withdrawn"]
)
@pytest.mark.parametrize(
    ("account", "owner"),
    [
        pytest.param(ACCOUNT, "uid-app", id="listed"),
        pytest.param(UNGUARDED, "uid-app", id="unprotected"),
        pytest.param(replace(ACCOUNT, owners=(HOLDER,)), "uid-app", id="listed-and-unprotected"),
        pytest.param(UNLISTED, "uid-old", id="released"),
    ],
)
def test_owner_leaves(
    account: ServiceAccount, leaving: tuple[OwnedSecret, ...], owner: str
) -> None:
    """A leaving owner stays until the ServiceAccount is protected, and its Secret not listed."""
    assert decorate(account, (*leaving, OLDER)) == owned(owner, "acr-pull-old")


@pytest.mark.parametrize(
    ("secret", "account"),
    [
        pytest.param(RELATED, ACCOUNT, id="first-api"),
        pytest.param(
            replace(RELATED, name="app-msi-acrpull-secret"),
            replace(
                ACCOUNT,
                owners=(
                    replace(
                        HOLDER,
                        api_version="msi-acrpull.microsoft.com/v1beta1",
                        kind="AcrPullBinding",
                    ),
                    GUARD,
                ),
                pull_secrets=("app-msi-acrpull-secret",),
                attached=("app-msi-acrpull-secret",),
            ),
            id="another-api",
        ),
    ],
)
def test_owner_without_secret(secret: OwnedSecret, account: ServiceAccount) -> None:
    """Without its Secret, an owner stays until its entry in `attached` is removed.

    Without its Secret, another object may have the name, and another entry may be the user's.
    """
    assert decorate(account, (OLDER,)) == owned("uid-app", "acr-pull-old")
    users = replace(account, attached=())
    assert decorate(users, (OLDER,)) == owned("uid-old", "acr-pull-old")
    leaving = replace(secret, owners=account.owners, targets=MOVED.targets)
    assert decorate(users, (leaving, OLDER)) == owned("uid-app", "acr-pull-old")


@pytest.mark.parametrize("leaving", [DELETED, MOVED], ids=["deleted", "moved"])
def test_entries_of_others(leaving: OwnedSecret) -> None:
    """The last owner removes others' entries. A deleted owner stays even if another is next."""
    account = replace(ACCOUNT, pull_secrets=("acr-pull-old",), attached=("acr-pull-old",))
    assert decorate(account, (leaving,)) == owned("uid-app", "")
    owner = "uid-app" if leaving is DELETED else "uid-old"
    assert decorate(account, (leaving, OLDER)) == owned(owner, "acr-pull-old")


@pytest.mark.parametrize("secrets", [(), (secret_of("b", HOUR),)], ids=["none", "another"])
def test_label_without_wanted_names(secrets: tuple[OwnedSecret, ...]) -> None:
    """The label stays with the last owner, with an empty annotation, and goes with the owner."""
    bare = replace(UNGUARDED, annotations=frozenset[str](), wanted=(), attached=())
    decoration = decorate(bare, (DELETED,))
    assert decoration == owned("uid-app", "")
    released = replace(bare, owners=(GUARD,), annotations=frozenset(decoration.annotations))
    others = [replace(secret, targets={}) for secret in secrets]
    assert decorate(released, others).labels == {"controller-uid": None}


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
    decoration = decorate(replace(ACCOUNT, last_applied=value), (RELATED,))
    expected: dict[str, str | None] = {WANTED: SECRET_NAME}
    assert decoration.annotations == expected | ({} if kept else {LAST_APPLIED: None})


def test_deleted_owner_without_secret() -> None:
    """An owner without a Secret may be deleted, and stays the owner until it hands over.

    Metacontroller releases no child of a deleted binding, so no other binding could adopt.
    """
    entries = ("zeta", "acr-pull-old")
    account = replace(ACCOUNT, pull_secrets=entries, attached=("acr-pull-old",))
    assert decorate(account, (OLDER,)) == owned("uid-app", "acr-pull-old")
    handed = replace(account, owners=(replace(HOLDER, controller=False), GUARD))
    assert decorate(handed, (OLDER,)) == owned("uid-old", "acr-pull-old")
