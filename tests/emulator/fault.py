"""A fault: an endpoint's behavior in place of, or in addition to, its healthy answer.

Values and their bookkeeping; knows nothing about sockets.
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
    """A fault of an endpoint.

    With `status` or `body`, the fault replaces the endpoint's answer: the status defaults to 200,
    and the body is empty by default. Otherwise the other attributes change the healthy answer.

    Attributes:
        status: The HTTP status of the response.
        body: Bytes, text, an object written as JSON, or a function that returns a body for each
            request.
        headers: Added to the response; replace headers with the same name.
        token: Replaces the token in a healthy answer with a token.
        delay: Seconds before the answer.
        reset: Reset the connection (RST) in place of an answer.
        dribble: Seconds before each byte of the body.
        endless: Send a body without end, in chunks.
        raw: Bytes to send in place of the answer before the connection ends; with `dribble` byte
            by byte, with `endless` again and again.
        times: The number of requests for the fault; `None`: until cleared.
        host: Limits the fault to requests to this `host` or `host:port`; `None`: all.
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
        """True if *request* is for the fault's host."""
        return self.host is None or self.host in {request.host, request.host.rpartition(":")[0]}

    def response(self) -> Response | None:
        """Return the response in place of the endpoint's; `None` if the endpoint answers."""
        if self.status is None and self.body is None:
            return None
        body = self.body() if callable(self.body) else self.body
        content = "text/plain" if isinstance(body, str | bytes) else "application/json"
        raw = _raw(body or b"")
        return Response(self.status or 200, raw, (("Content-Type", f"{content}; charset=utf-8"),))

    def replace_headers(self, headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """Return *headers* with the fault's headers, which replace headers with the same name."""
        own = {name.lower() for name in self.headers}
        return (*(h for h in headers if h[0].lower() not in own), *self.headers.items())


@dataclass
class _InForce:
    fault: Fault
    left: int | None  # remaining requests for the fault


class FaultBook:
    """The faults in force, by endpoint; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[Endpoint, list[_InForce]] = {}

    def add(self, endpoint: Endpoint, fault: Fault) -> None:
        """Put *fault* in force, after the earlier faults of *endpoint*.

        Raises:
            ValueError: The endpoint does not exist.
        """
        if endpoint not in get_args(Endpoint):
            raise ValueError(f"endpoint {endpoint!r}: expected one of {get_args(Endpoint)}")
        with self._lock:
            self._faults.setdefault(endpoint, []).append(_InForce(fault, fault.times))

    def clear(self, endpoint: Endpoint | None = None) -> None:
        """Remove the faults of *endpoint*, or all faults."""
        with self._lock:
            for name in list(self._faults):
                if endpoint in {None, name}:
                    del self._faults[name]

    def take(self, endpoint: Endpoint, request: Request) -> Fault:
        """Return the first fault for *request*, and count its use; an empty fault if none."""
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
