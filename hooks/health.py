"""Probes on a listener of their own, which slow or many callers of the hooks can't block."""

import socket
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, cast

from hooks.deadline import Arrival, Deadlines

TIMEOUT_SECONDS: Final = 2  # for a request to be there
MAX_CONNECTIONS: Final = 256  # each has a thread; the next ones wait for one of these to end


class _Handler(BaseHTTPRequestHandler):
    arrival: Arrival

    def setup(self) -> None:
        super().setup()
        self.arrival = cast("_Server", self.server).deadlines.expect(self.connection)

    def finish(self) -> None:
        self.arrival.complete()
        super().finish()

    def do_GET(self) -> None:
        check = cast("_Server", self.server).checks.get(self.path)
        self.send_response(404 if check is None else 200 if check() else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a probe comes every few seconds."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_port = True  # a worker that starts meets one that has not ended yet
    request_queue_size = 128  # connections that wait; a sixth at once would wait a second
    checks: Mapping[str, Callable[[], bool]]

    def __init__(self, *args: Any) -> None:  # noqa: ANN401  as in the base class
        self.deadlines = Deadlines(TIMEOUT_SECONDS)
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  likewise
        self._places.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  likewise
        """Say nothing of a caller that has gone."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _ServerV6(_Server):
    address_family = socket.AF_INET6


def serve(bind: str, checks: Mapping[str, Callable[[], bool]]) -> ThreadingHTTPServer:
    """Answer probes at *bind*, "host:port", from a thread; return the server.

    *checks* says for each path whether all is well: 200 if so, else 503.
    """
    host, _, port = bind.rpartition(":")
    family = _ServerV6 if host.startswith("[") else _Server
    server = family((host.strip("[]"), int(port)), _Handler)
    server.checks = checks
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
