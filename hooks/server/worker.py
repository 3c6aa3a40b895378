"""A gunicorn worker in which slow callers and unknown callers do not occupy threads.

A connection is in one of four places:

1. in the poller, in `pending_conns`, until the handshake and the head are complete. If bytes
   arrive, a thread reads them (`head.py`) and returns the connection at once.
2. in a thread, from a complete head to the end of the response.
3. in the poller, in `keepalived_conns`, until the next request begins.
4. in the poller, in `pending_conns` again, after the last response, until the caller closes.

A connection in `pending_conns` has a deadline, `timeout`. If no place is free for a new connection,
the worker closes the oldest connection in `pending_conns`. Callers that send the
head promptly are still served.
"""

import errno
import inspect
import json
import logging
import select
import socket
import struct
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn import __version__, util  # type: ignore[import-untyped]
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    LimitRequestHeaders,
    ParseException,
)
from gunicorn.workers import gthread  # type: ignore[import-untyped]

from hooks.budget import ANSWER_SECONDS, BODY_SECONDS, HEAD_SECONDS, QUEUED_SECONDS
from hooks.log import FIELDS
from hooks.server.head import Progress, read_head, shake_hands
from hooks.server.read_timeouts import BodyWithTimeout, PendingRequest, ReadTimeouts

# The last response could be lost if the connection were closed at once:
# https://nginx.org/en/docs/http/ngx_http_core_module.html#lingering_close
LINGER_SECONDS: Final = 1  # for the caller to read the last response and to close
LINGER_BYTES: Final = 64 * 1024  # the most bytes from the caller in this time
CANARY_SECONDS: Final = 1  # between two checks of the threads
ACCEPT_SECONDS: Final = 0.1  # until the next try if no file descriptor is left
SEND_TIMEOUT: Final = struct.pack("@ll", ANSWER_SECONDS, 0)  # a timeval
EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# gunicorn@27.0.1:gunicorn/workers/gthread.py, base.py
OVERRIDDEN: Final = (
    "init_process",
    "notify",
    "accept",
    "enqueue_req",
    "handle",
    "finish_request",
    "murder_pending",
    "handle_request",
    "handle_error",
)
log = logging.getLogger(__name__)


class Worker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serves only requests with a complete head, and aborts requests with a slow body.

    The response to an invalid request is a line of JSON, like the hooks' responses.
    """

    pending_conns: deque[Any]

    def init_process(self) -> None:
        """Start the read timeouts, in the worker process."""
        self._read_timeouts = ReadTimeouts(BODY_SECONDS)
        self._answered = time.monotonic()
        self._canary: Future[None] | None = None
        self._exhausted = False  # no file descriptor was free for a new connection
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:  # noqa: ANN401  gunicorn has no types
        """Queue *conn* for a thread, and note the time."""
        conn.queued_at = time.monotonic()
        super().enqueue_req(conn)

    def notify(self) -> None:
        """Report to the arbiter, and check that the threads work."""
        super().notify()
        waiting = self._canary is not None and not self._canary.done()
        if not waiting and self.unanswered_seconds() > CANARY_SECONDS:
            self._canary = self.tpool.submit(self._note_answer)

    def unanswered_seconds(self) -> float:
        """Return the seconds since a thread was last free."""
        return time.monotonic() - self._answered

    def _note_answer(self) -> None:
        self._answered = time.monotonic()

    def accept(self, listener: Any) -> None:  # noqa: ANN401  gunicorn has no types
        """Accept a connection. Without a free descriptor, `murder_pending` closes a connection."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in EXHAUSTED:
                raise
            self._exhausted = True
            if not self.pending_conns:
                time.sleep(ACCEPT_SECONDS)

    def handle(self, conn: Any) -> Any:  # noqa: ANN401  gunicorn has no types
        """Read the bytes on *conn*, and serve a request with a complete head, in a thread.

        Return `_DEFER` for the poller, otherwise whether *conn* stays open. A request is dropped if
        the caller left during a long wait for a thread.
        """
        waited = time.monotonic() - conn.queued_at
        conn.sock.setblocking(False)
        if hasattr(conn, "linger_bytes"):
            return self._drain(conn)
        progress = self._read(conn)
        if progress is Progress.UNFINISHED:
            return gthread._DEFER  # back to the poller
        if progress is Progress.GONE:
            return self._linger(conn)
        if waited > QUEUED_SECONDS and _has_left(conn.sock):
            log.warning(
                "dropped", extra={FIELDS: {"why": "The caller left.", "seconds": round(waited, 1)}}
            )
            conn.close()
            return False
        conn.sock.setblocking(True)
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, SEND_TIMEOUT)
        if progress is Progress.TOO_LARGE:
            error = LimitRequestHeaders("head too large")
            self.handle_error(None, conn.sock, conn.client, error)
            return self._linger(conn)
        conn.timeout = None
        try:
            answered = super().handle(conn)
        finally:
            if hasattr(conn, "pending"):
                conn.pending.complete()
        return answered or self._linger(conn)

    def _read(self, conn: Any) -> Progress:  # noqa: ANN401  gunicorn has no types
        if self.cfg.is_ssl and not conn.initialized:
            progress = shake_hands(conn, partial(self.cfg.ssl_context, self.cfg, None))
            if progress is not Progress.COMPLETE:
                return progress
        return read_head(conn)

    def _linger(self, conn: Any) -> Any:  # noqa: ANN401  gunicorn has no types
        """End the response, and wait in the poller until the caller closes.

        gunicorn would wait in the accepting loop, up to 2 s for each connection.
        """
        conn.linger_bytes = LINGER_BYTES
        conn.timeout = time.monotonic() + LINGER_SECONDS
        with suppress(OSError):  # the caller has gone, or gunicorn has closed the connection
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            return self._drain(conn)
        conn.close()
        return False

    def _drain(self, conn: Any) -> Any:  # noqa: ANN401  gunicorn has no types
        """Discard bytes after the last response; unread bytes would reset the connection."""
        try:
            data = conn.sock.recv(LINGER_BYTES)
        except BlockingIOError:
            return gthread._DEFER
        except OSError:  # the caller reset the connection
            data = b""
        conn.linger_bytes -= len(data)
        if data and conn.linger_bytes > 0:
            return gthread._DEFER
        conn.close()
        return False

    def finish_request(self, conn: Any, fs: Any) -> None:  # noqa: ANN401  gunicorn has no types
        """Return a waiting connection to the poller, and stop counting a closed connection."""
        if conn.sock.fileno() < 0:
            self.nr_conns -= 1  # gunicorn would fail, and subtract two
        elif not fs.cancelled() and not fs.exception() and fs.result() is gthread._DEFER:
            deadline = time.monotonic() + HEAD_SECONDS
            conn.timeout = min(conn.timeout or deadline, deadline)
            self.pending_conns.append(conn)
            readable = partial(self.on_pending_socket_readable, conn)
            self.poller.register(conn.sock, EVENT_READ, readable)
        else:
            super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Close connections after their deadline, and the oldest connections if no place is free.

        The loop calls this between two polls, when no event of a closed connection is left.
        """
        count = max(int(self._exhausted), self.nr_conns + 1 - self.worker_connections)
        self._exhausted = False
        self.pending_conns = deque(sorted(self.pending_conns, key=lambda conn: conn.timeout))
        for conn, _ in zip(self.pending_conns, range(count), strict=False):
            conn.timeout = 0.0
        super().murder_pending()

    def handle_request(self, req: Any, conn: Any) -> Any:  # noqa: ANN401  gunicorn has no types
        """Serve a request with a complete head. Return whether the connection stays open.

        The connection stays open only after a POST with a body that was read to its end. Otherwise
        gunicorn would announce that the connection stays open, and then wait for unread bytes.
        """
        pending: PendingRequest = self._read_timeouts.expect(conn)
        conn.pending = pending
        lengths = [int(value) for name, value in req.headers if name == "CONTENT-LENGTH"]
        if not any(lengths) and all(name != "TRANSFER-ENCODING" for name, _ in req.headers):
            pending.complete()
        # Metacontroller sends only POST. After a replacement of the TLS files, it connects again.
        closes = req.must_close or req.method != "POST" or self._has_old_tls(conn)
        if any(lengths):
            keep_open = partial(setattr, req, "must_close", closes)
            req.body = BodyWithTimeout(req.body, lengths[0], pending, keep_open)
        req.force_close()
        return super().handle_request(req, conn) and not req.should_close()

    def _has_old_tls(self, conn: Any) -> bool:  # noqa: ANN401  gunicorn has no types
        """True if the TLS files have been replaced since the handshake on *conn*."""
        return self.cfg.is_ssl and conn.sock.context is not self.cfg.ssl_context(self.cfg, None)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Any) -> None:  # noqa: ANN401  as above
        """Reject an invalid request. gunicorn would quote the request, and perhaps its token."""
        if not isinstance(exc, ParseException):
            super().handle_error(req, client, addr, exc)
            return
        kind = type(exc).__name__
        self.log.warning("Invalid request: %s", kind)
        body = json.dumps({"error": f"not a valid HTTP request: {kind}"}) + "\n"
        head = (
            "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with suppress(OSError):  # the caller has gone
            util.write_nonblock(client, f"{head}{body}".encode())


def check_gunicorn(base: type = gthread.ThreadWorker) -> None:
    """Check that *base* has the methods that `Worker` overrides, with the same parameters.

    gunicorn does not document these methods, so a release may change them without notice.

    Raises:
        SystemExit: A method of *base* differs.
    """
    for name in OVERRIDDEN:
        expected = list(inspect.signature(getattr(Worker, name)).parameters)
        method = getattr(base, name, None)
        found = list(inspect.signature(method).parameters) if method else None
        if found != expected:
            raise SystemExit(
                f"gunicorn {__version__} does not fit acrpull: {base.__name__}.{name} has "
                f"parameters {found}, not {expected}. Install the locked release: pip install "
                "--require-hashes -r requirements.txt"
            )


def _has_left(sock: socket.socket) -> bool:
    """True if the caller closed its end of *sock*, even if a request is still unread.

    https://man7.org/linux/man-pages/man2/poll.2.html (POLLRDHUP)
    """
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    return bool(poll.poll(0))
