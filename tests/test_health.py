"""The probes' own listener: what it answers, and that nobody can block it."""

import http.client
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from hooks.server import listener
from hooks.server import probes as health
from hooks.server.listener import Listener, Page

HOST = "127.0.0.1"


CHECKS = {"/healthz": lambda: True, "/readyz": lambda: False}


def answering() -> float:
    """Return the seconds since a thread was free: the hooks answer."""
    return 0.0


@pytest.fixture(scope="module")
def server() -> Iterator[Listener]:
    """Serve a check that is well and one that is not."""
    server = health.serve_probes(f"{HOST}:0", CHECKS, answering)
    yield server
    server.close()


def probe(server: Listener, path: str, method: str = "GET") -> int:
    """Return the status of one probe."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        assert response.read() == b"" or method != "GET"
        return response.status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [("/healthz", 200), ("/readyz", 503), ("/", 404), ("/sync", 404), ("/healthz/", 404)],
)
def test_status(server: Listener, path: str, status: int) -> None:
    """A check that is well is 200, one that is not 503, and all else is 404."""
    assert probe(server, path) == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods(server: Listener, method: str) -> None:
    """Nothing but GET is answered here."""
    assert probe(server, "/healthz", method) == 501


def test_says_nothing(server: Listener, capsys: pytest.CaptureFixture[str]) -> None:
    """A probe every few seconds writes no line."""
    assert probe(server, "/healthz") == 200
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: a\r\n"],
    ids=["idle", "line", "head"],
)
def test_slow_callers(server: Listener, sent: bytes) -> None:
    """Many connections that never finish their request do not hold up a probe."""
    callers = []
    try:
        for _ in range(50):
            callers.append(socket.create_connection((HOST, server.port)))
            callers[-1].sendall(sent)
        assert probe(server, "/healthz") == 200
    finally:
        for caller in callers:
            caller.close()


def test_many_at_once() -> None:
    """Fifty probes at once find room while the listener makes a page."""
    asked, done = threading.Event(), threading.Event()

    def page() -> Page:
        asked.set()
        return Page(200 if done.wait(5) else 503)

    server = listener.serve(f"{HOST}:0", {"/": page}, "test")
    callers = []
    try:
        for number in range(50):
            address = (HOST, server.port)
            callers.append(socket.create_connection(address, timeout=0.9))  # one lost waits 1 s
            callers[-1].sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert number or asked.wait(5)
        done.set()
        assert {caller.recv(12) for caller in callers} == {b"HTTP/1.1 200"}
    finally:
        for caller in callers:
            caller.close()
        server.close()


def test_caller_that_hangs_up(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is logged about a caller that does not wait for the response."""
    asked, gone = threading.Event(), threading.Event()

    def page() -> Page:
        asked.set()
        return Page(200, b"x" * gone.wait(5) * 10**7)

    server = listener.serve(f"{HOST}:0", {"/": page}, "test")
    with socket.create_connection((HOST, server.port)) as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # by RST
        caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert asked.wait(5)
    gone.set()
    assert probe(server, "/nope") == 404
    server.close()
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_bug(caplog: pytest.LogCaptureFixture) -> None:
    """A page that fails is logged, and the listener goes on."""
    pages = {"/": lambda: Page(1 // 0), "/healthz": lambda: Page(200)}
    server = listener.serve(f"{HOST}:0", pages, "test")
    assert probe(server, "/") == 500
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError
    assert probe(server, "/healthz") == 200
    server.close()


@pytest.mark.parametrize(
    ("seconds", "ready", "live"), [(9, 200, 200), (11, 503, 200), (59, 503, 200), (61, 503, 503)]
)
def test_hooks_do_not_answer(seconds: float, ready: int, live: int) -> None:
    """Without a free thread for 10 s the Pod is not ready, and for 60 s not live."""
    checks = dict.fromkeys(CHECKS, lambda: True)
    server = health.serve_probes(f"{HOST}:0", checks, lambda: seconds)
    assert (probe(server, "/readyz"), probe(server, "/healthz")) == (ready, live)
    server.close()


def has_ipv6() -> bool:
    """Say whether this machine has IPv6's loopback address."""
    try:
        with socket.socket(socket.AF_INET6) as listener:
            listener.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="needs ::1")
def test_ipv6() -> None:
    """An address in brackets is IPv6's."""
    server = health.serve_probes("[::1]:0", CHECKS, answering)
    try:
        assert probe(server, "/healthz") == 200
    finally:
        server.close()


@pytest.mark.slow
def test_idle_connection_ends(server: Listener) -> None:
    """A connection without a request is closed after two seconds."""
    with socket.create_connection((HOST, server.port), timeout=5) as caller:
        assert caller.recv(1) == b""


@pytest.mark.slow
def test_dribble_ends(server: Listener) -> None:
    """So is one on which a byte comes now and then, for as long as it may take."""
    with socket.create_connection((HOST, server.port), timeout=0.2) as caller:
        deadline = time.monotonic() + 3 * listener.TIMEOUT_SECONDS
        ended = False
        while not ended:
            assert time.monotonic() < deadline
            ended = dribbled(caller)


def dribbled(caller: socket.socket) -> bool:
    """Send a byte; say whether the other side has hung up."""
    try:
        caller.sendall(b"G")
        caller.recv(1000)  # nothing, or the refusal of half a line
    except TimeoutError:
        return False
    except OSError:  # reset
        return True
    return True


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next caller ends the oldest connection, and not a newer one."""
    monkeypatch.setattr(listener, "MAX_CONNECTIONS", 20)
    small = health.serve_probes(f"{HOST}:0", CHECKS, answering)
    callers = [socket.create_connection((HOST, small.port), timeout=1) for _ in range(20)]
    try:
        assert probe(small, "/healthz") == 200
        assert callers[0].recv(1) == b""
        callers[1].sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert callers[1].recv(12) == b"HTTP/1.1 200"
    finally:
        for caller in callers:
            caller.close()
        small.close()


@pytest.mark.slow
def test_nobody_reads() -> None:
    """A caller that does not read the response delays no other caller, and is disconnected."""
    pages = {"/": lambda: Page(200, b"x" * 10**8), "/healthz": lambda: Page(200)}
    server = listener.serve(f"{HOST}:0", pages, "test")
    with socket.create_connection((HOST, server.port)) as caller:
        caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
        caller.settimeout(10)
        assert caller.recv(1) == b"H"
        assert probe(server, "/healthz") == 200
        time.sleep(listener.TIMEOUT_SECONDS + 0.5)
        received = 0
        with suppress(ConnectionResetError):
            while data := caller.recv(10**6):
                received += len(data)
        assert received < 10**8
    server.close()


def test_caller_that_goes(server: Listener, capsys: pytest.CaptureFixture[str]) -> None:
    """A caller that resets its connection is not worth a line."""
    with socket.create_connection((HOST, server.port)) as caller:
        caller.sendall(b"GET /heal")
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert probe(server, "/healthz") == 200
    assert capsys.readouterr() == ("", "")


def test_port_is_shared(server: Listener) -> None:
    """A worker that starts may listen before the one that it follows has ended."""
    second = health.serve_probes(f"{HOST}:{server.port}", {"/healthz": lambda: True}, answering)
    second.close()
    assert [probe(server, "/readyz") for _ in range(8)] == [503] * 8
