"""The format of times, and the transition time of a condition."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from hooks.core.model.binding import Condition, Status
from hooks.core.rfc3339 import format_time, parse_time
from hooks.core.status.conditions import set_condition
from tests.core.builders import BINDING, HOUR, NOW

EARLIER = NOW - 3 * HOUR


@pytest.mark.parametrize(
    ("at", "text"),
    [
        pytest.param(NOW, "2026-11-23T12:00:00Z", id="utc"),
        pytest.param(NOW + timedelta(microseconds=999999), "2026-11-23T12:00:00Z", id="cut"),
        pytest.param(
            NOW.astimezone(timezone(timedelta(hours=2))), "2026-11-23T12:00:00Z", id="zone"
        ),
        pytest.param(datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z", id="first-year"),
    ],
)
def test_format_time(at: datetime, text: str) -> None:
    """An instant is written in UTC, in whole seconds."""
    assert format_time(at) == text


@pytest.mark.parametrize(
    ("text", "at"),
    [
        pytest.param("2026-11-23T12:00:00Z", NOW, id="utc"),
        pytest.param("2026-11-23T14:00:00+02:00", NOW, id="zone"),
        pytest.param("2026-11-23T12:00:00.5Z", NOW + timedelta(seconds=0.5), id="fraction"),
        pytest.param("2026-11-23T12:00:00", None, id="no-zone"),
        pytest.param("2026-11-23", None, id="date"),
        pytest.param("0001-01-01T00:00:00+01:00", None, id="before-all-times"),
        pytest.param("9999-12-31T23:59:59-01:00", None, id="after-all-times"),
        pytest.param("soon", None, id="word"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="none"),
    ],
)
def test_parse_time(text: str | None, at: datetime | None) -> None:
    """Only a text with a date, a time and a time zone is an instant."""
    assert parse_time(text) == at


def test_times_round_trip() -> None:
    """A formatted time is parsed as the same instant."""
    assert parse_time(format_time(datetime(2027, 1, 1, tzinfo=UTC))) == datetime(
        2027, 1, 1, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("previous", "since"),
    [
        pytest.param((), NOW, id="first-visit"),
        pytest.param(
            (Condition("Ready", "True", "Old", "old", 1, EARLIER),), EARLIER, id="same-status"
        ),
        pytest.param(
            (Condition("Ready", "False", "New", "new", 2, EARLIER),),
            NOW,
            id="status-flips",
        ),
        pytest.param(
            (Condition("Attached", "True", "New", "new", 2, EARLIER),),
            NOW,
            id="another-type",
        ),
        pytest.param((Condition("Ready", "True", "New", "new", 2),), NOW, id="no-time"),
        pytest.param(
            (Condition("Ready", "True", "New", "new", 2, NOW + 3 * HOUR),),
            NOW,
            id="in-the-future",
        ),
    ],
)
def test_set_condition(previous: tuple[Condition, ...], since: datetime) -> None:
    """A condition has the new reason, message and generation.

    The transition time changes only with the status, or if the time is in the future.
    """
    binding = replace(BINDING, status=Status(conditions=previous))
    condition = set_condition(binding, "Ready", "True", "New", "new", NOW)
    assert condition == Condition("Ready", "True", "New", "new", 2, since)
