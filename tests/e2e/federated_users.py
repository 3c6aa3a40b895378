"""Users of workload identities, on whom the trust of Entra comes late."""

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

AWAY_SECONDS: Final = 1.5  # at most, for a ServiceAccount that is made anew
# Of which ServiceAccount a binding is, and that whose token is exchanged.
PLACES: Final = {
    "app": ("default", "default"),
    "jobs": ("build", "build"),
    "tools": ("default", "ci"),
}


class FederatedUsers(Users):
    """Those of *scene*, where each ServiceAccount has two identities; `jobs` is by annotation.

    A binding has one of its own, or for a while one that trusts another Namespace.
    """

    def __init__(self, stage: Stage, scene: Scene, random: Random) -> None:
        super().__init__(scene, random)
        self._stage = stage
        self.own = {name: (str(uuid4()), str(uuid4())) for name in ACCOUNTS}
        self.others: tuple[str, ...] = ()
        self._noted = self.own["build"][0]
        self._untrusted = [trust(scene.name, name, i) for name in ACCOUNTS for i in self.own[name]]

    def deeds(self) -> tuple[Deed, ...]:
        """Return what these users do."""
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
        if account == "default":  # Kubernetes makes that one anew by itself
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
        """Bind what is not bound, by identities that are all trusted."""
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
        """As of any users; and each token is that of the identity that was named last."""
        super().settle()
        expected = {name: [self.own[account][0]] for name, (_, account) in PLACES.items()}
        found = {name: holders(self.scene.secret(PREFIX + name)) for name in PLACES}
        assert found == expected | {"jobs": [self._noted]}

    def check_never(self, secret: Object) -> None:
        """Check that the token in a Secret, at whatever moment, is none of another Namespace's."""
        account = PLACES[secret["metadata"]["name"].removeprefix(PREFIX)][1]
        assert set(holders(secret)) <= set(self.own[account])
