"""The service under gunicorn and an emulated Azure, each started once; the mark `process`."""

import platform
import subprocess
from collections.abc import Generator, Iterator

import pytest

from tests.client import Client
from tests.e2e.eventually import eventually
from tests.emulator import Emulator
from tests.scrape import Scrape
from tests.service import Service


def pytest_configure() -> None:
    """Start `uname` once: `platform.platform`, which azure-core calls, remembers the result."""
    platform.platform()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test that calls the running service."""
    fixtures = item.fixturenames if isinstance(item, pytest.Function) else ()
    if "service" in fixtures:
        item.add_marker(pytest.mark.process)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that starts a process, in a fixture or by itself, without the mark `process`."""
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("process") is None:
            patch.setattr(subprocess.Popen, "__init__", _refuse)
        return (yield)


def _refuse(_process: object, command: object, **_: object) -> None:
    pytest.fail(f"The test starts {command}. Mark the test with pytest.mark.process.")


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    """Return a running Azure."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running_emulator: Emulator) -> Emulator:
    """Return the running Azure, without faults and without recorded requests."""
    running_emulator.reset()
    return running_emulator


@pytest.fixture(scope="session")
def service(running_emulator: Emulator) -> Iterator[Service]:
    """Return the running service, with the settings of the README's first steps."""
    allowed = ",".join((*running_emulator.acr_servers, "azurecr.io"))
    environment = running_emulator.environment() | {
        "ALLOWED_ACR_SERVER_SUFFIXES": allowed,
        "METRICS_BIND": "127.0.0.1:0",
        "REVISION": "abc1234",
    }
    with Service(environment) as running:
        yield running


@pytest.fixture
def client(service: Service, emulator: Emulator) -> Iterator[Client]:
    """Return a caller of the hooks, for bindings with an identity of their own.

    Waits for token requests that go on without a caller. The next test would count these.
    """
    yield Client(service.url, emulator.acr_server)
    emulator.faults.clear()
    eventually(lambda: _check_idle(service))


def _check_idle(service: Service) -> None:
    assert Scrape.of(service).value("acrpull_mints_in_flight") == 0
