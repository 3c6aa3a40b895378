"""The frame of the state machine: Metacontroller, Azure, time, and the invariants."""

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed
from tests.model.objects import Object, is_deleting
from tests.properties.accounts import NAMES, Accounts
from tests.properties.bindings import Bindings
from tests.properties.kinds import secret_name, secret_of
from tests.properties.rest import check_fixpoint, check_rest, come_to_rest
from tests.properties.world import NAMESPACE, STRATEGIES, KilledError, World

FAILURES = {
    "denied": MintFailed(Reason.REGISTRY_DENIED, "grant AcrPull"),
    "throttled": MintFailed(Reason.THROTTLED, "slow down", 120.0),
    "unreachable": MintFailed(Reason.REGISTRY_UNREACHABLE, "no route"),
}
writes = st.integers(0, 5)


class Stage(RuleBasedStateMachine):
    """A world and the expectations from its users' actions; subclasses add the actions."""

    strategy: ClassVar[str] = STRATEGIES[0]
    stale: ClassVar[float] = 0
    admission: ClassVar[bool] = False
    names: ClassVar[tuple[str, ...]] = NAMES
    world: World
    accounts: Accounts
    bindings: Bindings

    @initialize(seed=st.integers(0, 99))
    def begin(self, seed: int) -> None:
        """Start with the ServiceAccount that every Namespace has."""
        self.world = World(self.strategy, seed, self.stale, admission=self.admission)
        self.accounts = Accounts(self.world)
        self.bindings = Bindings(self.world)
        self.accounts.create("default", ["zeta", "alpha"])

    @rule(count=st.integers(1, 12))
    def step(self, count: int) -> None:
        """Let some events happen, and leave others in progress."""
        for _ in range(count):
            self.world.run(self.world.mc.step)

    @rule()
    def settle(self) -> None:
        """Let all events happen that are due at this instant."""
        self.world.settle()

    @rule(minutes=st.sampled_from([1, 10, 45, 200]))
    def wait(self, minutes: int) -> None:
        """Let time pass."""
        self.world.advance(minutes * 60)

    @rule(reason=st.sampled_from(sorted(FAILURES)))
    def fail_azure(self, reason: str) -> None:
        """Let Azure fail from now on."""
        self.world.mint.failure = FAILURES[reason]

    @rule(minutes=st.sampled_from([180, 75, 20]))
    def mend_azure(self, minutes: int) -> None:
        """Let Azure issue tokens with a lifetime of *minutes*."""
        self.world.mint.failure = None
        self.world.mint.life = self.world.mint.life.resolution * minutes * 60_000_000

    @rule(down=st.booleans())
    def connect(self, down: bool) -> None:
        """Stop or restore the connection to the service."""
        self.world.down = down

    @rule()
    def restart(self) -> None:
        """Kill Metacontroller between two writes, and restart it."""
        self.world.mc.restart()

    @rule(after=writes)
    def kill(self, after: int) -> None:
        """Kill Metacontroller right before a later write, and restart it."""

        def die() -> None:
            raise KilledError

        self.world.ambush(after, die)

    @rule()
    def rest(self) -> None:
        """After the longest wait, each binding has its Secret and entry, and nothing changes."""
        come_to_rest(self.world)
        self.note_rest()
        check_rest(self.world, self.accounts, self.bindings)
        check_fixpoint(self.world)

    def note_rest(self) -> None:
        """Update all expectations: nothing is in progress."""
        self.nothing_is_lost()
        self.accounts.rest()
        self.bindings.rest()

    @invariant()
    def nothing_is_lost(self) -> None:
        """No ServiceAccount, entry, label, Secret or working token is ever lost."""
        self.doubt_strategy()
        self.accounts.check()
        self.bindings.check()
        self.bindings.learn()

    def doubt_strategy(self) -> None:
        """Allow the entry of a deleted binding without Secret whose owner reference is ambiguous.

        The apply strategy is unknown if the user removed dynamic-apply's annotation, too.
        """
        if self.strategy != STRATEGIES[0]:
            return
        called = [obj["metadata"]["name"] for obj in self.bindings.all()]
        for obj in self.bindings.all():
            name, entry = obj["metadata"]["name"], secret_name(obj)
            ambiguous = name == NAMESPACE or called.count(name) > 1
            if ambiguous and is_deleting(obj) and self.world.get("Secret", entry) is None:
                self.accounts.expect_unapplied(entry)

    def teardown(self) -> None:
        """Every binding can be deleted, and leaves only the protective reference."""
        if not hasattr(self, "world"):
            return
        self.rest()
        for name in list(self.bindings.kept):
            if self.stale:
                self.accounts.expect_unheld(secret_of(name), self.bindings.uids())
            self.bindings.delete(name)
        self.rest()
        assert self.bindings.all() == []
        assert [s for s in self.world.objects("Secret") if is_ours(s)] == []
        self.accounts.check()


def is_ours(secret: Object) -> bool:
    """True if a Secret looks like a child of a binding."""
    return bool(secret["metadata"].get("ownerReferences"))
