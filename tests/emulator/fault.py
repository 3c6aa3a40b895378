"""A fault: what an endpoint does in place of, or beside, its healthy answer.

Values and their bookkeeping; knows nothing of sockets.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from tests.emulator.message import Request, Response, compact

Endpoint = Literal["imds", "exchange", "token", "v2", "entra", "kubernetes", "other"]

Body = bytes | str | Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong.

    With `status` or `body` the endpoint is not asked: the status defaults to 200 and the body to
    an empty one. Without them it answers as always, and the rest applies to that answer.

    Attributes:
        status: Of the response.
        body: Bytes, text, an object written as JSON, or a function giving one at each request.
        headers: Added to the response, in place of its own of that name.
        token: Replaces the token in a healthy answer that has one.
        delay: Seconds before the answer.
        reset: Reset the connection (RST) in place of an answer.
        dribble: Seconds before each byte of the body.
        endless: Send a body without end, in chunks.
        raw: Bytes to send in place of the answer, then hang up; with `dribble` one by one, with
            `endless` over and over.
        times: How many requests it meets; `None`: until cleared.
        host: Meets only requests to this `host` or `host:port`; `None`: all.
    """

    status: int | None = None
    body: Body | Callable[[], Body] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None
    delay: float = 0
    reset: bool = False
    dribble: float = 0
    endless: bool = False
    raw: bytes | None = None
    times: int | None = None
    host: str | None = None

    def meets(self, request: Request) -> bool:
        """Whether *request* goes to this fault's host."""
        return self.host is None or self.host in {request.host, request.host.rpartition(":")[0]}

    def response(self) -> Response | None:
        """The response in the endpoint's place; `None` if the endpoint shall answer."""
        if self.status is None and self.body is None:
            return None
        body = self.body() if callable(self.body) else self.body
        content = "text/plain" if isinstance(body, str | bytes) else "application/json"
        raw = _raw(body or b"")
        return Response(self.status or 200, raw, (("Content-Type", f"{content}; charset=utf-8"),))

    def replace_headers(self, headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """*headers* with this fault's in place of those of the same name."""
        own = {name.lower() for name in self.headers}
        return (*(h for h in headers if h[0].lower() not in own), *self.headers.items())


@dataclass
class _InForce:
    fault: Fault
    left: int | None  # requests it will yet meet


class FaultBook:
    """The faults in force, by endpoint; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[Endpoint, list[_InForce]] = {}

    def add(self, endpoint: Endpoint, fault: Fault) -> None:
        """Put *fault* in force, behind those already in force for *endpoint*.

        Raises:
            ValueError: There is no such endpoint.
        """
        if endpoint not in get_args(Endpoint):
            raise ValueError(f"endpoint {endpoint!r}: expected one of {get_args(Endpoint)}")
        with self._lock:
            self._faults.setdefault(endpoint, []).append(_InForce(fault, fault.times))

    def clear(self, endpoint: Endpoint | None = None) -> None:
        """Take back the faults of *endpoint*, or all."""
        with self._lock:
            for name in list(self._faults):
                if endpoint in {None, name}:
                    del self._faults[name]

    def take(self, endpoint: Endpoint, request: Request) -> Fault:
        """The first fault that meets *request*, which counts as met; a harmless one if none."""
        with self._lock:
            for entry in self._faults.get(endpoint, []):
                if entry.left == 0 or not entry.fault.meets(request):
                    continue
                if entry.left is not None:
                    entry.left -= 1
                return entry.fault
        return HARMLESS


HARMLESS = Fault()


def _raw(body: Body) -> bytes:
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else compact(body)
