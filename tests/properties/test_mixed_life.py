"""The properties that hold through anything, with bindings of all kinds beside each other."""

from hypothesis import settings

from tests.properties.mixed_rules import MixedRules
from tests.properties.world import STRATEGIES


class MixedLife(MixedRules):
    """All kinds in one Namespace, on the same ServiceAccounts."""


class StaleMixedLife(MixedLife):
    """The same, with caches that lag behind the API server."""

    stale = 0.5


class ServerSideMixedLife(MixedRules):
    """The same under server-side apply."""

    strategy = STRATEGIES[1]


LONG = settings(max_examples=25, stateful_step_count=30)
for each in (MixedLife, StaleMixedLife, ServerSideMixedLife):
    each.TestCase.settings = LONG
TestMixedLife = MixedLife.TestCase
TestStaleMixedLife = StaleMixedLife.TestCase
TestServerSideMixedLife = ServerSideMixedLife.TestCase
