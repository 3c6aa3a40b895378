"""Users of workload identities; Entra's trust comes late."""

import time
from functools import partial
from random import Random
from typing import Any, Final
from uuid import uuid4

from tests.e2e.api import Object
from tests.e2e.eventually import eventually
from tests.e2e.federated import annotations, holders, trust, workload
from tests.e2e.scene import Scene
from tests.e2e.stage import Stage
from tests.e2e.users import ACCOUNTS, BINDINGS, PREFIX, Deed, Users

AWAY_SECONDS: Final = 1.5  # at most, between the deletion and the recreation of a ServiceAccount
# By binding: its ServiceAccount, and the ServiceAccount of the identity.
PLACES: Final = {
    "app": ("default", "default"),
    "jobs": ("build", "build"),
    "tools": ("default", "ci"),
}


class FederatedUsers(Users):
    """The users of *scene*: each ServiceAccount has two identities, and `jobs` uses annotations.

    A binding has an identity of its own ServiceAccount. `jobs` may for a while have an identity of
    another Namespace.
    """

    def __init__(self, stage: Stage, scene: Scene, random: Random) -> None:
        super().__init__(scene, random)
        self._stage = stage
        self.own = {name: (str(uuid4()), str(uuid4())) for name in ACCOUNTS}
        self.others: tuple[str, ...] = ()
        self._noted = self.own["build"][0]
        self._untrusted = [trust(scene.name, name, i) for name in ACCOUNTS for i in self.own[name]]

    def deeds(self) -> tuple[Deed, ...]:
        """Return the actions of these users."""
        deeds = (self._bind, self._unbind, self._make_anew, self._annotate, self._relist)
        return (*deeds, self._make_anew, self._annotate, self._trust)

    def _bind(self, name: str, _: str) -> None:
        if name not in PLACES:
            return
        target, account = PLACES[name]
        spec: dict[str, Any] = {"workloadIdentity": {}}
        if name != "jobs":
            spec = workload(self.own[account][0], serviceAccountName=account)
        self.scene.bind(name, target, **spec)

    def _unbind(self, name: str, _: str) -> None:
        self.scene.unbind(name)

    def _make_anew(self, _: str, account: str) -> None:
        if account == "default":  # Kubernetes recreates this ServiceAccount itself
            return
        self.scene.drop_account(account)
        time.sleep(self._random.random() * AWAY_SECONDS)
        self.mine[account] = [f"user-{uuid4().hex[:8]}"]
        self.scene.make_account(account, *self.mine[account])
        self._note()

    def _annotate(self, *_: str) -> None:
        self._noted = self._random.choice((*self.own["build"], *self.others))
        self._note()

    def _note(self) -> None:
        self.scene.edit("build", metadata=annotations(self._noted))

    def _trust(self, *_: str) -> None:
        if self._untrusted:
            late = self._untrusted.pop(self._random.randrange(len(self._untrusted)))
            self._stage.emulator.federated = [*self._stage.emulator.federated, late]

    def finish(self) -> None:
        """Create the missing bindings, with identities that Entra trusts."""
        while self._untrusted:
            self._trust()
        self._noted = self.own["build"][1]
        self._note()
        for name in BINDINGS:
            eventually(partial(self._ensure, name))

    def _ensure(self, name: str) -> None:
        found = self.scene.api.find(self.scene.kind, self.scene.name, name)
        if found is None:
            self._bind(name, "")
        else:
            assert "deletionTimestamp" not in found["metadata"]

    def settle(self) -> None:
        """Check all users' state, and that each token has the identity of the last edit."""
        super().settle()
        expected = {name: [self.own[account][0]] for name, (_, account) in PLACES.items()}
        found = {name: holders(self.scene.secret(PREFIX + name)) for name in PLACES}
        assert found == expected | {"jobs": [self._noted]}

    def check_never(self, secret: Object) -> None:
        """Check that the token in a Secret never belongs to another Namespace."""
        account = PLACES[secret["metadata"]["name"].removeprefix(PREFIX)][1]
        assert set(holders(secret)) <= set(self.own[account])
