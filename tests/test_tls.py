"""TLS, with certificates on both sides: who gets in, who does not, and who can't block the door."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from http.client import HTTPSConnection
from pathlib import Path
from typing import Final

import pytest
import requests

from hooks.budget import BODY_SECONDS
from tests.authority import Authority, client_context, hello, mount
from tests.e2e.eventually import eventually
from tests.e2e.process import free_port
from tests.emulator.settings import system_clock
from tests.service import Service

BODY: Final = b'{"object": {"metadata": {"name": "default"}}}'
PATH: Final = "/serviceaccount/sync"
CA: Final = Authority("ours", system_clock())
OTHER: Final = Authority("another", system_clock())
PATIENCE_SECONDS: Final = 20
ALERT: Final = b"\x15"  # https://www.rfc-editor.org/rfc/rfc8446#section-5.1


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start a service that wants a client certificate."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = CA.server()
    mount(folder, {"tls.crt": certificate, "tls.key": key, "ca.crt": CA.pem})
    with Service(environment(folder)) as running:
        yield running


def environment(folder: Path) -> dict[str, str]:
    """Return the settings for the files in *folder*."""
    return {
        "TLS_CERT_FILE": str(folder / "tls.crt"),
        "TLS_KEY_FILE": str(folder / "tls.key"),
        "CLIENT_CA_FILE": str(folder / "ca.crt"),
        "HEALTH_BIND": f"127.0.0.1:{free_port()}",
    }


def call(service: Service, context: ssl.SSLContext) -> int:
    """Return the status of a call."""
    connection = HTTPSConnection(*service.address, context=context, timeout=PATIENCE_SECONDS)
    try:
        connection.request("POST", PATH, BODY)
        return connection.getresponse().status
    finally:
        connection.close()


def check_refused(service: Service, context: ssl.SSLContext, why: str) -> None:
    """Make a call that gets no answer; the service says *why* in its log."""
    before = len(service.log)
    # With TLS 1.3 the client's side is done before the server has seen its certificate.
    with pytest.raises((ssl.SSLError, ConnectionError)):
        call(service, context)
    eventually(partial(check_log, service, before, why))


def check_log(service: Service, since: int, why: str) -> None:
    """Check that the log, from *since* on, says that somebody was refused, and *why*."""
    assert f'"message": "refused", "peer": "127.0.0.1", "why": "{why}"' in service.log[since:]


def test_open(service: Service, tmp_path: Path) -> None:
    """A certificate of our CA is let in."""
    assert service.url.startswith("https://")
    assert call(service, client_context(CA.pem, tmp_path, CA.client())) == 200


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        pytest.param(None, "PEER_DID_NOT_RETURN_A_CERTIFICATE", id="none"),
        pytest.param(OTHER.client(), "unable to get local issuer certificate", id="another-ca"),
        pytest.param(CA.client(expired=True), "certificate has expired", id="expired"),
        pytest.param(CA.server(), "unsuitable certificate purpose", id="a-server's"),
    ],
)
def test_closed(
    service: Service, tmp_path: Path, shown: tuple[bytes, bytes] | None, why: str
) -> None:
    """No certificate, one of another CA, an expired one, one that is no client's: no answer."""
    check_refused(service, client_context(CA.pem, tmp_path, shown), why)


def test_old_tls(service: Service, tmp_path: Path) -> None:
    """TLS 1.2 is refused: it resumes a session without the client's certificate."""
    context = client_context(CA.pem, tmp_path, CA.client())
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    check_refused(service, context, "UNSUPPORTED_PROTOCOL")


def test_plain_http(service: Service) -> None:
    """Without TLS there is no answer of a hook."""
    host, port = service.address
    before = len(service.log)
    with pytest.raises(requests.ConnectionError):
        requests.post(f"http://{host}:{port}{PATH}", data=BODY, timeout=PATIENCE_SECONDS)
    eventually(partial(check_log, service, before, "HTTP_REQUEST"))


def test_probes(service: Service) -> None:
    """Probes have a listener of their own, without TLS; it answers no hook."""
    probes = f"http://{service.environment['HEALTH_BIND']}"
    for path in ("/healthz", "/readyz"):
        assert requests.get(probes + path, timeout=PATIENCE_SECONDS).status_code == 200
    assert requests.post(probes + PATH, data=BODY, timeout=PATIENCE_SECONDS).status_code == 501


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "share"), [(200, 0.0), (60, 0.5), (60, 1.0)], ids=["silent", "half-a-hello", "hello"]
)
def test_many_that_never_shake_hands(
    service: Service, tmp_path: Path, count: int, share: float
) -> None:
    """More callers than there are threads begin TLS and no more: others are answered."""
    context = client_context(CA.pem, tmp_path, CA.client())
    sent = hello(context)
    with ExitStack() as opened:
        for _ in range(count):
            caller = opened.enter_context(socket.create_connection(service.address))
            caller.sendall(sent[: int(len(sent) * share)])
        assert call(service, context) == 200


@pytest.mark.slow
def test_many_that_only_shake_hands(service: Service, tmp_path: Path) -> None:
    """Connections that are open and idle hold no thread, and can be used later."""
    context = client_context(CA.pem, tmp_path, CA.client())
    with ExitStack() as opened:
        callers = [opened.enter_context(connected(service, context)) for _ in range(60)]
        assert call(service, context) == 200
        first = callers[0]
        first.settimeout(BODY_SECONDS + 1)
        with pytest.raises(TimeoutError):
            first.recv(1)  # it is not ended either
        first.settimeout(PATIENCE_SECONDS)
        first.sendall(request())
        assert first.recv(12) == b"HTTP/1.1 200"


def connected(service: Service, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Return a connection with which the service has shaken hands."""
    plain = socket.create_connection(service.address, timeout=PATIENCE_SECONDS)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def request() -> bytes:
    """Return a call as it is sent."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(BODY)}\r\n\r\n"
    return head.encode() + BODY


@pytest.mark.slow
def test_a_handshake_ends(service: Service, tmp_path: Path) -> None:
    """One that is not complete in time is cut off."""
    context = client_context(CA.pem, tmp_path, CA.client())
    with socket.create_connection(service.address, timeout=PATIENCE_SECONDS) as caller:
        caller.sendall(hello(context)[:-1])
        with caller.makefile("rb") as answer:
            assert answer.read()[:1] in {b"", ALERT}


@pytest.mark.slow
def test_a_request_ends(service: Service, tmp_path: Path) -> None:
    """One that is not complete in time is cut off, within TLS too."""
    context = client_context(CA.pem, tmp_path, CA.client())
    with connected(service, context) as caller:
        caller.sendall(request()[:-1])
        caller.settimeout(PATIENCE_SECONDS)
        assert not received(caller).startswith(b"HTTP/1.1 200")


def received(caller: ssl.SSLSocket) -> bytes:
    """Return what comes, b"" where the connection is at its end."""
    try:
        return caller.recv(100)
    except (ssl.SSLError, ConnectionError):
        return b""
