"""How many get in at once, how fast, and who is sent away."""

import threading
import time
from contextlib import ExitStack
from itertools import pairwise

import pytest

from hooks.core.errors import Busy
from hooks.limits import Bulkhead, RateLimiter, SlowPeerLimit


def soon() -> float:
    """Return an instant that is far enough for what is free, and near enough to wait for."""
    return time.monotonic() + 0.3


def test_places() -> None:
    """One more than there are places waits, in vain or until one is free."""
    turnstile = RateLimiter(2, 0)
    with turnstile.turn(soon()):
        with turnstile.turn(soon()), pytest.raises(TimeoutError), turnstile.turn(soon()):
            pytest.fail("a third place")
        with turnstile.turn(soon()):
            pass


def test_pace() -> None:
    """Turns are so many seconds apart, and none comes after the latest instant."""
    turnstile = RateLimiter(5, 0.2)
    turns = []
    for _ in range(3):
        with turnstile.turn(time.monotonic() + 1):
            turns.append(time.monotonic())
    assert all(later - earlier >= 0.19 for earlier, later in pairwise(turns))
    with pytest.raises(TimeoutError), turnstile.turn(time.monotonic() + 0.01):
        pytest.fail("too early")
    with turnstile.turn(time.monotonic() + 1):  # the place is free again
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
    """Of 12 one Namespace alone gets 8; the rest is for Namespaces with up to 2."""
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


def test_slow_key() -> None:
    """While one has waited long for a key, it has few places; others have theirs."""
    room = SlowPeerLimit(patience=0.05)
    with ExitStack() as waiting:
        for _ in range(SlowPeerLimit.FEW):
            waiting.enter_context(room.place("dead"))
        threading.Event().wait(0.1)
        with pytest.raises(Busy, match="dead"), room.place("dead"):
            pytest.fail("one place too many")
        with room.place("alive"):
            pass
    with room.place("dead"):
        pass


def test_key_that_was_slow() -> None:
    """Callers that come together after one that waited long find few places, until one is fast."""
    room = SlowPeerLimit(patience=0.05)
    with room.place("dead"):
        threading.Event().wait(0.1)
    with ExitStack() as waiting:
        for _ in range(SlowPeerLimit.FEW):
            waiting.enter_context(room.place("dead"))
        with pytest.raises(Busy, match="dead"), room.place("dead"):
            pytest.fail("one place too many")
    with ExitStack() as waiting:
        for _ in range(20):
            waiting.enter_context(room.place("dead"))


def test_slow_keys_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of slow keys the oldest are forgotten."""
    monkeypatch.setattr(SlowPeerLimit, "MAX_SLOW", 1)
    room = SlowPeerLimit(patience=0.05)
    for key in ("first", "second"):
        with room.place(key):
            threading.Event().wait(0.1)
    with ExitStack() as waiting:
        for _ in range(SlowPeerLimit.FEW + 1):
            waiting.enter_context(room.place("first"))
        for _ in range(SlowPeerLimit.FEW):
            waiting.enter_context(room.place("second"))
        with pytest.raises(Busy), room.place("second"):
            pytest.fail("one place too many")


def test_fast_key() -> None:
    """A key for which nobody has waited long has all the places."""
    room = SlowPeerLimit(patience=60)
    with ExitStack() as waiting:
        for _ in range(20):
            waiting.enter_context(room.place("fast"))
