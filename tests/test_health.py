"""The probes' own listener: what it answers, and that nobody can block it."""

import http.client
import socket
import struct
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from hooks import health, listener
from hooks.listener import Page

HOST = "127.0.0.1"


CHECKS = {"/healthz": lambda: True, "/readyz": lambda: False}


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    """Serve a check that is well and one that is not."""
    server = health.serve(f"{HOST}:0", CHECKS)
    yield server
    server.shutdown()
    server.server_close()


def probe(server: ThreadingHTTPServer, path: str, method: str = "GET") -> int:
    """Return the status of one probe."""
    host = str(server.server_address[0])
    connection = http.client.HTTPConnection(host, server.server_port, timeout=5)
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
def test_status(server: ThreadingHTTPServer, path: str, status: int) -> None:
    """A check that is well is 200, one that is not 503, and all else is 404."""
    assert probe(server, path) == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods(server: ThreadingHTTPServer, method: str) -> None:
    """Nothing but GET is answered here."""
    assert probe(server, "/healthz", method) == 501


def test_says_nothing(server: ThreadingHTTPServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A probe every few seconds writes no line."""
    assert probe(server, "/healthz") == 200
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: a\r\n"],
    ids=["idle", "line", "head"],
)
def test_slow_callers(server: ThreadingHTTPServer, sent: bytes) -> None:
    """Many connections that never finish their request do not hold up a probe."""
    callers = []
    try:
        for _ in range(50):
            callers.append(socket.create_connection((HOST, server.server_port)))
            callers[-1].sendall(sent)
        assert probe(server, "/healthz") == 200
    finally:
        for caller in callers:
            caller.close()


def test_many_at_once() -> None:
    """Fifty probes at once find room while the listener has not come to accept any."""
    server = health.serve(f"{HOST}:0", CHECKS)
    server.shutdown()  # it accepts nobody, but the kernel still puts callers into its queue
    callers = []
    try:
        for _ in range(50):
            address = (HOST, server.server_port)
            callers.append(socket.create_connection(address, timeout=0.9))  # one lost waits 1 s
            callers[-1].sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert {caller.recv(12) for caller in callers} == {b"HTTP/1.0 200"}
    finally:
        server.shutdown()
        server.server_close()
        for caller in callers:
            caller.close()


def test_caller_that_hangs_up(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is said of a caller that does not wait for its answer."""
    asked, gone, threads = threading.Event(), threading.Event(), []

    def page() -> Page:
        threads.append(threading.current_thread())
        asked.set()
        return Page(200, b"x" * gone.wait(5) * 10**7)

    server = listener.serve(f"{HOST}:0", {"/": page}, "test")
    with socket.create_connection((HOST, server.server_port)) as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # by RST
        caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert asked.wait(5)
    gone.set()
    threads[0].join(5)
    assert not threads[0].is_alive()
    server.shutdown()
    server.server_close()
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_bug(caplog: pytest.LogCaptureFixture) -> None:
    """A page that can't be made is logged, and leaves the listener as it was."""
    pages = {"/": lambda: Page(1 // 0), "/healthz": lambda: Page(200)}
    server = listener.serve(f"{HOST}:0", pages, "test")
    with pytest.raises(http.client.RemoteDisconnected):
        probe(server, "/")
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError
    assert probe(server, "/healthz") == 200
    server.shutdown()
    server.server_close()


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
    server = health.serve("[::1]:0", CHECKS)
    try:
        assert probe(server, "/healthz") == 200
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.slow
def test_idle_connection_ends(server: ThreadingHTTPServer) -> None:
    """A connection without a request is closed after two seconds."""
    with socket.create_connection((HOST, server.server_port), timeout=5) as caller:
        assert caller.recv(1) == b""


@pytest.mark.slow
def test_dribble_ends(server: ThreadingHTTPServer) -> None:
    """So is one on which a byte comes now and then, for as long as it may take."""
    with socket.create_connection((HOST, server.server_port), timeout=0.2) as caller:
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


@pytest.mark.slow
def test_threads_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More connections than there may be threads wait, and are answered once some have ended."""
    monkeypatch.setattr(listener, "MAX_CONNECTIONS", 20)
    small = health.serve(f"{HOST}:0", CHECKS)
    before = threading.active_count()
    callers = [socket.create_connection((HOST, small.server_port)) for _ in range(30)]
    try:
        assert probe(small, "/healthz") == 200
        assert threading.active_count() - before <= 20
    finally:
        for caller in callers:
            caller.close()
        small.shutdown()
        small.server_close()


def test_caller_that_goes(server: ThreadingHTTPServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A caller that resets its connection is not worth a line."""
    with socket.create_connection((HOST, server.server_port)) as caller:
        caller.sendall(b"GET /heal")
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert probe(server, "/healthz") == 200
    assert capsys.readouterr() == ("", "")


def test_port_is_shared(server: ThreadingHTTPServer) -> None:
    """A worker that starts may listen before the one that it follows has ended."""
    second = health.serve(f"{HOST}:{server.server_port}", {"/healthz": lambda: True})
    second.shutdown()
    second.server_close()
    assert [probe(server, "/readyz") for _ in range(8)] == [503] * 8
