"""Random users on several Namespaces at once, while Metacontroller is killed at random."""

import time
from collections import Counter
from contextlib import ExitStack
from random import Random

import pytest

from tests.e2e.eventually import eventually
from tests.e2e.ground import Ground
from tests.e2e.killer import Killer
from tests.e2e.process import Process
from tests.e2e.users import Users

SECONDS = 30
NEIGHBORS = 40  # bindings in the first Namespace, each with a ServiceAccount of its own


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
        first = teams[0].scene
        neighbors = [f"neighbor-{number}" for number in range(NEIGHBORS)]
        for name in neighbors:
            first.make_account(name)
            first.bind(name, name)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            random.choice(teams).act()
            time.sleep(random.random() * 0.15)
        killer.join()
        for team in teams:
            eventually(team.settle)
        first.ready(*neighbors)
        tally[f"ServiceAccounts let go by hand, as the status said, {strategy}"] = sum(
            team.by_hand for team in teams
        )
        lost = sum(team.lost_entries() for team in teams)
        tally[f"Metacontroller killed -9, random users, {strategy}"] = killer.kills
        tally[f"lists on which a user's entry was lost, random users, {strategy}"] = lost
        assert lost == 0
