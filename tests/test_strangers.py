"""Callers without a token or a certificate slow down neither hooks nor probes."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Final

import pytest
import requests

from tests.authority import Authority, client_context, hello, mount
from tests.e2e.eventually import eventually
from tests.e2e.process import free_port
from tests.emulator.settings import system_clock
from tests.service import BOOTING, LISTENING, ROOT, STOP_SECONDS, Service, clean_environment
from tests.strangers import Strangers

pytestmark = [pytest.mark.process, pytest.mark.slow]

PATH: Final = "/serviceaccount/sync"
BODY: Final = b'{"object": {"metadata": {"name": "default"}}}'
AUTHORIZED: Final = {"Authorization": "Bearer first"}
HEAD: Final = b"POST /sync HTTP/1.1\r\nHost: x\r\n"
PATIENCE_SECONDS: Final = 3  # without strangers a call takes some milliseconds
CALLS: Final = 10
PROBE_SECONDS: Final = 3  # the shorter timeout of a probe in metacontroller/deployment.yaml
THREADS: Final = 32  # hooks/gunicorn_conf.py
CA: Final = Authority("ours", system_clock())


@pytest.fixture(scope="module", autouse=True)
def many_files() -> None:
    """Let this process open more than 1,024 connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start a service that requires a token."""
    file = tmp_path_factory.mktemp("token") / "token"
    file.write_text("first\n")
    health = f"127.0.0.1:{free_port()}"
    with Service({"HOOK_TOKEN_FILE": str(file), "HEALTH_BIND": health}) as running:
        yield running


def call(connection: HTTPConnection) -> None:
    """Call a hook with the token."""
    connection.request("POST", PATH, BODY, AUTHORIZED)
    response = connection.getresponse()
    assert response.status == 200
    response.read()


def call_often(connect: Callable[[], HTTPConnection], kept: HTTPConnection) -> None:
    """Call a hook on the connection *kept*, and on new ones."""
    for _ in range(CALLS):
        with closing(connect()) as new:
            for connection in (kept, new):
                call(connection)


@pytest.mark.parametrize(
    ("count", "sent", "pause"),
    [
        pytest.param(0, b"", 0.05, id="nobody"),
        pytest.param(256, HEAD, 0.05, id="unfinished-heads"),
        pytest.param(1100, b"", 0.05, id="silent"),
        pytest.param(256, HEAD + b"Content-Length: 9\r\n\r\n", 0.05, id="no-body"),
        pytest.param(
            256, b"GET /healthz HTTP/1.1\r\nContent-Length: 9\r\n\r\n", 0.05, id="probe-no-body"
        ),
        pytest.param(256, b"nonsense\r\n\r\n", 2, id="nonsense"),
    ],
)
def test_hooks(service: Service, count: int, sent: bytes, pause: float) -> None:
    """Strangers on the hooks' port do not slow down calls, on kept and on new connections."""

    def connect() -> HTTPConnection:
        return HTTPConnection(*service.address, timeout=PATIENCE_SECONDS)

    with closing(connect()) as kept:
        call(kept)
        with Strangers(service.address, count, sent, pause):
            call_often(connect, kept)


@pytest.mark.parametrize("share", [0.5, 1.0], ids=["half-a-hello", "hello"])
def test_handshakes(tmp_path: Path, share: float) -> None:
    """Strangers that begin a TLS handshake and do not end it slow down no call."""
    certificate, key = CA.server()
    mount(tmp_path, {"tls.crt": certificate, "tls.key": key, "ca.crt": CA.pem})
    environment = {
        "TLS_CERT_FILE": str(tmp_path / "tls.crt"),
        "TLS_KEY_FILE": str(tmp_path / "tls.key"),
        "CLIENT_CA_FILE": str(tmp_path / "ca.crt"),
        "HEALTH_BIND": f"127.0.0.1:{free_port()}",
    }
    context = client_context(CA.pem, tmp_path, CA.client())
    sent = hello(context)
    with Service(environment) as service:

        def connect() -> HTTPConnection:
            return HTTPSConnection(*service.address, context=context, timeout=PATIENCE_SECONDS)

        with closing(connect()) as kept:
            call(kept)
            with Strangers(service.address, 256, sent[: int(len(sent) * share)]):
                call_often(connect, kept)


@pytest.mark.parametrize(
    ("count", "sent"), [(600, b""), (1200, b"GET /heal")], ids=["silent", "unfinished"]
)
def test_probes(service: Service, count: int, sent: bytes) -> None:
    """Strangers on the probes' port fail no probe."""
    host, _, port = service.environment["HEALTH_BIND"].rpartition(":")
    with Strangers((host, int(port)), count, sent):
        for _ in range(CALLS):
            check_probe(service, "/healthz", 200)
            check_probe(service, "/readyz", 200)
            time.sleep(0.5)


def check_probe(service: Service, path: str, status: int) -> None:
    """Check the answer to a probe, which comes in time."""
    url = f"http://{service.environment['HEALTH_BIND']}{path}"
    assert requests.get(url, timeout=PROBE_SECONDS).status_code == status


def test_no_thread_is_free() -> None:
    """Without a free thread for 10 s the Pod is not ready, and still live."""
    health = f"127.0.0.1:{free_port()}"
    with Service({"HEALTH_BIND": health}, "tests.hanging:app") as service:
        check_probe(service, "/readyz", 200)
        with Strangers(service.address, THREADS, HEAD + b"\r\n"):
            eventually(lambda: check_probe(service, "/readyz", 503), 20)
            check_probe(service, "/healthz", 200)
            service.kill()


def test_no_file_descriptor_is_left() -> None:
    """Strangers that use up all file descriptors end no worker, and calls are answered."""
    with Service({}) as service:
        worker = service.worker_pid
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (64, 64))
        with Strangers(service.address, 100, b""):
            time.sleep(1)
            with closing(HTTPConnection(*service.address, timeout=PATIENCE_SECONDS)) as connection:
                call(connection)
        assert service.worker_pid == worker


@pytest.fixture
def unread_log(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, str]]:
    """Start a service, and fill the pipe of its log. Return its process, health bind and log."""
    file = tmp_path / "token"
    file.write_text("first\n")
    health = f"127.0.0.1:{free_port()}"
    environment = {"BIND": "127.0.0.1:0", "HOOK_TOKEN_FILE": str(file), "HEALTH_BIND": health}
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "hooks/gunicorn_conf.py"],
        cwd=ROOT,
        env=clean_environment() | environment,
        stderr=writer,
        start_new_session=True,
    )
    try:
        log = boot_log(reader)
        for _ in range(400):  # some 200 bytes each; the pipe takes 64 KiB
            call_once(log)
        yield process, health, log
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(reader)
        os.close(writer)


def call_once(log: str) -> None:
    """Call a hook at the address in *log*."""
    found = LISTENING.search(log)
    assert found is not None
    with closing(HTTPConnection(found[2], int(found[3]), timeout=3)) as connection:
        call(connection)


def test_nothing_reads_the_log(unread_log: tuple[subprocess.Popen[bytes], str, str]) -> None:
    """While nothing reads stderr, probes are answered, a dead worker is replaced, SIGTERM works."""
    process, health, log = unread_log
    for path in ("/healthz", "/readyz"):
        answer = requests.get(f"http://{health}{path}", timeout=PROBE_SECONDS)
        assert answer.status_code == 200
    os.kill(int(BOOTING.findall(log)[-1]), signal.SIGKILL)
    eventually(lambda: call_once(log), 10)
    process.terminate()
    assert process.wait(STOP_SECONDS) == 0


def boot_log(reader: int) -> str:
    """Return the log of a service until it has booted."""
    written = ""
    while "Probes at" not in written:
        written += os.read(reader, 4096).decode()
    return written
