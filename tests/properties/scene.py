"""One ServiceAccount and its users: a world with its expectations, for a story."""

from collections.abc import Callable
from datetime import timedelta

from hooks.core.model.token import AcrToken
from tests.properties.accounts import Accounts, entries_of
from tests.properties.bindings import Bindings
from tests.properties.exchange import token_in
from tests.properties.rest import check_rest
from tests.properties.tokens import claims_of
from tests.properties.world import World


class Scene:
    """A world with the ServiceAccount `default`; its user's entries are zeta and alpha."""

    def __init__(
        self, strategy: str, seed: int = 0, *, stale: float = 0, admission: bool = False
    ) -> None:
        self.world = World(strategy, seed, stale, admission=admission)
        self.accounts = Accounts(self.world)
        self.bindings = Bindings(self.world)
        self.accounts.create("default", ["zeta", "alpha"])

    def settle(self) -> None:
        """Come to rest at this instant, and check all rules for a cluster at rest."""
        self.world.settle()
        self.accounts.check()
        self.bindings.check()
        check_rest(self.world, self.accounts, self.bindings)
        self.bindings.learn()

    def oppose(self, undo: Callable[[], bool], seconds: float) -> int:
        """Call *undo* after each step, and return how often it undid a write; *seconds* pass."""
        clock, undone = self.world.clock, 0
        end = clock.now() + timedelta(seconds=seconds)
        while clock.now() < end:
            busy, wrote = self.world.mc.step(), undo()
            undone += wrote
            clock.advance(0 if busy and not wrote else 0.05)
        return undone

    def listed(self, account: str = "default") -> list[str | None]:
        """Return the names in a ServiceAccount's list."""
        return entries_of(self.world.read("ServiceAccount", account))

    def conditions(self, name: str = "app") -> dict[str, str]:
        """Return a binding's conditions as "status reason", by type."""
        found = self.bindings.read(name)["status"]["conditions"]
        return {c["type"]: f"{c['status']} {c['reason']}" for c in found}

    def token(self, name: str = "app") -> AcrToken:
        """Return the token in a binding's Secret."""
        token = token_in(self.bindings.secret(name) or {})
        assert token is not None
        return token

    def subject(self, name: str = "app") -> str:
        """Return whose token a binding's Secret contains."""
        return str(claims_of(self.token(name).value)["sub"])

    def token_life(self, name: str = "app") -> timedelta:
        """Return the remaining lifetime of the token in a binding's Secret."""
        return self.token(name).expires_at - self.world.clock.now()

    def since(self, kind: str, name: str = "app") -> str:
        """Return the transition time of a condition."""
        found = self.bindings.read(name)["status"]["conditions"]
        return next(str(c["lastTransitionTime"]) for c in found if c["type"] == kind)
