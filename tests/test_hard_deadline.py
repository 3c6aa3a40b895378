"""The hard deadline ends requests that a read timeout does not end."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from hooks.mint.hard_deadline import DeadlineAdapter, hard_deadline
from tests.emulator import Emulator, Fault
from tests.emulator.unreachable import silent

READ_TIMEOUT = 5
DEADLINE = 0.4
LIMIT = 64 * 1024


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Return a session whose requests a hard deadline can end."""
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, DeadlineAdapter(LIMIT))
        yield session


@pytest.fixture
def dribbler() -> Iterator[str]:
    """Return the address of a server that sends a byte at a time, without end.

    The bytes look like the answer to a TLS handshake.
    """
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=dribble, args=(server, ended))
        thread.start()
        yield "{}:{}".format(*server.getsockname())
        ended.set()
        thread.join()


def dribble(server: socket.socket, ended: threading.Event) -> None:
    """Send a caller the head of a long TLS record, then single bytes."""
    caller, _ = server.accept()
    with caller:
        caller.sendall(b"\x16\x03\x03\x40\x00")
        try:
            while not ended.wait(0.05):
                caller.sendall(b"x")
        except OSError:
            ended.wait(READ_TIMEOUT)


def fails_in_time(session: requests.Session, url: str, ca_file: str | bool) -> bool:
    """True if a request to *url* fails at the deadline, well before the read timeout."""
    started = time.monotonic()
    with pytest.raises((requests.RequestException, OSError)), hard_deadline(DEADLINE):
        session.get(url, timeout=READ_TIMEOUT, verify=ca_file)
    return DEADLINE <= time.monotonic() - started < READ_TIMEOUT / 2


def test_handshake_without_end(session: requests.Session, dribbler: str) -> None:
    """The deadline ends a TLS handshake that never completes."""
    assert fails_in_time(session, f"https://{dribbler}/", ca_file=False)


def test_without_tls(session: requests.Session, dribbler: str) -> None:
    """The deadline ends a plain HTTP response that never completes."""
    assert fails_in_time(session, f"http://{dribbler}/", ca_file=False)


def test_proxy_without_end(session: requests.Session, dribbler: str) -> None:
    """The deadline ends a request through a proxy whose response never completes."""
    session.proxies = {"https": f"http://{dribbler}"}
    assert fails_in_time(session, "https://registry.invalid/", ca_file=False)


def test_body_without_end(session: requests.Session, emulator: Emulator) -> None:
    """A body is read up to the limit or the deadline, and is not decompressed."""
    url = f"{emulator.imds_url}/metadata/identity/oauth2/token"
    gzip = {"Content-Encoding": "gzip"}
    emulator.faults.add("imds", Fault(status=200, endless=True, headers=gzip, times=1))
    with hard_deadline(READ_TIMEOUT):
        body = session.get(url, timeout=READ_TIMEOUT).content
    assert LIMIT < len(body) < 2 * LIMIT
    assert set(body) == {ord("0")}
    emulator.faults.add("imds", Fault(status=200, endless=True, dribble=0.01))
    assert fails_in_time(session, url, ca_file=False)


def test_answer_on_a_used_connection(session: requests.Session, emulator: Emulator) -> None:
    """The deadline ends a request on a reused connection, and the next request reconnects."""
    url, ca_file = f"https://{emulator.acr_server}/v2/", str(emulator.ca_file)
    with hard_deadline(READ_TIMEOUT):
        assert session.get(url, timeout=READ_TIMEOUT, verify=ca_file).status_code == 401
    emulator.faults.add("v2", Fault(delay=READ_TIMEOUT, times=1))
    assert fails_in_time(session, url, ca_file)
    with hard_deadline(READ_TIMEOUT):
        assert session.get(url, timeout=READ_TIMEOUT, verify=ca_file).status_code == 401


def test_without_a_deadline(session: requests.Session, emulator: Emulator) -> None:
    """Without a hard deadline the adapter works as usual."""
    url, ca_file = f"https://{emulator.acr_server}/v2/", str(emulator.ca_file)
    assert session.get(url, timeout=READ_TIMEOUT, verify=ca_file).status_code == 401


def test_addresses_without_end(session: requests.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """If all addresses of a host are silent, they are tried until the deadline."""
    tried = []
    with silent() as address:
        host, _, port = address.partition(":")
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, int(port)))] * 20
        resolve = socket.getaddrinfo

        def getaddrinfo(name: str, *args: Any) -> Any:  # noqa: ANN401  as in socket
            tried.append(name)
            return addresses if name == "many.example" else resolve(name, *args)

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        with pytest.raises(requests.ConnectTimeout), hard_deadline(DEADLINE):
            session.get(f"http://many.example:{port}/", timeout=(DEADLINE / 2, READ_TIMEOUT))
    assert 2 <= tried.count(host) <= 4


def test_second_address(session: requests.Session, emulator: Emulator) -> None:
    """If the first address refuses the connection, the next address is tried."""
    port = emulator.imds_port
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
        for host in ("127.0.0.9", "127.0.0.1")
    ]
    resolve = socket.getaddrinfo
    with pytest.MonkeyPatch.context() as patch, hard_deadline(READ_TIMEOUT):
        patch.setattr(
            socket,
            "getaddrinfo",
            lambda name, *args: found if name == "two.example" else resolve(name, *args),
        )
        answer = session.get(f"http://two.example:{port}/metadata", timeout=READ_TIMEOUT)
    assert answer.status_code == 404
