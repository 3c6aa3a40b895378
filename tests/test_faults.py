"""Failures that last or that many meet at once: nobody is hammered, and nobody waits for others."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from hooks.budget import REGISTRY_SLOW_AFTER_SECONDS
from hooks.limits import SlowPeerLimit
from tests.client import Client, Object, child, observed, reason, token
from tests.e2e.eventually import eventually
from tests.emulator import (
    Emulator,
    Fault,
    acr_throttled,
    firewall,
    identity_not_found,
    no_role,
)


def test_scope_not_granted(client: Client, emulator: Emulator) -> None:
    """A token for less than was asked is better than none; the message says what is missing."""
    emulator.grant = lambda _, scope: set(scope.actions) - {"push"}
    parent = client.parent(scope="repository:a:pull,push")
    first = client.sync(observed(parent))
    assert reason(first) == "False/ScopeNotGranted"
    assert child(first, "Secret")
    again = client.sync(observed(parent, answer=first))
    assert again["status"]["conditions"] == first["status"]["conditions"]
    assert child(again, "Secret") == child(first, "Secret")
    emulator.grant = lambda _, scope: scope.actions
    answer = client.settle(observed(client.parent(scope="repository:a:pull")))
    assert reason(answer, "TokenFresh") == "True/TokenValid"


@pytest.mark.parametrize("make_fault", [no_role, lambda: Fault(status=500)])
def test_repeated_failure(
    client: Client, emulator: Emulator, make_fault: Callable[[], Fault]
) -> None:
    """The same failure again changes no status, and asks nobody while it is fresh."""
    first = client.old(600)
    emulator.faults.add("exchange", make_fault())
    answer = client.sync(observed(client.parent(), answer=first))
    failing = answer["status"]
    for _ in range(20):
        answer = client.sync(observed(client.parent(), answer=answer))
        assert answer["status"] == failing
    assert reason(answer, "TokenFresh") == "True/RefreshFailing"
    assert token(answer) == token(first)
    assert emulator.count("exchange") == 1


@pytest.mark.parametrize("make_fault", [no_role, firewall, acr_throttled])
def test_repeated_refusal(
    client: Client, emulator: Emulator, make_fault: Callable[[], Fault]
) -> None:
    """Twenty refusals, each with ids and times of Azure's own, are one status, written once."""
    emulator.faults.add("exchange", make_fault())
    answer = client.settle(observed(client.parent()))
    failing = answer["status"]
    for number in range(20):
        # Other inputs, which the service does not remember; they are in no message.
        parent = client.parent(scope=f"repository:app{number}:pull")
        answer = client.sync(observed(parent, answer=answer))
        assert answer["status"] == failing
    assert emulator.count("exchange") == 21


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


def _check_count(emulator: Emulator, exchanges: int) -> None:
    assert emulator.count("exchange") == exchanges


@pytest.mark.slow
def test_dead_registry(client: Client, emulator: Emulator) -> None:
    """Bindings to a registry that hangs delay no others; past a few, callers are sent away."""
    dead, alive = emulator.acr_servers[1], emulator.acr_servers[0]
    # Each byte is in time, so only the hard deadline ends a request.
    emulator.faults.add("exchange", Fault(dribble=0.5, host=dead))

    def ask(server: str, number: int = 0) -> requests.Response:
        caller = Client(client.url, server, client.client_id)  # all share one identity
        parent = caller.parent(f"app-{number}", scope=f"repository:r{number}:pull")
        return caller.post("/sync", observed(parent))

    with ThreadPoolExecutor(20) as pool:
        # Few callers: on a busy machine, the last of many would come when the registry is slow.
        first = [pool.submit(ask, dead, number) for number in range(SlowPeerLimit.MAX_CALLERS)]
        eventually(lambda: _check_count(emulator, len(first)))
        time.sleep(REGISTRY_SLOW_AFTER_SECONDS + 0.3)  # slow, and long before the deadline
        more = [ask(dead, number) for number in range(12, 15)]
        answer = ask(alive)
        overtaken = not any(future.done() for future in first)
        outcomes = {future.result().status_code for future in first}
    assert [(r.status_code, r.headers["Retry-After"]) for r in more] == [(429, "2")] * 3
    assert dead in more[0].json()["error"]
    assert token(answer.json())
    assert overtaken
    assert outcomes == {200}


@pytest.mark.slow
def test_imds_that_hangs(client: Client, emulator: Emulator) -> None:
    """IMDS that does not answer is given up as such, long before the caller is."""
    emulator.faults.add("imds", Fault(delay=20))
    answer = client.sync(observed(client.parent()))
    assert reason(answer) == "False/IdentityUnavailable"


@pytest.mark.slow
def test_slow_imds(client: Client, emulator: Emulator) -> None:
    """Many requests of one identity that IMDS does not answer are all answered in time."""
    emulator.faults.add("imds", Fault(delay=20))
    answers: list[Object] = []

    def ask(number: int) -> None:
        spec = {"scope": f"repository:r{number}:pull"}
        answers.append(client.sync(observed(client.parent(**spec))))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {reason(answer) for answer in answers} <= {"False/IdentityUnavailable", "False/Timeout"}
    assert len(answers) == 8
