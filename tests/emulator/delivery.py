"""HTTP on one connection: read a request, write its response, with the faults of the wire.

Knows nothing about the content.
"""

import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import cast

from tests.emulator.fault import Fault
from tests.emulator.message import Response, parse_request
from tests.emulator.server import LoopbackServer

_ENDLESS_CHUNK = b"0" * (1 << 16)
_ENDLESS_PAUSE = 0.005  # s between chunks: 13 MB/s, so a client without limit can be stopped
_HANG_UP_SECONDS = 1  # for the client to close
_BODILESS = frozenset({204, 304})  # RFC 9110, sections 8.6, 15.3.5 and 15.4.5
_RST = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() resets


class Delivery(BaseHTTPRequestHandler):
    """The handler of one connection, in a thread of its own."""

    protocol_version = "HTTP/1.1"  # keeps the connection alive
    body_limit = 1 << 20  # bytes of a request; the longest form has two tokens of a few KiB
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        server = cast("LoopbackServer", self.server)
        length = int(self.headers.get("Content-Length") or 0)
        if length > self.body_limit:
            self.close_connection = True
            self._write(Response(413), Fault(), server)
            return
        body = self.rfile.read(length)
        # Lines with the same name form a list: RFC 9110, section 5.3. skopeo sends several Accept.
        names = {name.lower() for name in self.headers}
        headers = {name: ", ".join(self.headers.get_all(name, [])) for name in names}
        request = parse_request(self.command, self.path, headers, body)
        response, fault = server.service(request)
        if fault.delay and server.stopping.wait(fault.delay):
            self.close_connection = True
        elif fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
            self.close_connection = True
        elif fault.raw is not None:
            self.close_connection = True
            self._send(_raw_parts(fault.raw, fault), server)
            self._hang_up()
        else:
            self._write(response, fault, server)

    do_GET = do_HEAD = do_POST = _serve  # noqa: N815
    do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _write(self, response: Response, fault: Fault, server: LoopbackServer) -> None:
        self._write_head(response, fault)
        if self.command != "HEAD":
            self._send(_parts(response.body, fault), server)

    def _send(self, parts: Iterable[tuple[bytes, float]], server: LoopbackServer) -> None:
        for part, pause in parts:
            if pause and server.stopping.wait(pause):
                self.close_connection = True
                return
            self.wfile.write(part)

    def _hang_up(self) -> None:
        """End with a FIN after the sent bytes; a reset could overtake the bytes."""
        with suppress(OSError):  # the client closed first
            socket.socket.shutdown(self.connection, socket.SHUT_WR)
            self.connection.settimeout(_HANG_UP_SECONDS)
            while self.connection.recv(self.body_limit):
                pass

    def _write_head(self, response: Response, fault: Fault) -> None:
        """Write the head; add date and length, unless present or forbidden."""
        headers = fault.replace_headers(response.headers)
        named = {name.lower() for name, _ in headers}
        bodiless = self.command == "HEAD" or response.status in _BODILESS
        self.send_response_only(response.status)
        if "date" not in named:
            self.send_header("Date", self.date_time_string())
        for name, value in headers:
            self.send_header(name, value)
        if fault.endless:
            self.send_header("Transfer-Encoding", "chunked")
        elif "content-length" not in named and (response.body or not bodiless):
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: requests are recorded."""


def _parts(body: bytes, fault: Fault) -> Iterator[tuple[bytes, float]]:
    """Yield the parts of the body on the wire, each with the pause before, in seconds."""
    if fault.endless:
        data, pause = (b"0", fault.dribble) if fault.dribble else (_ENDLESS_CHUNK, _ENDLESS_PAUSE)
        chunk = b"%x\r\n%s\r\n" % (len(data), data)
        while True:
            yield chunk, pause
    elif fault.dribble:
        yield from _bytes(body, fault.dribble)
    else:
        yield body, 0


def _bytes(data: bytes, pause: float) -> Iterator[tuple[bytes, float]]:
    for i in range(len(data)):
        yield data[i : i + 1], pause


def _raw_parts(data: bytes, fault: Fault) -> Iterator[tuple[bytes, float]]:
    """Yield *data* as `_parts` does, without framing."""
    while True:
        if fault.dribble:
            yield from _bytes(data, fault.dribble)
        else:
            yield data, _ENDLESS_PAUSE if fault.endless else 0
        if not fault.endless:
            return
