"""What each failure of Azure becomes: a reason, a remedy, a wait; by the front door."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from hooks.core.model import Reason
from tests.client import Client, Object, aged, child, observed, reason, service_account, token
from tests.emulator import (
    Emulator,
    Fault,
    acr_throttled,
    firewall,
    identity_not_found,
    imds_throttled,
    no_role,
    unknown_resource,
)
from tests.emulator.fault import Endpoint

# What Azure does, and where; the reason and the seconds to wait; a word of the remedy.
FAULTS: list[tuple[Reason, Endpoint, Fault, int, str]] = [
    (Reason.IDENTITY_NOT_FOUND, "imds", identity_not_found(), 5, "assign it"),
    (Reason.THROTTLED, "imds", imds_throttled(), 5, "throttling"),
    (Reason.AUDIENCE_REFUSED, "imds", unknown_resource(), 5, "TOKEN_AUDIENCE"),
    (Reason.IDENTITY_UNAVAILABLE, "imds", Fault(status=500), 5, "IMDS"),
    (Reason.IDENTITY_UNAVAILABLE, "imds", Fault(status=200, body=b"<html>"), 5, "IMDS"),
    (Reason.IDENTITY_UNAVAILABLE, "imds", Fault(reset=True), 5, "IMDS"),
    (Reason.REGISTRY_DENIED, "exchange", no_role(), 5, "Container Registry Repository Reader"),
    (Reason.REGISTRY_FIREWALL, "exchange", firewall(), 5, "outbound"),
    (Reason.THROTTLED, "exchange", acr_throttled(retry_after=42), 42, "throttling"),
    (Reason.REGISTRY_ERROR, "exchange", Fault(status=503), 5, "HTTP 503"),
    (Reason.MALFORMED_TOKEN, "exchange", Fault(token="not.a.jwt"), 5, "no usable token"),
]


def ready_message(answer: Object) -> str:
    """Return the message of the condition Ready."""
    (found,) = (c for c in answer["status"]["conditions"] if c["type"] == "Ready")
    return str(found["message"])


@pytest.mark.parametrize(
    "row", FAULTS, ids=[f"{row[1]}-{row[0]}-{n}" for n, row in enumerate(FAULTS)]
)
def test_first_token_fails(
    client: Client, emulator: Emulator, row: tuple[Reason, Endpoint, Fault, int, str]
) -> None:
    """Without a token yet, the status says why and what to do, and it is tried again."""
    cause, endpoint, fault, wait, remedy = row
    emulator.faults.add(endpoint, fault)
    account = service_account("default", "zeta", owner="app")
    answer = client.sync(observed(client.parent(), account))
    assert reason(answer) == f"False/{cause}"
    assert reason(answer, "Refreshing") == f"False/{cause}"
    assert remedy in ready_message(answer)
    assert answer["resyncAfterSeconds"] == wait
    assert [c["kind"] for c in answer["children"]] == ["ServiceAccount"]


@pytest.mark.parametrize(
    ("scope", "fault", "cause"),
    [
        ("repository:a:pull", Fault(status=401), Reason.REGISTRY_DENIED),
        ("repository:b:pull", Fault(status=400), Reason.SCOPE_REFUSED),
    ],
)
def test_scope_refused(
    client: Client, emulator: Emulator, scope: str, fault: Fault, cause: Reason
) -> None:
    """A scope that the identity may not have is told as such."""
    emulator.faults.add("token", fault)
    answer = client.sync(observed(client.parent(scope=scope)))
    assert reason(answer) == f"False/{cause}"


def test_scope_not_granted(client: Client, emulator: Emulator) -> None:
    """A token for less than was asked is better than none; the message says what is missing."""
    emulator.grant = lambda _, scope: set(scope.actions) - {"push"}
    parent = client.parent(scope="repository:a:pull,push")
    first = client.sync(observed(parent))
    assert reason(first) == "False/ScopeNotGranted"
    assert "not push on a;" in ready_message(first)
    assert child(first, "Secret")
    again = client.sync(observed(parent, answer=first))
    assert (again["status"], child(again, "Secret")) == (first["status"], child(first, "Secret"))
    emulator.grant = lambda _, scope: scope.actions
    answer = client.sync(observed(client.parent(scope="repository:a:pull")))
    assert reason(answer, "TokenFresh") == "True/TokenValid"


def test_unknown_registry(client: Client) -> None:
    """A name that no registry has is told from one that can't be reached."""
    answer = client.sync(observed(client.parent(acrServer="no-such-registry.azurecr.io")))
    assert reason(answer) == "False/RegistryNotFound"
    assert "has no address" in ready_message(answer)


@pytest.mark.parametrize("make_fault", [no_role, lambda: Fault(status=500)])
def test_repeated_failure(
    client: Client, emulator: Emulator, make_fault: Callable[[], Fault]
) -> None:
    """The same failure again changes no status, whatever ids and times Azure puts into it."""
    first = aged(client.sync(observed(client.parent())), 10800 - 600)
    emulator.faults.add("exchange", make_fault())
    answer = client.sync(observed(client.parent(), answer=first))
    failing = answer["status"]
    for _ in range(20):
        answer = client.sync(observed(client.parent(), answer=answer))
        assert answer["status"] == failing
    assert reason(answer, "TokenFresh") == "True/RefreshFailing"
    assert token(answer) == token(first)
    assert emulator.count("exchange") == 2


def test_broken_identity(client: Client, emulator: Emulator) -> None:
    """However many bindings have an identity that is broken, IMDS is asked once in 5 s."""
    emulator.faults.add("imds", identity_not_found())
    servers = emulator.acr_servers

    def ask(number: int) -> str:
        spec = {"acrServer": servers[number % 9], "scope": f"repository:r{number}:pull"}
        return reason(client.sync(observed(client.parent(f"app-{number}", **spec))))

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(100))) == {"False/IdentityNotFound"}
    assert emulator.count("imds") == 1


def test_dead_registry(client: Client, emulator: Emulator) -> None:
    """Bindings to a registry that hangs delay no others; past a few, callers are sent away."""
    dead, alive = emulator.acr_servers[1], emulator.acr_servers[0]
    emulator.faults.add("exchange", Fault(delay=20, host=dead))

    def ask(server: str, number: int = 0) -> requests.Response:
        caller = Client(client.url, server)  # with an identity of its own
        return caller.post("/sync", observed(caller.parent(f"app-{number}")))

    with ThreadPoolExecutor(20) as pool:
        first = [pool.submit(ask, dead, number) for number in range(12)]
        time.sleep(2.5)  # until it is known to be slow
        more = [ask(dead, number) for number in range(12, 15)]
        answer = ask(alive)
        overtaken = not any(future.done() for future in first)
        outcomes = {future.result().status_code for future in first}
    assert [(r.status_code, r.headers["Retry-After"]) for r in more] == [(429, "2")] * 3
    assert dead in more[0].json()["error"]
    assert reason(answer.json(), "TokenFresh") == "True/TokenValid"
    assert overtaken
    assert outcomes == {200}


def test_slow_imds(client: Client, emulator: Emulator) -> None:
    """Many requests of one identity that IMDS does not answer are all answered in time."""
    emulator.faults.add("imds", Fault(delay=20))
    answers: list[Object] = []
    started = time.monotonic()

    def ask(number: int) -> None:
        spec = {"scope": f"repository:r{number}:pull"}
        answers.append(client.sync(observed(client.parent(**spec))))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started < 8
    assert {reason(answer) for answer in answers} <= {"False/IdentityUnavailable", "False/Timeout"}
    assert len(answers) == 8
