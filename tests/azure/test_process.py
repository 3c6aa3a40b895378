"""The emulator's start and end, also as a process of its own."""

import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from tests.azure.client import TIMEOUT, acr
from tests.emulator.emulator import Emulator
from tests.emulator.fault import Fault
from tests.service import ROOT

DELAY_SECONDS = 60
ENDS_SECONDS = 20


def test_stop(tmp_path: Path) -> None:
    """Stopping ends idle, delayed and endless connections at once and leaves no thread."""
    before = set(threading.enumerate())
    with Emulator(directory=tmp_path / "new") as emulator, requests.Session() as session:
        session.get(f"{emulator.imds_url}/_emulator/requests", timeout=TIMEOUT)
        emulator.faults.add("v2", Fault(endless=True, times=1))
        emulator.faults.add("v2", Fault(delay=DELAY_SECONDS))
        endless = acr(emulator, "GET", "/v2/", stream=True)
        with pytest.raises(requests.ReadTimeout):
            acr(emulator, "GET", "/v2/", timeout=(TIMEOUT, 0.5))
        began = time.monotonic()
        emulator.stop()
        endless.close()
    assert time.monotonic() - began < DELAY_SECONDS / 2
    assert set(threading.enumerate()) <= before
    with pytest.raises(requests.ConnectionError):
        requests.get(emulator.imds_url, timeout=TIMEOUT)
    assert (tmp_path / "new" / "ca.crt").exists()


def test_port_in_use(emulator: Emulator) -> None:
    """A start that fails leaves nothing behind."""
    before = set(threading.enumerate())
    with pytest.raises(OSError, match="in use"):
        Emulator(acr_port=emulator.acr_port).start()
    assert set(threading.enumerate()) <= before


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process(tmp_path: Path, number: int) -> None:
    """Its output is for a shell to evaluate; a signal ends it well."""
    command = [sys.executable, "-m", "tests.emulator", "--refresh-lifetime", "60"]

    with subprocess.Popen(  # noqa: S603
        [*command, "--directory", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            assert process.stdout
            lines = [shlex.split(line)[1] for line in process.stdout]
            environment = dict(line.split("=", 1) for line in lines)
            server = environment["ALLOWED_ACR_SERVER_SUFFIXES"].split(",")[0]
            trusted = environment["REQUESTS_CA_BUNDLE"]
            response = requests.get(f"https://{server}/v2/", verify=trusted, timeout=TIMEOUT)
            assert (response.status_code, trusted) == (401, str(tmp_path / "ca.crt"))
            process.send_signal(number)
            assert process.wait(ENDS_SECONDS) == 0
        finally:
            process.kill()  # else a failure would wait for it
