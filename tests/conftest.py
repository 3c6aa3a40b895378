"""The real service under gunicorn, with an emulated Azure behind it; both start once."""

from collections.abc import Iterator

import pytest

from tests.client import Client
from tests.emulator import Emulator
from tests.service import Service


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    """Start an Azure."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running_emulator: Emulator) -> Emulator:
    """Return the Azure with nothing broken, nothing asked yet."""
    running_emulator.reset()
    return running_emulator


@pytest.fixture(scope="session")
def service(running_emulator: Emulator) -> Iterator[Service]:
    """Start the service; its settings are those of the README's first steps."""
    allowed = ",".join((*running_emulator.acr_servers, "azurecr.io"))
    environment = running_emulator.environment() | {
        "ALLOWED_ACR_SERVER_SUFFIXES": allowed,
        "METRICS_BIND": "127.0.0.1:0",
        "REVISION": "abc1234",
    }
    with Service(environment) as running:
        yield running


@pytest.fixture
def client(service: Service, emulator: Emulator) -> Client:
    """Return a caller of the hooks, for bindings of an identity of its own."""
    return Client(service.url, emulator.acr_server)
