"""A Namespace with many slow or large requests leaves room for the other Namespaces."""

import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
import requests

from hooks.mint.minter import SHARED_WAITING
from hooks.server.body import MAX_BODY_BYTES, SMALL_BYTES
from tests import fleet
from tests.client import NAMESPACE_UID, Client, Object, observed, reason, service_account, token
from tests.e2e.eventually import eventually
from tests.emulator import Emulator, Fault
from tests.service import Service

pytestmark = pytest.mark.process

THREADS = 32  # of hooks/gunicorn_conf.py
GREEDY = 8  # callers of greedy Namespaces
MOST_CALLS = 8  # without turns, more calls are rejected


def new_request(
    client: Client, namespace: str, number: int = 0, server: str = "", kib: int = 0
) -> Object:
    """Return the body for a binding of *namespace*, with ServiceAccounts of about *kib*."""
    caller = Client(client.url, server or client.server)  # has an identity of its own
    parent = caller.parent(f"app-{number}")
    parent["metadata"]["namespace"] = namespace
    accounts = (service_account(f"a{n}", "x" * 63 * 15) for n in range(kib))
    body = observed(parent, *accounts)
    for account in body["related"]["ServiceAccount.v1"].values():
        account["metadata"]["namespace"] = namespace
    meta = {"name": namespace, "uid": NAMESPACE_UID}
    return {
        **body,
        "children": {},
        "related": {**body["related"], "Namespace.v1": {"n": {"metadata": meta}}},
    }


def send(client: Client, body: Object) -> requests.Response:
    """Return the response to *body*."""
    return client.post("/sync", body)


@contextmanager
def greedy(client: Client, emulator: Emulator) -> Iterator[list[Future[requests.Response]]]:
    """Send requests of Namespace greedy to registries that do not respond, until these wait."""
    *dead, _alive = emulator.acr_servers[1:]
    for server in dead:
        emulator.faults.add("exchange", Fault(delay=20, host=server))
    bodies = [new_request(client, "greedy", n, dead[n % len(dead)]) for n in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        sent = [pool.submit(send, client, body) for body in bodies]

        def all_wait_or_are_rejected() -> None:
            rejected = sum(future.done() for future in sent)
            assert emulator.count("imds") + rejected == len(sent)

        eventually(all_wait_or_are_rejected)
        yield sent


@pytest.mark.slow
def test_slow_registries(client: Client, emulator: Emulator) -> None:
    """Each other Namespace gets its token at once, and none is rejected."""
    with greedy(client, emulator) as sent:
        others = [send(client, new_request(client, f"team-{n}", n)) for n in range(20)]
        waiting = sum(not future.done() for future in sent)
    assert [response.status_code for response in others] == [200] * len(others)
    assert all(token(response.json()) for response in others)
    assert waiting == SHARED_WAITING
    statuses = [future.result().status_code for future in sent]
    assert statuses.count(429) == len(sent) - SHARED_WAITING


@pytest.mark.slow
@pytest.mark.parametrize("kib", [2000, 4000])
@pytest.mark.parametrize("count", [1, 4])
def test_large_bodies(client: Client, emulator: Emulator, kib: int, count: int) -> None:
    """Each large call of another Namespace has its turn while *count* Namespaces are greedy."""
    *dead, alive = emulator.acr_servers[1:]
    for server in dead:
        emulator.faults.add("exchange", Fault(delay=20, host=server))
    large = [
        json.dumps(new_request(client, f"greedy-{number % count}", number, dead[0], 7500)).encode()
        for number in range(GREEDY)
    ]
    leaving = threading.Event()
    with ThreadPoolExecutor(GREEDY) as pool:
        # A call of /sync waits for its registry, and a call of /customize for no other service.
        greedy = [
            pool.submit(send_until, client, path, body, leaving)
            for body, path in zip(large, itertools.cycle(("/sync", "/customize")))
        ]
        try:
            time.sleep(1)
            for number in range(3):
                assert is_served(client, new_request(client, "team-a", number, alive, kib))
        finally:
            leaving.set()
    assert all(future.result() for future in greedy)


def send_until(client: Client, path: str, body: bytes, leaving: threading.Event) -> int:
    """Send *body* to *path* until *leaving*, as Metacontroller does; return the number of calls."""
    for calls in itertools.count():
        if leaving.is_set():
            return calls
        response = client.post(path, body)
        leaving.wait(float(response.headers.get("Retry-After", 0)))
    raise AssertionError


def is_served(client: Client, body: Object) -> bool:
    """True if *body* gets a token within `MOST_CALLS` calls, with the retries of Metacontroller."""
    for _ in range(MOST_CALLS):
        response = client.post("/sync", body)
        if response.status_code == 200:
            return bool(token(response.json()))
        time.sleep(float(response.headers["Retry-After"]))
    return False


@pytest.mark.slow
def test_large_body_does_not_wait(client: Client, emulator: Emulator) -> None:
    """A large call leaves before its token is there, because a waiting call keeps its memory."""
    emulator.faults.add("exchange", Fault(delay=1))
    body = new_request(client, "team-a", kib=100)
    response = send(client, body)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "2")
    assert "large call does not wait" in response.json()["error"]
    time.sleep(2)
    assert token(send(client, body).json())
    assert emulator.count("exchange") == 1


def test_large_object(client: Client, service: Service) -> None:
    """A ServiceAccount too large to find its Namespace delays no ClusterACRPullBinding."""
    head = b"POST /serviceaccount/sync HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
    begin = b'{"object":{"metadata":{"annotations":{"a":"' + b"x" * SMALL_BYTES
    names = [f"team-{number}" for number in range(700)]
    body = fleet.new_body(fleet.parent(), names, map(fleet.member, names))
    with socket.create_connection(service.address) as caller:
        caller.sendall(head % MAX_BODY_BYTES + begin)
        time.sleep(0.5)
        assert client.post("/clusterbinding/sync", body).status_code == 200


@pytest.mark.slow
def test_caller_that_left(client: Client, emulator: Emulator, service: Service) -> None:
    """A request whose caller left while all threads were busy is dropped before any work."""
    head = b"POST /sync HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
    data = json.dumps(new_request(client, "team-a")).encode()
    stays = new_request(client, "team-b")
    with ExitStack() as opened, ThreadPoolExecutor(1) as pool:
        for _ in range(THREADS):
            busy = opened.enter_context(socket.create_connection(service.address))
            busy.sendall(head % 100 + b"{")
        time.sleep(0.5)
        left = socket.create_connection(service.address)
        left.sendall(head % len(data) + data)
        staying = pool.submit(send, client, stays)
        time.sleep(0.5)
        left.close()
        assert staying.result().status_code == 200
    assert reason(staying.result().json()) == "False/WritingSecret"
    assert emulator.count("imds") == 1
