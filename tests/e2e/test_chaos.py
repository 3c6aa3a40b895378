"""Random users on several Namespaces at once, while Metacontroller is killed at random."""

import time
from collections import Counter
from contextlib import ExitStack
from random import Random

import pytest

from tests.e2e.api import BINDING, ApiError
from tests.e2e.eventually import eventually
from tests.e2e.ground import Ground
from tests.e2e.killer import Killer
from tests.e2e.process import Process
from tests.e2e.scene import LAST_APPLIED, OURS, USERS, Scene

SECONDS = 30
ACCOUNTS = ("default", "build", "ci")
BINDINGS = ("app", "jobs", "tools")
PREFIX = "acr-pull-"
HELD = "take its ownerReferences off"


class Users:
    """What the users of one *scene* do, by *random*; they keep no more than their own entries."""

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
        """Do one thing, if it is possible."""
        deeds = (self._bind, self._move, self._move, self._unbind, self._unbind, self._relist)
        deed = self._random.choice((*deeds, self._relist, self._strip))
        try:
            deed(self._random.choice(self._names), self._random.choice(ACCOUNTS))
        except ApiError as error:
            if error.status not in {404, 409}:  # it is not there, or is there already
                raise

    def _bind(self, name: str, account: str) -> None:
        self.scene.bind(name, account)

    def _move(self, name: str, account: str) -> None:
        self.scene.respec(name, serviceAccountName=account)

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
        """Return on how many lists the users' own entries are not as they left them."""
        lists = {name: entries(self.scene, name) for name in ACCOUNTS}
        kept = {name: [n for n in found if not is_ours(n)] for name, found in lists.items()}
        return sum(kept[name] != self.mine[name] for name in ACCOUNTS)

    def settle(self) -> None:
        """Every binding is Ready, or gone, and on the list that it names."""
        self._heed()
        self._check_bindings()

    def _heed(self) -> None:
        """Do what the status of a binding that can't go by itself says, and count it.

        Deleted in the foreground while no answer had guarded its ServiceAccount yet, it waits for
        the garbage collector, which may not delete that.
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
            name, account = observed["metadata"]["name"], observed["spec"]["serviceAccountName"]
            assert "deletionTimestamp" not in observed["metadata"], observed
            conditions = observed.get("status", {}).get("conditions", [])
            assert ("Ready", "True") in {(c["type"], c["status"]) for c in conditions}, observed
            assert entries(self.scene, account).count(PREFIX + name) == 1


def is_ours(name: str) -> bool:
    """Tell an entry of ours: no user here makes one of such a name."""
    return name.startswith(PREFIX)


def entries(scene: Scene, account: str) -> list[str]:
    """Return what a ServiceAccount lists."""
    listed = scene.account(account).get("imagePullSecrets", [])
    return [entry["name"] for entry in listed]


def test_chaos(
    request: pytest.FixtureRequest,
    ground: Ground,
    metacontroller: Process | None,
    strategy: str,
    tally: Counter[str],
) -> None:
    """No ServiceAccount and no entry of a user's is lost, and all bindings are Ready in the end."""
    random = Random(f"{request.config.getoption('--seed')} {strategy}")  # noqa: S311  a test's
    killer = Killer(metacontroller, random, chance=0.15 if metacontroller else 0)
    with ExitStack() as scenes:
        teams = [Users(scenes.enter_context(ground.play(killer)), random) for _ in range(3)]
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            random.choice(teams).act()
            time.sleep(random.random() * 0.15)
        killer.join()
        for team in teams:
            eventually(team.settle)
        tally[f"ServiceAccounts let go by hand, as the status said, {strategy}"] = sum(
            team.by_hand for team in teams
        )
        lost = sum(team.lost_entries() for team in teams)
        tally[f"Metacontroller killed -9, random users, {strategy}"] = killer.kills
        tally[f"lists on which a user's entry was lost, random users, {strategy}"] = lost
        assert lost == 0
