"""Callers that send slowly, nothing, or a lot: hooks and probes are answered all the same."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
import requests

from hooks.server.body import MAX_BODY_BYTES, SMALL_BYTES
from tests.bench.bodies import encode
from tests.bounds_objects import account, binding, composite
from tests.client import Client, observed, service_account
from tests.e2e.process import free_port
from tests.emulator import Emulator
from tests.service import Service
from tests.test_manifests import CONTAINER

pytestmark = pytest.mark.process

HEAD = b"POST /sync HTTP/1.1\r\nHost: a\r\n"
EMOJI = "\N{GRINNING FACE}"
PATIENCE_SECONDS = 15
PROBE_SECONDS = 3  # of the readiness probe in metacontroller/deployment.yaml
MIB = 1024 * 1024
MEMORY_BYTES = int(CONTAINER["resources"]["limits"]["memory"].removesuffix("Mi")) * MIB


@pytest.fixture(scope="module")
def probed(running_emulator: Emulator) -> Iterator[tuple[Service, str]]:
    """Start a service of its own, with a listener for probes; return it and where that is."""
    health = f"127.0.0.1:{free_port()}"
    with Service(running_emulator.environment() | {"HEALTH_BIND": health}) as service:
        yield service, f"http://{health}/healthz"


@contextmanager
def callers(service: Service, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Open *count* connections that say *sent* and no more."""
    with ExitStack() as opened:
        made = [
            opened.enter_context(socket.create_connection(service.address)) for _ in range(count)
        ]
        for connection in made:
            connection.sendall(sent)
        yield made


def probe(url: str) -> int:
    """Return the status of a probe, which a kubelet waits for as long for."""
    return requests.get(url, timeout=PROBE_SECONDS).status_code


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "sent"),
    [
        pytest.param(200, b"", id="idle"),
        pytest.param(60, b"nonsense\r\n\r\n", id="nonsense"),
        pytest.param(60, HEAD, id="half-a-head"),
        pytest.param(60, HEAD + b"Content-Length: 100\r\n\r\n{", id="half-a-body"),
    ],
)
def test_many_that_wait(
    probed: tuple[Service, str], emulator: Emulator, count: int, sent: bytes
) -> None:
    """More callers than there are threads send no request, and stay: others are answered."""
    service, health = probed
    client = Client(service.url, emulator.acr_server)
    with callers(service, count, sent):
        assert probe(health) == 200
        response = requests.post(
            f"{service.url}/sync", json=observed(client.parent()), timeout=PATIENCE_SECONDS
        )
        assert response.status_code == 200
        assert probe(health) == 200


@pytest.mark.slow
def test_a_dribble_ends(probed: tuple[Service, str]) -> None:
    """A caller that sends a byte now and then is cut off, whatever it would send."""
    service, _ = probed
    with callers(service, 1, HEAD + b"Content-Length: 1000\r\n\r\n") as (caller,):
        caller.settimeout(0.2)
        deadline = time.monotonic() + PATIENCE_SECONDS
        answer = b"waiting"
        while answer == b"waiting":
            assert time.monotonic() < deadline
            answer = dribble(caller)
    assert not answer.startswith(b"HTTP/1.1 200")


def dribble(caller: socket.socket) -> bytes:
    """Send a byte; return what comes back, b"" where the connection is at its end."""
    try:
        caller.sendall(b" ")
        return caller.recv(100)
    except TimeoutError:
        return b"waiting"
    except OSError:  # reset
        return b""


@pytest.mark.slow
def test_answers_that_nobody_reads(probed: tuple[Service, str], emulator: Emulator) -> None:
    """More callers than there are threads read no more than a byte: others are answered."""
    service, _ = probed
    client = Client(service.url, emulator.acr_server)
    entries = ["x" * 200] * 20
    body = observed(client.parent(), *(service_account(f"a{n}", *entries) for n in range(600)))
    data = json.dumps(body).encode()
    with ExitStack() as opened:
        for _ in range(36):
            caller = opened.enter_context(socket.socket())
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            caller.connect(service.address)
            caller.settimeout(PATIENCE_SECONDS)
            caller.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(data) + data)
            assert caller.recv(1) == b"H"
        response = requests.post(
            f"{service.url}/customize", json=observed(client.parent()), timeout=PATIENCE_SECONDS
        )
    assert response.status_code == 200


def test_large_bodies_at_once(probed: tuple[Service, str]) -> None:
    """The memory suffices for the bodies that need the most memory, from several Namespaces."""
    service, health = probed
    sizes = [(0, MAX_BODY_BYTES), (0, MIB), (1, MAX_BODY_BYTES // 2), *[(2, SMALL_BYTES)] * 16]
    bodies = [empty_entries(f"team-{number}", size) for number, size in sizes]

    def send(body: bytes) -> set[int]:
        ending = time.monotonic() + 8
        statuses = set()
        with requests.Session() as session:
            while time.monotonic() < ending:
                response = session.post(f"{service.url}/sync", data=body, timeout=60)
                statuses.add(response.status_code)
                time.sleep(0.05 if response.status_code == 429 else 0)
        return statuses

    with ThreadPoolExecutor(len(bodies)) as pool:
        sending = [pool.submit(send, body) for body in bodies]
        while not all(future.done() for future in sending):
            assert probe(health) == 200
            time.sleep(0.1)
    assert set.union(*(future.result() for future in sending)) == {200, 429}
    assert service.peak_bytes() < MEMORY_BYTES * 2 / 3  # the rest is a margin


def empty_entries(namespace: str, size: int) -> bytes:
    """Return a body of *size* bytes with empty entries in `imagePullSecrets`, and an emoji.

    Decoded, an empty entry needs 24 times the memory of its text. Because of the emoji, each
    character of the text needs 4 bytes.
    """
    target = account()
    parent = binding(spec={"acrServer": "myregistry.azurecr.io"})
    parent["metadata"]["namespace"] = namespace
    text = encode(composite(parent, [target]) | {"x": EMOJI}).decode()
    body = text.replace(json.dumps(EMOJI), f'"{EMOJI}"').encode()
    entries = b",".join([b"{}"] * ((size - len(body)) // 6))  # among the children and the related
    body = body.replace(b'"imagePullSecrets":[]', b'"imagePullSecrets":[%s]' % entries)
    return body + b" " * (size - len(body))
