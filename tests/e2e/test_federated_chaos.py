"""Users of workload identities, while Metacontroller and the hooks are killed at random."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.e2e.conftest import given_crds
from tests.e2e.eventually import eventually
from tests.e2e.federated import open_federated, play
from tests.e2e.federated_users import FederatedUsers
from tests.e2e.killer import Killer
from tests.e2e.stage import Stage
from tests.e2e.test_rest import check_rest
from tests.e2e.upstream import Watch, watched

DEEDS = 60
SETTLE_SECONDS = 120  # one who was refused for a minute is asked again after as long


@pytest.fixture
def federated(
    request: pytest.FixtureRequest, tmp_path: Path, metacontroller_binary: Path, strategy: str
) -> Iterator[Stage]:
    """Start all."""
    with (
        open_federated(tmp_path, given_crds(request)) as stage,
        stage.run_metacontroller(metacontroller_binary, strategy),
    ):
        yield stage


@contextmanager
def killers(stage: Stage, random: Random) -> Iterator[list[Killer]]:
    """Return those of Metacontroller and of the hooks; in the end both run."""
    made = [Killer(victim, random, chance=0.2) for victim in (stage.metacontroller, stage.service)]
    try:
        yield made
    finally:
        for killer in made:
            killer.join()


def open_teams(
    stage: Stage, random: Random, made: list[Killer], scenes: ExitStack
) -> list[tuple[FederatedUsers, Watch]]:
    """Return the users of two Namespaces, who try each other's identities, and watches."""
    teams = []

    def disturb() -> None:
        for killer in made:
            killer.after_write()

    for _ in range(2):
        scene = scenes.enter_context(play(stage, disturb))
        watch = scenes.enter_context(watched(stage.api, scene.name))
        teams.append((FederatedUsers(stage, scene, random), watch))
    (first, _), (second, _) = teams
    first.others, second.others = second.own["build"], first.own["build"]
    return teams


def act(teams: list[tuple[FederatedUsers, Watch]], random: Random) -> None:
    """Let them do what they do, and then what they must."""
    for _ in range(DEEDS):
        random.choice(teams)[0].act()
        time.sleep(random.random() * 0.3)
    for users, _ in teams:
        users.finish()


def test_federated_chaos(
    request: pytest.FixtureRequest, federated: Stage, strategy: str, tally: Counter[str]
) -> None:
    """Nothing of anybody's is lost, no token is ever another Namespace's, and all come to rest."""
    random = Random(f"{request.config.getoption('--seed')} {strategy}")  # noqa: S311  a test's
    with killers(federated, random) as made, ExitStack() as scenes:
        teams = open_teams(federated, random, made, scenes)
        act(teams, random)
        for victim, killer in zip(("Metacontroller", "hooks"), made, strict=True):
            killer.join()
            tally[f"{victim} killed -9, workload identity, {strategy}"] = killer.kills
            assert killer.kills
        for users, watch in teams:
            check(users, watch)
        check_rest(federated)
    for exchange in federated.recorder.exchanges:
        exchange.check()


def check(users: FederatedUsers, watch: Watch) -> None:
    """Check what there is in the end, and every Secret that there ever was."""
    eventually(users.settle, SETTLE_SECONDS)
    assert users.lost_entries() == 0
    assert users.by_hand == 0
    assert not watch.ended
    assert watch.events
    for _, secret, _ in watch.events:
        users.check_never(secret)
