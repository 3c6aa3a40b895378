"""The properties that hold through anything, in both apply strategies."""

from hypothesis import settings

from tests.properties.account_rules import AccountRules
from tests.properties.binding_rules import BindingRules
from tests.properties.world import STRATEGIES


class Life(BindingRules, AccountRules):
    """All rules together."""


class StaleLife(Life):
    """The same, with caches that lag behind the API server."""

    stale = 0.5


class ServerSideLife(Life):
    """The same under server-side apply, which keeps no edit made in the middle of a sync."""

    strategy = STRATEGIES[1]


LONG = settings(max_examples=80, stateful_step_count=30)
Life.TestCase.settings = StaleLife.TestCase.settings = ServerSideLife.TestCase.settings = LONG
TestLife = Life.TestCase
TestStaleLife = StaleLife.TestCase
TestServerSideLife = ServerSideLife.TestCase
