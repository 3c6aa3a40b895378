"""An HTTP listener for probes and metrics, apart from the hooks, so that no caller can block it."""

import logging
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, cast

from hooks.deadline import Arrival, Deadlines

TIMEOUT_SECONDS: Final = 2  # for a request to be there
MAX_CONNECTIONS: Final = 256  # each has a thread; the next ones wait for one of these to end
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """The response to a GET."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"


class _Handler(BaseHTTPRequestHandler):
    arrival: Arrival
    sock: socket.socket

    def setup(self) -> None:
        super().setup()
        self.sock = self.connection
        self.arrival = cast("_Server", self.server).deadlines.expect(self)

    def finish(self) -> None:
        self.arrival.complete()
        super().finish()

    def do_GET(self) -> None:
        self.wfile.write(self._send_head())

    def do_HEAD(self) -> None:
        self._send_head()

    def _send_head(self) -> bytes:
        """Return the body, after the status and the headers are sent.

        The query is ignored: a Prometheus job with `params` adds one to each scrape.
        """
        make = cast("_Server", self.server).pages.get(self.path.partition("?")[0])
        page = make() if make else Page(404)
        self.send_response(page.status)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        return page.body

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a caller comes every few seconds."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_port = True  # a worker that starts meets one that has not ended yet
    request_queue_size = 128  # connections that wait; a sixth at once would wait a second
    pages: Mapping[str, Callable[[], Page]]

    def __init__(self, *args: Any) -> None:  # noqa: ANN401  as in the base class
        self.deadlines = Deadlines(TIMEOUT_SECONDS)
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  likewise
        self._places.acquire()
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread can be started
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """Log what is not a caller that hung up; the base class prints all, and not as we do."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("no page", exc_info=error)


class _ServerV6(_Server):
    address_family = socket.AF_INET6


def serve(bind: str, pages: Mapping[str, Callable[[], Page]], name: str) -> ThreadingHTTPServer:
    """Answer each path in *pages* at *bind*, "host:port", from a thread; return the server."""
    host, _, port = bind.rpartition(":")
    family = _ServerV6 if host.startswith("[") else _Server
    server = family((host.strip("[]"), int(port)), _Handler)
    server.pages = pages
    threading.Thread(target=server.serve_forever, name=name, daemon=True).start()
    return server
