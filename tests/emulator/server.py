"""An HTTP server on loopback that can be stopped at any time, without a thread or socket left.

Knows how to accept and to end connections; `delivery` speaks HTTP on them.
"""

import errno
import selectors
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from tests.emulator.fault import Fault
from tests.emulator.message import Request, Response

Service = Callable[[Request], tuple[Response, Fault]]


class LoopbackServer(ThreadingHTTPServer):
    """Serves *service* on one port of each of *addresses*; with a TLS context over https.

    The first address must be free; others that the machine lacks are left out, such as 127.0.0.2 on
    macOS. *handler* speaks HTTP on a connection.
    """

    request_queue_size = 128

    def __init__(
        self,
        addresses: tuple[str, ...],
        port: int,
        handler: type[BaseHTTPRequestHandler],
        service: Service,
        context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__((addresses[0], port), handler)
        self.service = service
        self.stopping = threading.Event()
        self._context = context
        self._wake, self._woken = socket.socketpair()
        self._connections: set[socket.socket] = set()
        self._workers: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self.port: int = self.socket.getsockname()[1]
        self._listeners = [self.socket, *self._others(addresses[1:])]
        self._acceptor = threading.Thread(
            target=self._accept_all, name=f"accept-{self.port}", daemon=True
        )
        self._acceptor.start()

    def server_bind(self) -> None:
        """Bind only: HTTPServer would look up the host's name."""
        TCPServer.server_bind(self)

    def stop(self) -> None:
        """End every connection and wait for the threads."""
        self.stopping.set()
        self._wake.send(b"x")
        self._acceptor.join()
        with self._lock:
            for connection in self._connections:
                _shut(connection)
        for worker in self._workers:
            worker.join()
        for opened in (*self._listeners, self._wake, self._woken):
            opened.close()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as base
        """Start a thread that `stop` waits for, but that a program which fails does not."""
        worker = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        self._workers = {other for other in self._workers if other.is_alive()} | {worker}
        worker.start()

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as in the base class
        """Close only: a FIN before it would reach the client ahead of the RST of a fault."""
        with self._lock:
            self._connections.discard(request)
        request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """Say nothing of clients that go away or distrust the certificate."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def _others(self, addresses: tuple[str, ...]) -> list[socket.socket]:
        opened = []
        for address in addresses:
            try:
                opened.append(socket.create_server((address, self.port), backlog=128))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
        return opened

    def _accept_all(self) -> None:
        with selectors.DefaultSelector() as selector:
            for listener in (*self._listeners, self._woken):
                selector.register(listener, selectors.EVENT_READ)
            while not self.stopping.is_set():
                for key, _ in selector.select():
                    if key.fileobj is not self._woken and isinstance(key.fileobj, socket.socket):
                        self._accept(key.fileobj)

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, address = listener.accept()
            if self._context:  # the handshake happens in the connection's own thread
                connection = self._context.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
        except OSError:
            return  # gone before it was accepted
        with self._lock:
            self._connections.add(connection)
        self.process_request(connection, address)


def _shut(connection: socket.socket) -> None:
    """Wake the thread that reads or writes; SSLSocket's own method would pull TLS from under it."""
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return  # the client was faster
