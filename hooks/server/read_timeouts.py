"""An end for requests that do not arrive: a byte now and then keeps a thread for ever.

Knows sockets; nothing of HTTP.
"""

import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Protocol


class Body(Protocol):
    """What a request's body can do."""

    def read(self, size: int | None = None) -> bytes:
        """Return up to *size* bytes, all that there are for None; none at the end."""


class Connection(Protocol):
    """What has a socket, which TLS replaces by one of its own."""

    sock: socket.socket


class PendingRequest:
    """A request on its way in on *connection*, to be there at *at*, of `time.monotonic`."""

    def __init__(self, connection: Connection, at: float) -> None:
        self.at = at
        self._connection: Connection | None = connection
        self._lock = threading.Lock()

    def complete(self) -> None:
        """Note that it is there."""
        with self._lock:
            self._connection = None

    def end(self) -> None:
        """Wake the thread that reads it, if it is not there."""
        with self._lock:
            if self._connection is not None:
                with suppress(OSError):  # it has ended by itself
                    # Not by the socket's own method: that of TLS would go on without TLS.
                    # cpython@v3.11.0:Lib/ssl.py, SSLSocket.shutdown
                    socket.socket.shutdown(self._connection.sock, socket.SHUT_RD)


class ReadTimeouts:
    """Ends arrivals that take longer than *seconds*, from one thread."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._arrivals: deque[PendingRequest] = deque()  # in order, for all have the same time
        self._more = threading.Event()
        threading.Thread(target=self._run, name="deadlines", daemon=True).start()

    def expect(self, connection: Connection) -> PendingRequest:
        """Return the arrival of a request on *connection*, which begins now."""
        arrival = PendingRequest(connection, time.monotonic() + self._seconds)
        self._arrivals.append(arrival)
        self._more.set()
        return arrival

    def _run(self) -> None:
        while True:
            self._more.wait()
            self._more.clear()
            while self._arrivals:
                arrival = self._arrivals.popleft()
                time.sleep(max(0.0, arrival.at - time.monotonic()))
                arrival.end()


class BodyWithTimeout:
    """A *body* that notes its end with its *arrival*; of *length* bytes, None if sent in chunks."""

    def __init__(self, body: Body, length: int | None, arrival: PendingRequest) -> None:
        self._body = body
        self._left = length
        self._arrival = arrival

    def read(self, size: int | None = None) -> bytes:
        """Return up to *size* bytes, all that there are for None."""
        data = self._body.read(size)
        if self._left is not None:
            self._left -= len(data)
        if not data or size is None or self._left == 0:
            self._arrival.complete()
        return data
