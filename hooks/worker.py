"""gunicorn's threads, of which a caller that is slow holds none for long."""

import inspect
import json
import logging
import select
import socket
import ssl
import struct
import time
from contextlib import suppress
from typing import Any, Final

from gunicorn import __version__, util  # type: ignore[import-untyped]
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from gunicorn.workers import gthread  # type: ignore[import-untyped]

from hooks.deadline import Arrival, Deadlines, TimedBody
from hooks.log import FIELDS

# Metacontroller sends all at once, and reads at once.
HEAD_SECONDS: Final = 2  # for a handshake and a head
BODY_SECONDS: Final = 5
PENDING_SECONDS: Final = 10  # until a new connection says something: there are 1,000 places
ANSWER_SECONDS: Final = 5  # without a byte of the answer being read
IDLE_SECONDS: Final = 0.05  # a new connection with nothing on it then waits outside of the threads
PARTING_SECONDS: Final = 1  # for a caller to read the last answer and to close
QUEUED_SECONDS: Final = 1  # for a thread; after a longer wait the caller may have left
SEND_TIMEOUT: Final = struct.pack("@ll", ANSWER_SECONDS, 0)  # a timeval
# gunicorn@27.0.1:gunicorn/workers/gthread.py, base.py
OVERRIDDEN: Final = (
    *("init_process", "enqueue_req", "handle", "finish_request", "handle_request"),
    "handle_error",
)
log = logging.getLogger(__name__)


class Worker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Ends requests that do not arrive in time, and lets idle connections hold no thread.

    What is no request is answered as the hooks answer: in one line of JSON.
    """

    def init_process(self) -> None:
        """Start what ends them, in the process that answers."""
        self._heads, self._bodies = Deadlines(HEAD_SECONDS), Deadlines(BODY_SECONDS)
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:  # noqa: ANN401  gunicorn has no types
        """Let a connection wait for a thread."""
        conn.queued_at = time.monotonic()
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:  # noqa: ANN401  gunicorn has no types
        """Read a request and answer it, in a thread; drop a request whose caller has left."""
        waited = time.monotonic() - conn.queued_at
        if waited > QUEUED_SECONDS and _has_left(conn.sock):
            log.warning(
                "dropped", extra={FIELDS: {"why": "The caller left.", "seconds": round(waited, 1)}}
            )
            conn.sock.close()
            return False
        if not conn.initialized and not conn.wait_for_data(IDLE_SECONDS):
            return gthread._DEFER  # back to the poller
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, SEND_TIMEOUT)
        conn.arrival = self._heads.expect(conn)
        try:
            answered = self._read(conn)
        finally:
            conn.arrival.complete()
        if answered is False:
            # Here, for gunicorn waits in the loop that accepts: 2 s for each that does not close.
            util.close_graceful(conn.sock, PARTING_SECONDS)
        return answered

    def finish_request(self, conn: Any, fs: Any) -> None:  # noqa: ANN401  gunicorn has no types
        """Count a connection out, once if `handle` closed it; gunicorn would fail and count two."""
        if conn.sock.fileno() < 0:
            self.nr_conns -= 1
            return
        super().finish_request(conn, fs)
        if self.pending_conns and self.pending_conns[-1] is conn:
            conn.timeout = time.monotonic() + PENDING_SECONDS

    def _read(self, conn: Any) -> Any:  # noqa: ANN401  gunicorn has no types
        if self.cfg.is_ssl and not conn.initialized:
            if not _shake_hands(conn):
                return False
            conn.data_ready = False
            if not conn.wait_for_data(IDLE_SECONDS):
                return gthread._DEFER
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:  # noqa: ANN401  gunicorn has no types
        """Answer a request whose head is there."""
        conn.arrival.complete()
        arrival: Arrival = self._bodies.expect(conn)
        conn.arrival = arrival
        lengths = [value for name, value in req.headers if name == "CONTENT-LENGTH"]
        chunked = any(name == "TRANSFER-ENCODING" for name, _ in req.headers)
        if not lengths and not chunked:
            arrival.complete()
        if self.cfg.is_ssl and conn.sock.context is not self.cfg.ssl_context(self.cfg, None):
            req.force_close()  # it was let in by files that have been replaced
        req.body = TimedBody(req.body, int(lengths[0]) if lengths else None, arrival)
        return super().handle_request(req, conn)

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


def _shake_hands(conn: Any) -> bool:  # noqa: ANN401  gunicorn has no types
    """Begin TLS on a new connection; tell whether that was done."""
    conn.sock.setblocking(True)
    try:
        conn.init()
    except ssl.SSLEOFError:  # somebody looked whether the port is open, or took too long
        return False
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", None) or error.reason
        log.warning("refused", extra={FIELDS: {"peer": conn.client[0], "why": why}})
        return False
    except OSError:  # reset
        return False
    return True
