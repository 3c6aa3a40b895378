"""How outcomes are shared and remembered; the clocks and the source are the test's."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from hooks.core.errors import Busy
from hooks.core.model.identity import Identity
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, MintFailed, TokenRequest
from hooks.core.refresh import FAILURE_SECONDS
from hooks.mint.minter import (
    DEADLINE_SECONDS,
    FEW_WAITING,
    MAX_REMEMBERED,
    MAX_WAITING,
    SHARED_WAITING,
    Minter,
)
from tests.core.builders import FAILED, HOUR, NOW, REQUEST, SECOND, new_token
from tests.e2e.eventually import eventually

HALF_HOUR = timedelta(minutes=30)


@dataclass
class Source:
    """Tokens of 3 hours from the clock's time on, or a failure; both can be set.

    *seconds* is the time of the monotonic clock.
    """

    now: datetime = NOW
    seconds: float = 0
    outcome: MintFailed | None = None
    calls: int = 0
    slow: frozenset[str] = frozenset({REQUEST.server})
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Let calls through."""
        self.gate.set()

    def __call__(self, request: TokenRequest) -> AcrToken | MintFailed:
        """Return an outcome; for a slow server, once the gate is open."""
        self.calls += 1
        if request.server in self.slow:
            self.gate.wait(DEADLINE_SECONDS + 1)
        return self.outcome or new_token(self.now, self.now + 3 * HOUR)

    def minter(self) -> Minter:
        """Return a minter of these tokens."""
        return Minter(self, lambda: self.now, HALF_HOUR, lambda: self.seconds)


def test_remembered_until_due() -> None:
    """A token serves until it is due for renewal."""
    source = Source()
    mint = source.minter()
    first = mint(REQUEST, None, "a")
    source.now += 2.5 * HOUR - SECOND
    assert mint(REQUEST, None, "a") == first
    source.now += SECOND
    assert mint(REQUEST, None, "a") != first
    assert source.calls == 2


def test_newer_than() -> None:
    """Who has seen a token and lost it gets another one."""
    source = Source()
    mint = source.minter()
    mint(REQUEST, None, "a")
    mint(REQUEST, NOW - SECOND, "a")
    assert source.calls == 1
    mint(REQUEST, NOW, "a")
    assert source.calls == 2


def test_failure_is_remembered_briefly() -> None:
    """A failure serves for some seconds, so that many bindings do not hammer."""
    source = Source(outcome=FAILED)
    mint = source.minter()
    assert mint(REQUEST, None, "a") == mint(REQUEST, None, "a") == FAILED
    assert source.calls == 1
    source.seconds += FAILURE_SECONDS
    source.outcome = None
    assert isinstance(mint(REQUEST, None, "a"), AcrToken)


def test_requests_do_not_mix() -> None:
    """Another identity, server, scope or audience is another token."""
    source = Source()
    mint = source.minter()
    mint(REQUEST, None, "a")
    mint(replace(REQUEST, server="x.azurecr.io"), None, "a")
    mint(replace(REQUEST, scope="repository:a:pull"), None, "a")
    mint(replace(REQUEST, audience="y"), None, "a")
    mint(replace(REQUEST, identity=Identity(client_id="z")), None, "a")
    assert source.calls == 5


def in_threads(count: int, work: Callable[[], object]) -> list[object]:
    """Return what *work* returned in each of *count* threads at once."""
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(work())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_single_flight() -> None:
    """Many at once make one call, of a failure too."""
    source = Source(outcome=FAILED)
    mint = source.minter()
    source.gate.clear()
    threading.Timer(0.2, source.gate.set).start()
    assert in_threads(SHARED_WAITING, lambda: mint(REQUEST, None, "a")) == [FAILED] * SHARED_WAITING
    assert source.calls == 1


def test_one_request_does_not_delay_another() -> None:
    """While one request hangs, others are answered."""
    source = Source()
    mint = source.minter()
    source.gate.clear()
    waiting = threading.Thread(target=mint, args=(REQUEST, None, "a"))
    waiting.start()
    assert isinstance(mint(replace(REQUEST, server="other.azurecr.io"), None, "a"), AcrToken)
    assert waiting.is_alive()
    source.gate.set()
    waiting.join(5)
    assert not waiting.is_alive()


def test_wait_that_azure_asked_for() -> None:
    """Who hears of it later waits for what is left; past five minutes it is tried all the same."""
    source = Source(outcome=MintFailed(Reason.THROTTLED, "later", 3600))
    mint = source.minter()
    assert mint(REQUEST, None, "a") == source.outcome
    source.seconds += 299
    assert mint(REQUEST, None, "a") == MintFailed(Reason.THROTTLED, "later", 3301)
    assert source.calls == 1
    source.seconds += 1
    mint(REQUEST, None, "a")
    assert source.calls == 2


def test_too_many_wait() -> None:
    """If so many callers wait, the next caller is rejected at once, whatever its Namespace."""
    source = Source()
    mint = source.minter()
    source.gate.clear()
    waiting = [
        threading.Thread(
            target=mint,
            args=(replace(REQUEST, scope=str(number)), None, str(number // FEW_WAITING)),
        )
        for number in range(MAX_WAITING)
    ]

    def all_wait() -> None:
        assert source.calls == MAX_WAITING

    for thread in waiting:
        thread.start()
    eventually(all_wait)
    with pytest.raises(Busy):
        mint(replace(REQUEST, server="other.azurecr.io"), None, "a")
    source.gate.set()
    for thread in waiting:
        thread.join()
    assert isinstance(mint(replace(REQUEST, server="other.azurecr.io"), None, "a"), AcrToken)


def test_a_place_until_azure_responds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request keeps its Namespace's place until it ends, even if the caller has given up."""
    monkeypatch.setattr("hooks.mint.minter.DEADLINE_SECONDS", 0.0)
    source = Source()
    mint = source.minter()
    source.gate.clear()
    for number in range(SHARED_WAITING):
        outcome = mint(replace(REQUEST, scope=str(number)), None, "a")
        assert isinstance(outcome, MintFailed)
        assert outcome.reason is Reason.TIMEOUT
    with pytest.raises(Busy, match='"a"'):
        mint(REQUEST, None, "a")
    source.gate.set()

    def is_free_again() -> None:
        with suppress(Busy):
            mint(REQUEST, None, "a")
        assert source.calls == SHARED_WAITING + 1

    eventually(is_free_again)


def test_token_that_is_due_at_once() -> None:
    """A token that would be renewed without end is a failure, and says whose clock is wrong."""
    source = Source()
    mint = Minter(source, lambda: NOW + 2.5 * HOUR, HALF_HOUR)
    outcome = mint(REQUEST, None, "a")
    assert isinstance(outcome, MintFailed)
    assert outcome.reason is Reason.CLOCK_SKEW


def test_memory_is_bounded() -> None:
    """The oldest outcome is forgotten first."""
    source = Source()
    mint = source.minter()
    for number in range(MAX_REMEMBERED + 1):
        mint(replace(REQUEST, scope=str(number)), None, "a")
    mint(replace(REQUEST, scope=str(MAX_REMEMBERED)), None, "a")
    assert source.calls == MAX_REMEMBERED + 1
    mint(replace(REQUEST, scope="0"), None, "a")
    assert source.calls == MAX_REMEMBERED + 2


def test_partial_token_is_checked() -> None:
    """A token that comes with a failure is judged by the clock as well."""
    old = new_token(NOW - 3 * HOUR, NOW + SECOND)
    source = Source(outcome=MintFailed(Reason.SCOPE_NOT_GRANTED, "not pull on b", token=old))
    outcome = source.minter()(REQUEST, None, "a")
    assert isinstance(outcome, MintFailed)
    assert (outcome.reason, outcome.token) == (Reason.CLOCK_SKEW, None)
