"""How the minter shares and remembers outcomes, with fake clocks and a fake exchange."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from hooks.budget import TOKEN_WAIT_SECONDS
from hooks.core.errors import Busy
from hooks.core.model.identity import Identity
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, MintFailed, Outcome, PartialGrant, TokenRequest
from hooks.core.refresh import FAILURE_SECONDS
from hooks.mint.minter import FEW_WAITING, MAX_OUTCOMES, MAX_WAITING, SHARED_WAITING, Minter
from tests.core.builders import FAILED, HOUR, NOW, REQUEST, SECOND, new_token
from tests.e2e.eventually import eventually

HALF_HOUR = timedelta(minutes=30)


@dataclass
class FakeExchange:
    """Returns *outcome* or, without *outcome*, a token that is valid for 3 hours from *now*.

    *seconds* is the time of the monotonic clock.
    """

    now: datetime = NOW
    seconds: float = 0
    outcome: PartialGrant | MintFailed | None = None
    calls: int = 0
    slow: frozenset[str] = frozenset({REQUEST.server})
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Open the gate."""
        self.gate.set()

    def __call__(self, request: TokenRequest) -> Outcome:
        """Return an outcome; for a slow server, wait for the gate."""
        self.calls += 1
        if request.server in self.slow:
            self.gate.wait(TOKEN_WAIT_SECONDS + 1)
        return self.outcome or new_token(self.now, self.now + 3 * HOUR)

    def minter(self) -> Minter:
        """Return a minter with this exchange and these clocks."""
        return Minter(self, lambda: self.now, HALF_HOUR, lambda: self.seconds)


def test_remembered_until_due() -> None:
    """A token is shared until it is due for renewal."""
    exchange = FakeExchange()
    mint = exchange.minter()
    first = mint(REQUEST, None, "a")
    exchange.now += 2.5 * HOUR - SECOND
    assert mint(REQUEST, None, "a") == first
    exchange.now += SECOND
    assert mint(REQUEST, None, "a") != first
    assert exchange.calls == 2


def test_newer_than() -> None:
    """A binding that has lost a token gets a newer token."""
    exchange = FakeExchange()
    mint = exchange.minter()
    mint(REQUEST, None, "a")
    mint(REQUEST, NOW - SECOND, "a")
    assert exchange.calls == 1
    mint(REQUEST, NOW, "a")
    assert exchange.calls == 2


def test_failure_is_remembered_briefly() -> None:
    """A failure is shared for some seconds, so that many bindings send one request."""
    exchange = FakeExchange(outcome=FAILED)
    mint = exchange.minter()
    assert mint(REQUEST, None, "a") == mint(REQUEST, None, "a") == FAILED
    assert exchange.calls == 1
    exchange.seconds += FAILURE_SECONDS
    exchange.outcome = None
    assert isinstance(mint(REQUEST, None, "a"), AcrToken)


def test_requests_do_not_mix() -> None:
    """Each identity, server, scope and audience has its own token."""
    exchange = FakeExchange()
    mint = exchange.minter()
    mint(REQUEST, None, "a")
    mint(replace(REQUEST, server="x.azurecr.io"), None, "a")
    mint(replace(REQUEST, scope="repository:a:pull"), None, "a")
    mint(replace(REQUEST, audience="y"), None, "a")
    mint(replace(REQUEST, identity=Identity(client_id="z")), None, "a")
    assert exchange.calls == 5


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
    """Equal requests at the same time share one exchange, even if the exchange fails."""
    exchange = FakeExchange(outcome=FAILED)
    mint = exchange.minter()
    exchange.gate.clear()
    threading.Timer(0.2, exchange.gate.set).start()
    assert in_threads(SHARED_WAITING, lambda: mint(REQUEST, None, "a")) == [FAILED] * SHARED_WAITING
    assert exchange.calls == 1


def test_one_request_does_not_delay_another() -> None:
    """While one request hangs, other requests get tokens."""
    exchange = FakeExchange()
    mint = exchange.minter()
    exchange.gate.clear()
    waiting = threading.Thread(target=mint, args=(REQUEST, None, "a"))
    waiting.start()
    assert isinstance(mint(replace(REQUEST, server="other.azurecr.io"), None, "a"), AcrToken)
    assert waiting.is_alive()
    exchange.gate.set()
    waiting.join(5)
    assert not waiting.is_alive()


def test_wait_that_azure_asked_for() -> None:
    """A later request gets the rest of the wait; after five minutes Azure is called again."""
    exchange = FakeExchange(outcome=MintFailed(Reason.THROTTLED, "later", 3600))
    mint = exchange.minter()
    assert mint(REQUEST, None, "a") == exchange.outcome
    exchange.seconds += 299
    assert mint(REQUEST, None, "a") == MintFailed(Reason.THROTTLED, "later", 3301)
    assert exchange.calls == 1
    exchange.seconds += 1
    mint(REQUEST, None, "a")
    assert exchange.calls == 2


def test_too_many_wait() -> None:
    """If `MAX_WAITING` callers wait, the next caller is rejected at once, in any Namespace."""
    exchange = FakeExchange()
    mint = exchange.minter()
    exchange.gate.clear()
    waiting = [
        threading.Thread(
            target=mint,
            args=(replace(REQUEST, scope=str(number)), None, str(number // FEW_WAITING)),
        )
        for number in range(MAX_WAITING)
    ]

    def all_wait() -> None:
        assert exchange.calls == MAX_WAITING

    for thread in waiting:
        thread.start()
    eventually(all_wait)
    with pytest.raises(Busy):
        mint(replace(REQUEST, server="other.azurecr.io"), None, "a")
    exchange.gate.set()
    for thread in waiting:
        thread.join()
    assert isinstance(mint(replace(REQUEST, server="other.azurecr.io"), None, "a"), AcrToken)


def test_a_place_until_azure_responds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request keeps its Namespace's place until it ends, even if the caller has given up."""
    monkeypatch.setattr("hooks.mint.minter.TOKEN_WAIT_SECONDS", 0.0)
    exchange = FakeExchange()
    mint = exchange.minter()
    exchange.gate.clear()
    for number in range(SHARED_WAITING):
        outcome = mint(replace(REQUEST, scope=str(number)), None, "a")
        assert isinstance(outcome, MintFailed)
        assert outcome.reason is Reason.TIMEOUT
    with pytest.raises(Busy, match='"a"'):
        mint(REQUEST, None, "a")
    exchange.gate.set()

    def is_free_again() -> None:
        with suppress(Busy):
            mint(REQUEST, None, "a")
        assert exchange.calls == SHARED_WAITING + 1

    eventually(is_free_again)


def test_without_waiting() -> None:
    """A large call does not wait. The token is there for the next call."""
    exchange = FakeExchange()
    mint = exchange.minter()
    exchange.gate.clear()
    for _ in range(2):
        with pytest.raises(Busy, match="large call does not wait"):
            mint.without_waiting(REQUEST, None, "a")
    exchange.gate.set()

    def outcome() -> object:
        with suppress(Busy):
            return mint.without_waiting(REQUEST, None, "a")
        raise AssertionError

    assert isinstance(eventually(outcome), AcrToken)
    assert exchange.calls == 1


def test_token_that_is_due_at_once() -> None:
    """A token that is due at once is a failure, because its renewal would never end."""
    exchange = FakeExchange()
    mint = Minter(exchange, lambda: NOW + 2.5 * HOUR, HALF_HOUR)
    outcome = mint(REQUEST, None, "a")
    assert isinstance(outcome, MintFailed)
    assert outcome.reason is Reason.CLOCK_SKEW


def test_memory_is_bounded() -> None:
    """The oldest outcome is forgotten first."""
    exchange = FakeExchange()
    mint = exchange.minter()
    for number in range(MAX_OUTCOMES + 1):
        mint(replace(REQUEST, scope=str(number)), None, "a")
    mint(replace(REQUEST, scope=str(MAX_OUTCOMES)), None, "a")
    assert exchange.calls == MAX_OUTCOMES + 1
    mint(replace(REQUEST, scope="0"), None, "a")
    assert exchange.calls == MAX_OUTCOMES + 2


def test_partial_token_is_checked() -> None:
    """The times of a partial token are checked too."""
    old = new_token(NOW - 3 * HOUR, NOW + SECOND)
    exchange = FakeExchange(
        outcome=PartialGrant(old, MintFailed(Reason.SCOPE_NOT_GRANTED, "not pull on b"))
    )
    outcome = exchange.minter()(REQUEST, None, "a")
    assert isinstance(outcome, MintFailed)
    assert outcome.reason == Reason.CLOCK_SKEW
