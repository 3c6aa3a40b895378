"""Read timeouts of incoming requests: aborts a request if its body is not complete in time.

A socket's own timeout applies to each read, so a caller with a byte now and then could keep a
thread forever.
"""

import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol


class Body(Protocol):
    """The readable body of a request."""

    def read(self, size: int | None = None) -> bytes:
        """Return up to *size* bytes, or all bytes if *size* is None; b"" at the end."""


class Connection(Protocol):
    """A connection. TLS replaces *sock* with a TLS socket."""

    sock: socket.socket


class PendingRequest:
    """A request on *connection*, to be complete by *deadline*, a time of `time.monotonic`."""

    def __init__(self, connection: Connection, deadline: float) -> None:
        self.deadline = deadline
        self._connection: Connection | None = connection
        self._lock = threading.Lock()

    def complete(self) -> None:
        """Mark the request as complete: `abort` then has no effect."""
        with self._lock:
            self._connection = None

    def abort(self) -> None:
        """Close the read side of an incomplete request, to wake the reading thread."""
        with self._lock:
            if self._connection is not None:
                with suppress(OSError):  # the connection is already closed
                    # The method of a TLS socket would continue without TLS.
                    # cpython@v3.11.0:Lib/ssl.py, SSLSocket.shutdown
                    socket.socket.shutdown(self._connection.sock, socket.SHUT_RD)


class ReadTimeouts:
    """Aborts requests with a body that takes longer than *seconds*, from a single thread."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pending: deque[PendingRequest] = deque()  # the earliest deadline first
        self._more = threading.Event()
        threading.Thread(target=self._run, name="deadlines", daemon=True).start()

    def expect(self, connection: Connection) -> PendingRequest:
        """Return a pending request on *connection*. Its time starts now."""
        pending = PendingRequest(connection, time.monotonic() + self._seconds)
        self._pending.append(pending)
        self._more.set()
        return pending

    def _run(self) -> None:
        while True:
            self._more.wait()
            self._more.clear()
            while self._pending:
                pending = self._pending.popleft()
                time.sleep(max(0.0, pending.deadline - time.monotonic()))
                pending.abort()


class BodyWithTimeout:
    """Reads *body*, and completes *pending* at the end of the body.

    *keep_open* is called if all *length* bytes have been read. The next request then begins at a
    known place of the connection.
    """

    def __init__(
        self, body: Body, length: int, pending: PendingRequest, keep_open: Callable[[], None]
    ) -> None:
        self._body = body
        self._left = length
        self._pending = pending
        self._keep_open = keep_open

    def read(self, size: int | None = None) -> bytes:
        """Return up to *size* bytes, or all bytes if *size* is None; b"" at the end."""
        data = self._body.read(size)
        self._left -= len(data)
        if not data or size is None or self._left == 0:
            self._pending.complete()
        if self._left == 0:
            self._keep_open()
        return data
