"""Calls a hook in place of HTTP.

Source, also of the lines: metacontroller@v4.17.2:pkg/hooks/webhook.go
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any

from tests.model.clock import Clock
from tests.model.errors import SyncError
from tests.model.objects import Object

Post = Callable[[str, Object], tuple[int, Mapping[str, str], Any]]
"""Takes a path and a body; returns status, headers and the answer's JSON value.

An `OSError` it raises is a failed connection; anything else passes through the whole model, which
then stands where a killed process would have left it, until `restart`.
"""


class TooManyRequestsError(SyncError):
    """The hook answered 429; `seconds` is the wait before the next call."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many requests, retry after {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True)
class Call:
    """A call of a hook, with the answer; status 0 means a failed connection."""

    path: str
    request: Object
    status: int
    answer: Any
    at: datetime


class HotLoop(AssertionError):
    """Endless work at the same instant; `calls` are the last calls."""

    def __init__(self, calls: list[Call]) -> None:
        super().__init__(f"no end in sight; the last calls: {[call.path for call in calls]}")
        self.calls = calls


class Hooks:
    """The hook service, and a record of its calls.

    Attributes:
        calls: Every call, oldest first.
    """

    def __init__(self, post: Post, clock: Clock) -> None:
        self._post = post
        self._clock = clock
        self.calls: list[Call] = []

    def call(self, path: str, request: Object) -> Any:  # noqa: ANN401 - any JSON
        """Return the answer's JSON value.

        Raises `TooManyRequestsError`: 429 (line 218); `SyncError`: any other status than 200
        (line 240), or no answer (line 212).
        """
        sent = json.loads(json.dumps(request))
        try:
            status, headers, body = self._post(path, json.loads(json.dumps(request)))
        except OSError as error:
            self._record(path, sent, 0, None)
            raise SyncError(f"http error: {error}") from error
        answer = json.loads(json.dumps(body))
        self._record(path, sent, status, answer)
        if status == 429:
            raise TooManyRequestsError(self._seconds(headers))
        if status != 200:
            raise SyncError(f"unsupported status code: {status} body: {answer}")
        return answer

    def _record(self, path: str, request: Object, status: int, answer: object) -> None:
        self.calls.append(Call(path, request, status, answer, self._clock.now()))

    def _seconds(self, headers: Mapping[str, str]) -> float:
        """Read Retry-After: whole seconds or a date; anything else is 0 (lines 220 to 226)."""
        value = {k.lower(): v for k, v in headers.items()}.get("retry-after", "")
        try:
            at = datetime.strptime(value, "%a, %d %b %Y %H:%M:%S %Z").replace(tzinfo=UTC)
        except ValueError:
            return int(value) if value.lstrip("+-").isdecimal() else 0
        return ceil((at - self._clock.now()).total_seconds())
