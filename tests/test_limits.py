"""How many callers each limit accepts, how fast, and which callers are rejected."""

import threading
import time
from contextlib import ExitStack
from itertools import pairwise

import pytest

from hooks.core.errors import Busy
from hooks.limits import Bulkhead, RateLimiter, SlowPeerLimit


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
    """Turns have a minimum distance, and no turn comes after `start_by`."""
    limiter = RateLimiter(5, 0.2)
    turns = []
    for _ in range(3):
        with limiter.turn(time.monotonic() + 1):
            turns.append(time.monotonic())
    assert all(later - earlier >= 0.19 for earlier, later in pairwise(turns))
    with pytest.raises(TimeoutError), limiter.turn(time.monotonic() + 0.01):
        pytest.fail("too early")
    with limiter.turn(time.monotonic() + 1):  # the place is free again
        pass


@pytest.mark.parametrize(
    ("taken", "namespace", "size", "refused"),
    [
        pytest.param({"a": 7}, "a", 1, None, id="one-alone"),
        pytest.param({"a": 8}, "a", 1, 'Too much, 8 of them of Namespace "a".', id="one-has-most"),
        pytest.param({"a": 8}, "b", 2, None, id="another-has-none"),
        pytest.param({"a": 8}, "b", 3, 'Too much, 0 of them of Namespace "b".', id="more-than-few"),
        pytest.param({"a": 8, "b": 1}, "b", 1, None, id="few"),
        pytest.param({"a": 8, "b": 2, "c": 2}, "d", 1, "Too much.", id="none-left"),
        pytest.param({}, "a", 13, "Too much.", id="too-large"),
    ],
)
def test_bulkhead(taken: dict[str, int], namespace: str, size: int, refused: str | None) -> None:
    """Of 12 places, a single Namespace gets 8; the others are for Namespaces with up to 2."""
    bulkhead = Bulkhead(12, 8, 2, "Too much")
    with ExitStack() as held:
        for name, count in taken.items():
            held.enter_context(bulkhead.reserve(name, count))
        if refused is None:
            held.enter_context(bulkhead.reserve(namespace, size))
        else:
            with pytest.raises(Busy, match=f"^{refused}$"):
                held.enter_context(bulkhead.reserve(namespace, size))
    with bulkhead.reserve(namespace, 8):  # all is free again
        pass


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
