"""One binding, several ServiceAccounts: a list, all of the Namespace, or none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from tests.e2e.api import BINDING, Object
from tests.e2e.killer import Killer
from tests.e2e.scene import USERS, Scene
from tests.e2e.watch import watching

SECRET: Final = "acr-pull-app"
ACCOUNTS: Final[dict[str, tuple[str, ...]]] = {"default": USERS, "a": ("beta",), "b": ()}


def people(scene: Scene) -> None:
    """Create the ServiceAccounts besides `default`."""
    for name in ("a", "b"):
        scene.make_account(name, *ACCOUNTS[name])


def listed_by(scene: Scene, *names: str) -> None:
    """Expect only the ServiceAccounts *names* to list the Secret, soon."""
    for account, users in ACCOUNTS.items():
        scene.listed(account, *users, *((SECRET,) if account in names else ()))


def test_list(scene: Scene) -> None:
    """Each ServiceAccount of a list gets the entry; the status counts the missing ones."""
    people(scene)
    scene.bind("app", serviceAccountNames=["a", "b", "absent"])
    listed_by(scene, "a", "b")
    message = scene.says("app", "Attached", "False/ServiceAccountNotFound")
    assert message == f'2 of 3 ServiceAccounts list Secret "{SECRET}". Missing from: "absent".'
    scene.make_account("absent", "beta")
    scene.listed("absent", "beta", SECRET)
    scene.ready("app")
    status = scene.binding("app")["status"]
    assert (status["attachedServiceAccounts"], status["desiredServiceAccounts"]) == (3, 3)
    assert status["serviceAccountNames"] == ["a", "absent", "b"]
    scene.guarded("a")


def test_every_service_account(scene: Scene) -> None:
    """Each ServiceAccount of the Namespace gets the entry, also a later one; deletion frees all."""
    people(scene)
    scene.bind("app", serviceAccountNames=["*"])
    scene.bind("jobs", serviceAccountNames=["*"])
    scene.ready("app", "jobs")
    for account, users in ACCOUNTS.items():
        scene.listed(account, *users, SECRET, "acr-pull-jobs")
    scene.make_account("later", "beta")
    scene.listed("later", "beta", SECRET, "acr-pull-jobs")
    scene.ready("app", "jobs")
    scene.drop_account("b")
    scene.gone("ServiceAccount", "b")
    scene.unbind("app")
    scene.gone(BINDING, "app")
    scene.listed("later", "beta", "acr-pull-jobs")
    scene.unbind("jobs")
    scene.gone(BINDING, "jobs")
    scene.released("later", "beta")
    scene.released("a", "beta")
    scene.released("default", *USERS)


def test_none(scene: Scene) -> None:
    """No ServiceAccount lists the Secret, and the binding is Ready."""
    people(scene)
    scene.bind("app", serviceAccountNames=[])
    scene.ready("app")
    scene.says("app", "Attached", "True/NoServiceAccount")
    assert scene.secret(SECRET)["data"]
    for account, users in ACCOUNTS.items():
        scene.stays(account, *users)
    scene.unbind("app")
    scene.gone(BINDING, "app")


ALL: Final = ("default", "a", "b")
MOVES: Final[tuple[tuple[dict[str, Any], tuple[str, ...]], ...]] = (
    ({"serviceAccountName": "a"}, ("a",)),
    ({"serviceAccountName": None, "serviceAccountNames": ["a", "b"]}, ("a", "b")),
    ({"serviceAccountNames": ["*"]}, ALL),
    ({"serviceAccountNames": ["b", "default"]}, ("b", "default")),
    ({"serviceAccountNames": ["*"]}, ALL),
    ({"serviceAccountNames": None, "serviceAccountName": "b"}, ("b",)),
    ({"serviceAccountName": None, "serviceAccountNames": ["*"]}, ALL),
    ({"serviceAccountNames": []}, ()),
    ({"serviceAccountNames": ["a"]}, ("a",)),
    ({"serviceAccountNames": None, "serviceAccountName": "a"}, ("a",)),
)


@pytest.mark.parametrize("hurried", [False, True], ids=["each-at-rest", "hurried"])
def test_moves(scene: Scene, killer: Killer, hurried: bool) -> None:
    """A binding moves between all forms, and no entry that stays wanted is missing meanwhile.

    In a hurry, the next move comes before the entries of the last move are there. So only the entry
    that all moves want must stay.
    """
    people(scene)
    (start, wanted), *moves = MOVES
    if hurried:
        moves = [move for move in moves if "a" in move[1]]
    scene.bind("app", **start)
    listed_by(scene, *wanted)
    scene.ready("app")
    for spec, names in moves:
        both = {"a"} if hurried else set(wanted) & set(names)
        with no_entry_missing(scene, both):
            scene.respec("app", **spec)
            if not hurried:
                listed_by(scene, *names)
                scene.says("app", "Ready", "True/Ready")
            killer.join()
        wanted = names
    listed_by(scene, *wanted)
    scene.ready("app")
    scene.unbind("app")
    scene.gone(BINDING, "app")
    for account, users in ACCOUNTS.items():
        scene.released(account, *users)


@contextmanager
def no_entry_missing(scene: Scene, accounts: set[str]) -> Iterator[None]:
    """Watch the ServiceAccounts; each version of *accounts* must list the Secret."""
    missing: list[str] = []

    def note(_: str, account: Object) -> None:
        name = account["metadata"]["name"]
        entries = [entry.get("name") for entry in account.get("imagePullSecrets", [])]
        if name in accounts and SECRET not in entries:
            missing.append(f"{name} lists {entries}: {account['metadata']}")

    with watching(scene.api, "ServiceAccount", note, scene.name) as ended:
        yield
        assert not ended.is_set(), "the watch has ended"
    assert not missing
