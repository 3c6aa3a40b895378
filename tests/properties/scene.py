"""One ServiceAccount and what users make of it: a world with its ledgers, for a story."""

from datetime import timedelta

from hooks.core.model.token import AcrToken
from tests.properties.accounts import Accounts, entries_of
from tests.properties.bindings import Bindings
from tests.properties.exchange import token_in
from tests.properties.rest import check_rest
from tests.properties.world import World


class Scene:
    """A world with the ServiceAccount `default`, on which a user lists zeta and alpha."""

    def __init__(self, strategy: str, seed: int = 0) -> None:
        self.world = World(strategy, seed)
        self.accounts = Accounts(self.world)
        self.bindings = Bindings(self.world)
        self.accounts.create("default", ["zeta", "alpha"])

    def settle(self) -> None:
        """Come to rest at this instant, and check all that holds then."""
        self.world.settle()
        self.accounts.check()
        self.bindings.check()
        check_rest(self.world, self.accounts, self.bindings)
        self.bindings.learn()

    def listed(self, account: str = "default") -> list[str | None]:
        """Return what a ServiceAccount lists."""
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

    def token_life(self, name: str = "app") -> timedelta:
        """Return for how much longer the token in a binding's Secret works."""
        return self.token(name).expires_at - self.world.clock.now()
