"""An HTTP listener for probes and metrics, separate from the hooks.

Any Pod in the cluster can connect to the port of the probes. A connection costs a file descriptor
and no thread until its request is complete. No connection delays the accept of the next connection.
"""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from hooks import metrics

TIMEOUT_SECONDS: Final = 2  # for the request and the response together
MAX_CONNECTIONS: Final = 1000  # the next caller ends the oldest connection
MAX_PROBE_HEAD_BYTES: Final = 8 * 1024
BACKLOG: Final = 1024  # connections in the kernel, not yet accepted
# A low number: the listener reads a new request before MAX_CONNECTIONS later connections abort it.
# cpython@v3.11.0:Lib/asyncio/selector_events.py, BaseSelectorEventLoop._accept_connection
ACCEPTED_AT_ONCE: Final = 64
METHODS: Final = ("GET", "HEAD")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """The response to a GET."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"


Pages = Mapping[str, Callable[[], Page]]


class Listener:
    """Serves *pages* on *sock*, from an event loop in a thread named *name*."""

    def __init__(self, sock: socket.socket, pages: Pages, name: str) -> None:
        self._pages = pages
        self._open: dict[asyncio.StreamWriter, None] = {}  # the oldest first
        self._closed: Future[None] = Future()
        self.host, self.port = sock.getsockname()[:2]
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(sock)), name=name, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop the listener, and close its connections."""
        self._closed.set_result(None)
        self._thread.join()

    async def _run(self, sock: socket.socket) -> None:
        serving = await asyncio.start_server(
            self._serve, sock=sock, limit=MAX_PROBE_HEAD_BYTES, backlog=ACCEPTED_AT_ONCE
        )
        sock.listen(BACKLOG)
        await asyncio.wrap_future(self._closed)
        serving.close()
        for writer in self._open:
            writer.transport.abort()
        await asyncio.sleep(0)  # the event loop then closes the sockets

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = None
        if len(self._open) > MAX_CONNECTIONS:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.transport.abort()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._respond(reader, writer)
        except (TimeoutError, OSError, EOFError, asyncio.LimitOverrunError):
            writer.transport.abort()  # the caller is slow or has left
        finally:
            self._open.pop(writer, None)

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.decode("latin-1").partition(" ")
        # The query is ignored: a Prometheus job with `params` adds one to each scrape.
        page = self._page(method, rest.partition(" ")[0].partition("?")[0])
        writer.write(
            f"HTTP/1.1 {page.status} {HTTPStatus(page.status).phrase}\r\n"
            f"Content-Type: {page.content_type}\r\nContent-Length: {len(page.body)}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        if method != "HEAD":
            writer.write(page.body)
        writer.close()
        with suppress(OSError):  # the caller has left
            await writer.wait_closed()

    def _page(self, method: str, path: str) -> Page:
        if method not in METHODS:
            return Page(501)
        make = self._pages.get(path)
        if make is None:
            return Page(404)
        try:
            return make()
        except Exception as error:
            log.exception("no page", exc_info=error)
            return Page(500)


def serve_metrics(bind: str) -> Listener:
    """Return a listener that serves the metrics at *bind*, "host:port"."""
    page = {metrics.PATH: lambda: Page(200, metrics.exposition(), metrics.CONTENT_TYPE)}
    return serve(bind, page, "metrics")


def serve(bind: str, pages: Pages, name: str) -> Listener:
    """Return a listener that serves each path in *pages* at *bind*, "host:port"."""
    host, _, port = bind.rpartition(":")
    # reuse_port, because the previous worker may still listen while a new worker starts.
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    sock = socket.create_server(
        (host.strip("[]"), int(port)),
        family=family,
        backlog=BACKLOG,
        reuse_port=True,
        dualstack_ipv6=family is socket.AF_INET6 and socket.has_dualstack_ipv6(),
    )
    return Listener(sock, pages, name)
