"""A Namespace with many slow or large requests leaves room for the other Namespaces."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
import requests

from hooks.mint.minter import SHARED_WAITING
from tests.client import NAMESPACE_UID, Client, Object, observed, reason, service_account, token
from tests.e2e.eventually import eventually
from tests.emulator import Emulator, Fault
from tests.service import Service

pytestmark = pytest.mark.process

THREADS = 32  # of hooks/gunicorn_conf.py


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
def greedy(
    client: Client, emulator: Emulator, kib: int = 0
) -> Iterator[list[Future[requests.Response]]]:
    """Send requests of Namespace greedy to registries that do not respond, until these wait."""
    *dead, _alive = emulator.acr_servers[1:]
    for server in dead:
        emulator.faults.add("exchange", Fault(delay=20, host=server))
    bodies = [new_request(client, "greedy", n, dead[n % len(dead)], kib) for n in range(THREADS)]
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
def test_large_bodies(client: Client, emulator: Emulator) -> None:
    """Large bodies that are at work leave room for the bodies of other Namespaces."""
    with greedy(client, emulator, kib=600) as sent:
        others = [
            send(client, new_request(client, f"team-{n}", n, kib=800)).status_code for n in range(5)
        ]
        waiting = sum(not future.done() for future in sent)
    assert others == [200] * len(others)
    assert 0 < waiting < len(sent)
    assert {future.result().status_code for future in sent} == {200, 429}


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
