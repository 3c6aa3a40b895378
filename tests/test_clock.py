"""A clock that was wrong and is set right, while the service runs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hooks.core.refresh import MAX_RETRY_SECONDS
from hooks.core.rfc3339 import parse_time
from tests.client import Client, observed, reason, service_account
from tests.e2e.eventually import eventually
from tests.emulator import Emulator
from tests.service import Service

pytestmark = pytest.mark.process

HOURS = 3 * 3600
SOON_SECONDS = 10  # a failure is remembered for 5 s


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """Return the file that holds by how many seconds the service's clock is ahead."""
    path = tmp_path / "clock"
    path.write_text("0")
    return path


@pytest.fixture
def clocked(running_emulator: Emulator, clock: Path) -> Iterator[Service]:
    """Start a service by that clock."""
    environment = running_emulator.environment() | {"CLOCK_FILE": str(clock)}
    with Service(environment, "tests.clocked:app") as service:
        yield service


@pytest.mark.parametrize("ahead", [HOURS, -HOURS], ids=["ahead", "back"])
def test_clock_set_right(clocked: Service, clock: Path, emulator: Emulator, ahead: int) -> None:
    """A binding that failed with ClockSkew is Ready seconds after the clock is right.

    The Entra token is requested again: MSAL would use it for three hours after its expiry.
    """
    client = Client(clocked.url, emulator.acr_server)
    account = service_account("default", "acr-pull-app", owner="app")
    clock.write_text(str(ahead))
    answer = client.sync(observed(client.parent(), account))
    assert reason(answer) == "False/ClockSkew"
    assert answer["resyncAfterSeconds"] <= MAX_RETRY_SECONDS
    clock.write_text("0")

    def becomes_ready() -> None:
        nonlocal answer
        answer = client.sync(observed(client.parent(), account, answer=answer))
        assert reason(answer) == "True/Ready"

    eventually(becomes_ready, SOON_SECONDS)
    assert emulator.count("imds") == 2
    now = datetime.now(UTC)  # noqa: TID251  the service's clock is the machine's again
    for condition in answer["status"]["conditions"]:
        since = parse_time(condition["lastTransitionTime"])
        assert since is not None
        assert since <= now


@pytest.mark.parametrize("ahead", [HOURS, -HOURS], ids=["ahead", "back"])
def test_token_while_the_clock_is_wrong(
    clocked: Service, clock: Path, emulator: Emulator, ahead: int
) -> None:
    """A token outlasts a clock that is wrong for a while, and the next call comes soon."""
    client = Client(clocked.url, emulator.acr_server)
    account = service_account("default", "acr-pull-app", owner="app")
    good = client.settle(observed(client.parent(), account))
    clock.write_text(str(ahead))
    wrong = client.sync(observed(client.parent(), account, answer=good))
    assert wrong["resyncAfterSeconds"] <= MAX_RETRY_SECONDS
    clock.write_text("0")
    right = client.sync(observed(client.parent(), account, answer=wrong))
    assert reason(right) == "True/Ready"
    assert right["children"][0] == good["children"][0]
