"""How many callers each limit accepts, how fast, and which callers are rejected."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import pytest

from hooks.core.errors import Busy
from hooks.limits import Bulkhead, FairShare, RateLimiter, SlowPeerLimit
from tests.e2e.eventually import eventually


def soon() -> float:
    """Return a time for `start_by` that is enough for a free place and short enough to wait for."""
    return time.monotonic() + 0.3


def test_places() -> None:
    """A caller without a place waits for a free place until `start_by`."""
    limiter = RateLimiter(2, 0)
    with limiter.turn(soon()):
        with limiter.turn(soon()), pytest.raises(TimeoutError), limiter.turn(soon()):
            pytest.fail("a third place")
        with limiter.turn(soon()):
            pass


def test_pace() -> None:
    """Turns have a minimum distance."""
    limiter = RateLimiter(5, 0.2)
    begin = time.monotonic()
    for turn in range(3):
        with limiter.turn(begin + 60):
            assert time.monotonic() - begin >= turn * 0.2


def test_no_turn_in_time() -> None:
    """No turn comes after `start_by`, and a caller without a turn takes no place."""
    limiter = RateLimiter(1, 2)
    with limiter.turn(soon()):
        pass
    with pytest.raises(TimeoutError), limiter.turn(soon()):
        pytest.fail("too early")
    with limiter.turn(time.monotonic() + 60):
        pass


@pytest.mark.parametrize(
    ("taken", "namespace", "refused"),
    [
        pytest.param("a" * 7, "a", None, id="one-alone"),
        pytest.param("a" * 8, "a", 'Too much, 8 of them from Namespace "a".', id="one-has-most"),
        pytest.param("a" * 8, "b", None, id="another-has-none"),
        pytest.param("a" * 8 + "b", "b", None, id="another-has-few"),
        pytest.param("aaaaaaaabb", "b", 'Too much, 2 of them from Namespace "b".', id="no-more"),
        pytest.param("aaaaaaaabbcc", "d", "Too much.", id="none-left"),
    ],
)
def test_bulkhead(taken: str, namespace: str, refused: str | None) -> None:
    """Of 12 places, a single Namespace gets 8; the others are for Namespaces with up to 2."""
    bulkhead = Bulkhead(12, 8, 2, "Too much")
    with ExitStack() as held:
        for name in taken:
            held.enter_context(bulkhead.place(name))
        if refused is None:
            held.enter_context(bulkhead.place(namespace))
        else:
            with pytest.raises(Busy, match=f"^{refused}$"):
                held.enter_context(bulkhead.place(namespace))
    with ExitStack() as held:  # all is free again
        for _ in range(8):
            held.enter_context(bulkhead.place(namespace))


@pytest.mark.parametrize(
    ("taken", "namespace", "size", "refused"),
    [
        pytest.param({"a": 7}, "a", 1, None, id="up-to-most"),
        pytest.param({"a": 7}, "a", 2, 'Too much, 7 of them from Namespace "a".', id="above-most"),
        pytest.param({}, "a", 9, 'Too much, 0 of them from Namespace "a".', id="too-large"),
        pytest.param({"a": 8}, "b", 4, None, id="the-rest"),
        pytest.param({"a": 8}, "b", 5, "Too much.", id="no-turn"),
    ],
)
def test_fair_share(taken: dict[str, int], namespace: str, size: int, refused: str | None) -> None:
    """Of 12 units a Namespace gets 8 at most, and has no turn while others use the units."""
    share = FairShare(12, 8, 0.05, "Too much")
    with ExitStack() as held:
        for name, units in taken.items():
            held.enter_context(share.reserve(name, units))
        if refused is None:
            held.enter_context(share.reserve(namespace, size))
        else:
            with pytest.raises(Busy, match=f"^{refused}$"):
                held.enter_context(share.reserve(namespace, size))
    with share.reserve(namespace, 8):  # all is free again
        pass


def test_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next turn is for the Namespace with the oldest last turn. One caller of each may wait."""
    monkeypatch.setattr(FairShare, "MAX_WAITING", 3)
    share = FairShare(2, 2, 5, "Too much")
    served: list[str] = []

    def serve(namespace: str) -> None:
        with share.reserve(namespace, 2):
            served.append(namespace)

    for namespace in ("old", "recent"):
        serve(namespace)
    with ExitStack() as held, ThreadPoolExecutor() as pool:
        held.enter_context(share.reserve("large", 2))
        for waiting, namespace in enumerate(("recent", "old", "new"), 1):
            pool.submit(serve, namespace)
            eventually(partial(check_waiting, share, waiting))
        for namespace in ("recent", "fourth"):
            with pytest.raises(Busy, match=r"^Too much\.$"):
                serve(namespace)
        served.clear()
        held.close()
    assert served == ["new", "old", "recent"]


def check_waiting(share: FairShare, count: int) -> None:
    """Check that *count* callers wait."""
    assert len(share._waiting) == count


def test_turns_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest turn is forgotten first."""
    monkeypatch.setattr(FairShare, "MAX_TURNS", 2)
    share = FairShare(1, 1, 5, "Too much")
    for namespace in ("a", "b", "a", "c"):
        with share.reserve(namespace, 1):
            pass
    assert list(share._turns) == ["a", "c"]


def test_slow_peer() -> None:
    """A peer with a long wait gets few callers; other peers have no limit."""
    limit = SlowPeerLimit(slow_after=0.05)
    with ExitStack() as waiting:
        for _ in range(SlowPeerLimit.MAX_CALLERS):
            waiting.enter_context(limit.place("dead"))
        threading.Event().wait(0.1)
        with pytest.raises(Busy, match="dead"), limit.place("dead"):
            pytest.fail("one place too many")
        with limit.place("alive"):
            pass
    with limit.place("dead"):
        pass


def test_peer_that_was_slow() -> None:
    """After a long wait the peer gets few callers, until a caller is fast."""
    limit = SlowPeerLimit(slow_after=0.05)
    with limit.place("dead"):
        threading.Event().wait(0.1)
    with ExitStack() as waiting:
        for _ in range(SlowPeerLimit.MAX_CALLERS):
            waiting.enter_context(limit.place("dead"))
        with pytest.raises(Busy, match="dead"), limit.place("dead"):
            pytest.fail("one place too many")
    with ExitStack() as waiting:
        for _ in range(20):
            waiting.enter_context(limit.place("dead"))


def test_slow_peers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest slow peer is forgotten first."""
    monkeypatch.setattr(SlowPeerLimit, "MAX_SLOW", 1)
    limit = SlowPeerLimit(slow_after=0.05)
    for peer in ("first", "second"):
        with limit.place(peer):
            threading.Event().wait(0.1)
    with ExitStack() as waiting:
        for _ in range(SlowPeerLimit.MAX_CALLERS + 1):
            waiting.enter_context(limit.place("first"))
        for _ in range(SlowPeerLimit.MAX_CALLERS):
            waiting.enter_context(limit.place("second"))
        with pytest.raises(Busy), limit.place("second"):
            pytest.fail("one place too many")


def test_fast_peer() -> None:
    """A peer without a long wait has no limit."""
    limit = SlowPeerLimit(slow_after=60)
    with ExitStack() as waiting:
        for _ in range(20):
            waiting.enter_context(limit.place("fast"))
