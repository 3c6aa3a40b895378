"""Answers that come late, in pieces or not at all."""

import time

import pytest
import requests

from tests import emulator as azure
from tests.azure.client import CLIENT_ID, TIMEOUT, acr, imds
from tests.emulator.emulator import Emulator
from tests.emulator.fault import Fault


def test_delay(emulator: Emulator) -> None:
    """A delayed answer comes too late for an impatient client, and counts."""
    emulator.faults.add("v2", Fault(delay=60, times=1))
    with pytest.raises(requests.ReadTimeout):
        acr(emulator, "GET", "/v2/", timeout=(TIMEOUT, 0.5))
    assert emulator.count("v2") == 1


def test_reset(emulator: Emulator) -> None:
    """A reset ends the connection with RST, which over TLS Python reports as an early end."""
    emulator.faults.add("v2", Fault(reset=True))
    emulator.faults.add("imds", Fault(reset=True))
    with pytest.raises(requests.ConnectionError, match="Connection aborted"):
        acr(emulator, "GET", "/v2/")
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        imds(emulator, client_id=CLIENT_ID)
    assert [record.status for record in emulator.requests] == [0, 0]


def test_dribble(emulator: Emulator) -> None:
    """A body that comes by the byte defeats a read timeout but arrives whole."""
    emulator.faults.add("v2", Fault(body="0123456789", dribble=0.06))
    began = time.monotonic()
    assert acr(emulator, "GET", "/v2/", timeout=(TIMEOUT, 0.5)).text == "0123456789"
    assert time.monotonic() - began >= 0.6


def test_endless(emulator: Emulator) -> None:
    """A body without end goes on for as long as the client reads."""
    emulator.faults.add("v2", Fault(endless=True))
    with acr(emulator, "GET", "/v2/", stream=True) as response:
        chunks = response.iter_content(1 << 16)
        assert sum(len(next(chunks)) for _ in range(32)) > 1 << 20


def test_unreachable() -> None:
    """One address refuses a connection, another one does not answer."""
    with azure.refusing() as address, pytest.raises(requests.ConnectionError, match="refused"):
        requests.get(f"http://{address}", timeout=TIMEOUT)
    with azure.silent() as address, pytest.raises(requests.ConnectTimeout):
        requests.get(f"http://{address}", timeout=0.2)
