"""Callers that send a few bytes and no more, and connect again after a disconnection."""

import socket
import threading
from contextlib import suppress
from typing import Self

Address = tuple[str, int]


class Strangers:
    """*count* open connections to *address* within a `with` block; each sends *sent*.

    Every *pause* seconds, connections ended by the service are closed and replaced.
    """

    def __init__(self, address: Address, count: int, sent: bytes, pause: float = 0.05) -> None:
        self._address, self._count, self._sent, self._pause = address, count, sent, pause
        self._open: list[socket.socket] = []
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._stay, daemon=True)

    def __enter__(self) -> Self:
        """Connect."""
        self._connect()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._leaving.set()
        self._thread.join()
        for connection in self._open:
            connection.close()

    def _stay(self) -> None:
        while not self._leaving.wait(self._pause):
            self._open = [connection for connection in self._open if _is_open(connection)]
            self._connect()

    def _connect(self) -> None:
        while len(self._open) < self._count and not self._leaving.is_set():
            with suppress(OSError):
                connection = socket.create_connection(self._address, 1)
                connection.sendall(self._sent)
                connection.setblocking(False)
                self._open.append(connection)


def _is_open(connection: socket.socket) -> bool:
    try:
        while connection.recv(65536):
            pass  # an answer
    except BlockingIOError:
        return True
    except OSError:
        pass
    connection.close()
    return False
