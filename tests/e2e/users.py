"""The users of a Namespace, with random actions, and the expected result."""

from collections.abc import Callable
from random import Random
from typing import Final

from tests.e2e.api import BINDING, ApiError
from tests.e2e.scene import LAST_APPLIED, OURS, USERS, Scene

ACCOUNTS: Final = ("default", "build", "ci")
BINDINGS: Final = ("app", "jobs", "tools")
PREFIX: Final = "acr-pull-"
HELD: Final = "from the ownerReferences of the ServiceAccount to continue"
Deed = Callable[[str, str], None]


class Users:
    """The users of one *scene*, with actions by *random*.

    They rely only on their own entries.
    """

    def __init__(self, scene: Scene, random: Random) -> None:
        self.scene = scene
        self._random = random
        self._names = (*BINDINGS, scene.name)
        self.mine = {name: [] if name != "default" else list(USERS) for name in ACCOUNTS}
        self._made = 0
        self.by_hand = 0
        for name in ACCOUNTS[1:]:
            scene.make_account(name)

    def act(self) -> None:
        """Do one action, if the action is possible."""
        deed = self._random.choice(self.deeds())
        try:
            deed(self._random.choice(self._names), self._random.choice(ACCOUNTS))
        except ApiError as error:
            if error.status not in {404, 409}:  # the object does not exist, or exists already
                raise

    def deeds(self) -> tuple[Deed, ...]:
        """Return the actions on a binding and a ServiceAccount, frequent actions several times."""
        deeds = (self._bind, self._move, self._move, self._unbind, self._unbind, self._relist)
        return (*deeds, self._relist, self._strip)

    def _bind(self, name: str, account: str) -> None:
        self.scene.bind(name, account)

    def _move(self, name: str, account: str) -> None:
        names = self._random.choice((None, None, ["*"], [], [account], list(ACCOUNTS[:2])))
        target = account if names is None else None  # the API server adds the default name
        self.scene.respec(name, serviceAccountName=target, serviceAccountNames=names)

    def _unbind(self, name: str, _: str) -> None:
        self.scene.unbind(name, self._random.choice(("Background", "Background", "Foreground")))

    def _relist(self, _: str, account: str) -> None:
        def change(names: list[str]) -> list[str]:
            changed = [name for name in names if self._random.random() > 0.2 or is_ours(name)]
            self._made += 1
            changed.insert(self._random.randrange(len(changed) + 1), f"user-{self._made}")
            self.mine[account] = [name for name in changed if not is_ours(name)]
            return changed

        self.scene.relist(account, change)

    def _strip(self, _: str, account: str) -> None:
        key = self._random.choice(sorted(OURS - {LAST_APPLIED}))
        self.scene.edit(account, metadata={"annotations": {key: None}})

    def lost_entries(self) -> int:
        """Return the number of lists in which the users' own entries have changed."""
        lists = {name: entries(self.scene, name) for name in ACCOUNTS}
        kept = {name: [n for n in found if not is_ours(n)] for name, found in lists.items()}
        return sum(kept[name] != self.mine[name] for name in ACCOUNTS)

    def settle(self) -> None:
        """Check that each binding is Ready or gone, and on the lists of its ServiceAccounts."""
        self._heed()
        self._check_bindings()

    def _heed(self) -> None:
        """Follow the instruction in the status of a binding that can't be deleted, and count it.

        After a deletion in the foreground, before any answer has protected the ServiceAccount, a
        binding waits for the garbage collector, and the garbage collector may not delete the
        ServiceAccount.
        """
        for observed in self.scene.api.list(BINDING, self.scene.name):
            conditions = observed.get("status", {}).get("conditions", [])
            for word in (w for c in conditions if HELD in c["message"] for w in ACCOUNTS):
                owners = self.scene.account(word)["metadata"].get("ownerReferences", [])
                if [owner["uid"] for owner in owners] == [observed["metadata"]["uid"]]:
                    self.scene.edit(word, metadata={"ownerReferences": None})
                    self.by_hand += 1

    def _check_bindings(self) -> None:
        for observed in self.scene.api.list(BINDING, self.scene.name):
            name, spec = observed["metadata"]["name"], observed["spec"]
            named = spec.get("serviceAccountNames", [spec["serviceAccountName"]])
            assert "deletionTimestamp" not in observed["metadata"], observed
            conditions = observed.get("status", {}).get("conditions", [])
            assert ("Ready", "True") in {(c["type"], c["status"]) for c in conditions}, observed
            for account in ACCOUNTS if named == ["*"] else named:
                assert entries(self.scene, account).count(PREFIX + name) == 1


def is_ours(name: str) -> bool:
    """True if *name* is an entry of acrpull: the users here choose other names."""
    return name.startswith(PREFIX)


def entries(scene: Scene, account: str) -> list[str]:
    """Return the names in a ServiceAccount's list."""
    listed = scene.account(account).get("imagePullSecrets", [])
    return [entry["name"] for entry in listed]
