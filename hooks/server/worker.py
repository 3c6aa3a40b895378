"""gunicorn's threads, which only work: a caller that is slow or unknown holds none.

A connection is in one of four places:

1. in the poller, in `pending_conns`, until a handshake and a head are complete. Each time a byte
   arrives, a thread reads what there is (`head.py`) and returns the connection at once.
2. in a thread, from a complete head to the end of the answer.
3. in the poller, in `keepalived_conns`, until the next request on it begins.
4. in the poller, in `pending_conns` again, after the last answer, until the caller has closed it.

A connection in `pending_conns` has a deadline, `timeout`. The oldest of these connections is closed
if all places are taken, so a caller who sends a head at once always finds a place.
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

from hooks.log import FIELDS
from hooks.server.head import Progress, read_head, shake_hands
from hooks.server.read_timeouts import BodyWithTimeout, PendingRequest, ReadTimeouts

# Metacontroller sends all at once, and reads at once.
HEAD_SECONDS: Final = 10  # for a handshake and a head
BODY_SECONDS: Final = 5
ANSWER_SECONDS: Final = 5  # without a byte of the answer being read
PARTING_SECONDS: Final = 1  # for a caller to read the last answer and to close
QUEUED_SECONDS: Final = 1  # for a thread; after a longer wait the caller may have left
PARTING_BYTES: Final = 64 * 1024  # which a caller may still send then
CANARY_SECONDS: Final = 1  # between two checks that the threads work
ACCEPT_SECONDS: Final = 0.1  # until the next try if no file descriptor is left
SEND_TIMEOUT: Final = struct.pack("@ll", ANSWER_SECONDS, 0)  # a timeval
EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# Statuses after which a connection ends, because the caller may not be Metacontroller.
UNKNOWN_CALLER: Final = (401, 404, 405)
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
    """Ends requests that do not arrive in time, and lets only requests hold a thread.

    The answer to an invalid request is one line of JSON, as the answers of the hooks are.
    """

    pending_conns: deque[Any]

    def init_process(self) -> None:
        """Start the deadlines in the process that answers."""
        self._bodies = ReadTimeouts(BODY_SECONDS)
        self._answered = time.monotonic()
        self._canary: Future[None] | None = None
        self._exhausted = False  # no file descriptor was free for a new connection
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:  # noqa: ANN401  gunicorn has no types
        """Let a connection wait for a thread."""
        conn.queued_at = time.monotonic()
        super().enqueue_req(conn)

    def notify(self) -> None:
        """Tell the arbiter that the loop runs, and check that the threads work."""
        super().notify()
        waiting = self._canary is not None and not self._canary.done()
        if not waiting and self.unanswered_seconds() > CANARY_SECONDS:
            self._canary = self.tpool.submit(self._note_answer)

    def unanswered_seconds(self) -> float:
        """Return the seconds since a thread was last free to answer a call."""
        return time.monotonic() - self._answered

    def _note_answer(self) -> None:
        self._answered = time.monotonic()

    def accept(self, listener: Any) -> None:  # noqa: ANN401  gunicorn has no types
        """Accept a connection, if a file descriptor is free; else `murder_pending` frees one."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in EXHAUSTED:
                raise
            self._exhausted = True
            if not self.pending_conns:
                time.sleep(ACCEPT_SECONDS)

    def handle(self, conn: Any) -> Any:  # noqa: ANN401  gunicorn has no types
        """Read what has arrived, and answer if that is a request; in a thread.

        A request whose caller has left is dropped.
        """
        waited = time.monotonic() - conn.queued_at
        conn.sock.setblocking(False)
        if hasattr(conn, "parting"):
            return self._drain(conn)
        progress = self._read(conn)
        if progress is Progress.UNFINISHED:
            return gthread._DEFER  # back to the poller
        if progress is Progress.GONE:
            return self._part(conn)
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
            return self._part(conn)
        conn.timeout = None
        try:
            answered = super().handle(conn)
        finally:
            if hasattr(conn, "arrival"):
                conn.arrival.complete()
        return answered or self._part(conn)

    def _read(self, conn: Any) -> Progress:  # noqa: ANN401  gunicorn has no types
        if self.cfg.is_ssl and not conn.initialized:
            progress = shake_hands(conn, partial(self.cfg.ssl_context, self.cfg, None))
            if progress is not Progress.COMPLETE:
                return progress
        return read_head(conn)

    def _part(self, conn: Any) -> Any:  # noqa: ANN401  gunicorn has no types
        """End the answer, and wait in the poller for the caller to close.

        gunicorn waits in the loop that accepts, up to 2 s for each connection.
        """
        conn.parting = PARTING_BYTES
        conn.timeout = time.monotonic() + PARTING_SECONDS
        with suppress(OSError):  # the caller has gone, or gunicorn has closed the connection
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            return self._drain(conn)
        conn.close()
        return False

    def _drain(self, conn: Any) -> Any:  # noqa: ANN401  gunicorn has no types
        """Discard what a caller sends after the last answer: else the answer might be lost."""
        try:
            data = conn.sock.recv(PARTING_BYTES)
        except BlockingIOError:
            return gthread._DEFER
        except OSError:  # reset
            data = b""
        conn.parting -= len(data)
        if data and conn.parting > 0:
            return gthread._DEFER
        conn.close()
        return False

    def finish_request(self, conn: Any, fs: Any) -> None:  # noqa: ANN401  gunicorn has no types
        """Put a connection that waits into the poller; count out a connection that is closed."""
        if conn.sock.fileno() < 0:
            self.nr_conns -= 1  # gunicorn would fail, and count two
        elif not fs.cancelled() and not fs.exception() and fs.result() is gthread._DEFER:
            deadline = time.monotonic() + HEAD_SECONDS
            conn.timeout = min(conn.timeout or deadline, deadline)
            self.pending_conns.append(conn)
            readable = partial(self.on_pending_socket_readable, conn)
            self.poller.register(conn.sock, EVENT_READ, readable)
        else:
            super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Close connections after their deadline, and the oldest ones if no place is free.

        The loop calls this between two polls, when no event of a closed connection is left.
        """
        count = max(int(self._exhausted), self.nr_conns + 1 - self.worker_connections)
        self._exhausted = False
        self.pending_conns = deque(sorted(self.pending_conns, key=lambda conn: conn.timeout))
        for conn, _ in zip(self.pending_conns, range(count), strict=False):
            conn.timeout = 0.0
        super().murder_pending()

    def handle_request(self, req: Any, conn: Any) -> Any:  # noqa: ANN401  gunicorn has no types
        """Answer a request whose head is there; return whether the connection stays open."""
        arrival: PendingRequest = self._bodies.expect(conn)
        conn.arrival = arrival
        lengths = [value for name, value in req.headers if name == "CONTENT-LENGTH"]
        chunked = any(name == "TRANSFER-ENCODING" for name, _ in req.headers)
        if not lengths and not chunked:
            arrival.complete()
        if req.method != "POST":
            req.force_close()  # Metacontroller sends no such request
        if self.cfg.is_ssl and conn.sock.context is not self.cfg.ssl_context(self.cfg, None):
            req.force_close()  # it was let in by files that have been replaced
        req.body = BodyWithTimeout(req.body, int(lengths[0]) if lengths else None, arrival)
        return super().handle_request(req, conn) and not req.should_close()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Any) -> None:  # noqa: ANN401  as above
        """Refuse what is no request; gunicorn would quote it, with a token that may be in it."""
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


def end_unknown(_worker: Any, req: Any, _environ: Any, resp: Any) -> None:  # noqa: ANN401  as above
    """Close the connection after a refusal: gunicorn would wait for the rest of the body."""
    if resp is not None and resp.status_code in UNKNOWN_CALLER:
        req.force_close()


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
    """True if the caller closed its end of *sock*, whether or not a request is still to be read.

    https://man7.org/linux/man-pages/man2/poll.2.html (POLLRDHUP)
    """
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    return bool(poll.poll(0))
