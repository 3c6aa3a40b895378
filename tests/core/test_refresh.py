"""The time when a token is due, and the seconds to wait."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hooks.core.refresh import (
    jitter_for,
    negative_ttl_seconds,
    refresh_at,
    resync_after_seconds,
    retry_after_seconds,
    with_wait_left,
)
from tests.core.builders import FAILED, NOW, new_token


@pytest.mark.parametrize(
    ("life", "before", "buffer"),
    [
        pytest.param(10800, 1800, 1800, id="refresh-token"),
        pytest.param(4500, 1800, 1800, id="access-token"),
        pytest.param(3602, 1800, 1800, id="life-just-over-twice-the-buffer"),
        pytest.param(3600, 1800, 1800, id="life-twice-the-buffer"),
        pytest.param(3598, 1800, 1799, id="life-just-under-twice-the-buffer"),
        pytest.param(120, 1800, 60, id="short-life"),
        pytest.param(10800, 60, 60, id="short-buffer"),
        pytest.param(10800, 99999, 5400, id="buffer-over-the-life"),
    ],
)
def test_refresh_at(life: int, before: int, buffer: int) -> None:
    """A token is due the set time before it expires, but not in the first half of its life."""
    token = new_token(NOW, NOW + timedelta(seconds=life))
    due = refresh_at(token, timedelta(seconds=before))
    assert token.expires_at - due == timedelta(seconds=buffer)


@pytest.mark.parametrize(
    ("ahead", "seconds"),
    [
        pytest.param(9000.0, 9000, id="whole"),
        pytest.param(8999.000001, 9000, id="a-microsecond-more-is-a-second-more"),
        pytest.param(8999.999999, 9000, id="a-microsecond-less-is-no-second-less"),
        pytest.param(1.0, 1, id="one"),
        pytest.param(0.2, 1, id="part"),
        pytest.param(0.0, 1, id="now-is-never-zero"),
        pytest.param(-60.0, 1, id="past-is-never-negative"),
        pytest.param(86399.5, 86400, id="a-day"),
        pytest.param(86401.0, 86400, id="over-a-day"),
        pytest.param(1e10, 86400, id="over-int64-nanoseconds"),
    ],
)
def test_resync_after_seconds(ahead: float, seconds: int) -> None:
    """The wait is in whole seconds that end at or after the instant, between one and a day."""
    at = NOW + timedelta(seconds=ahead)
    assert resync_after_seconds(at, NOW) == seconds


@pytest.mark.parametrize(
    ("failing", "left", "asked", "seconds"),
    [
        pytest.param(0, None, None, 5, id="first-failure"),
        pytest.param(4.9, None, None, 5, id="under-the-least"),
        pytest.param(6.2, None, None, 7, id="rounded-up"),
        pytest.param(80, None, None, 80, id="as-long-as-it-has-been-failing"),
        pytest.param(300, None, None, 300, id="the-most"),
        pytest.param(301, None, None, 300, id="over-the-most"),
        pytest.param(-60, None, None, 5, id="failing-since-the-future"),
        pytest.param(300, 1200, None, 300, id="a-quarter-of-what-is-left-is-the-most"),
        pytest.param(300, 1196, None, 299, id="a-quarter-of-what-is-left-is-less"),
        pytest.param(0, 10, None, 3, id="a-quarter-rounded-up"),
        pytest.param(300, 1, None, 1, id="nothing-much-left"),
        pytest.param(300, -1, None, 1, id="nothing-left"),
        pytest.param(0, None, 60.0, 60, id="asked-for-more"),
        pytest.param(0, None, 7.2, 8, id="asked-for-a-fraction"),
        pytest.param(80, None, 60.0, 80, id="asked-for-less"),
        pytest.param(80, None, 0.0, 80, id="asked-for-nothing"),
        pytest.param(0, 400, 150.0, 150, id="asked-for-more-than-a-quarter"),
        pytest.param(0, 400, 3600.0, 200, id="asked-for-more-than-is-left"),
        pytest.param(0, None, 3600.0, 3600, id="asked-for-an-hour"),
        pytest.param(0, None, 3601.0, 3600, id="asked-for-too-much"),
    ],
)
def test_retry_after_seconds(
    failing: float, left: float | None, asked: float | None, seconds: int
) -> None:
    """The wait grows with the failure, within the limits by the token and by Azure."""
    usable_until = None if left is None else NOW + timedelta(seconds=left)
    since = NOW - timedelta(seconds=failing)
    wait = retry_after_seconds(since, NOW, usable_until=usable_until, life=None, asked=asked)
    assert wait == seconds


@pytest.mark.parametrize(
    ("failing", "life", "asked", "seconds"),
    [
        pytest.param(200, 120, None, 30, id="a-quarter-of-a-short-life"),
        pytest.param(10, 120, None, 10, id="not-yet-as-long"),
        pytest.param(900, 10800, None, 300, id="a-registry's-tokens-live-longer"),
        pytest.param(200, 120, 90.0, 90, id="asked-for-more"),
    ],
)
def test_retries_keep_up_with_short_lives(
    failing: int, life: int, asked: float | None, seconds: int
) -> None:
    """Once the last token has expired, the wait stays short beside its life."""
    since, lived = NOW - timedelta(seconds=failing), timedelta(seconds=life)
    wait = retry_after_seconds(since, NOW, usable_until=None, life=lived, asked=asked)
    assert wait == seconds


def test_retries_double() -> None:
    """Retries come after 5 s, then at doubling times, then every 5 minutes."""
    now, waits = NOW, []
    for _ in range(9):
        waits.append(retry_after_seconds(NOW, now, usable_until=None, life=None, asked=None))
        now += timedelta(seconds=waits[-1])
    assert waits == [5, 5, 10, 20, 40, 80, 160, 300, 300]


def test_spread() -> None:
    """Each key has a constant jitter, and the jitters of keys differ."""
    minute = timedelta(minutes=1)
    shares = [jitter_for(f"uid-{number}", minute) for number in range(100)]
    assert shares == [jitter_for(f"uid-{number}", minute) for number in range(100)]
    assert all(timedelta(0) <= share < minute for share in shares)
    thirds = [
        sum(n * 20 <= share.total_seconds() < n * 20 + 20 for share in shares) for n in range(3)
    ]
    assert min(thirds) > 20
    assert jitter_for("uid-1", timedelta(0)) == timedelta(0)


@pytest.mark.parametrize(
    ("asked", "age", "memory", "rest"),
    [
        pytest.param(None, 3.0, 5, None, id="nothing-asked"),
        pytest.param(2.0, 3.0, 5, 0.0, id="less-than-it-is-remembered"),
        pytest.param(60.0, 20.0, 60, 40.0, id="asked"),
        pytest.param(3600.0, 200.0, 300, 3400.0, id="longer-than-it-is-remembered"),
    ],
)
def test_failure_is_remembered(
    asked: float | None, age: float, memory: float, rest: float | None
) -> None:
    """A failure is cached for a time, and a later caller waits for the rest of the delay."""
    failed = replace(FAILED, retry_after_seconds=asked)
    assert negative_ttl_seconds(failed) == memory
    assert with_wait_left(failed, age) == replace(failed, retry_after_seconds=rest)
