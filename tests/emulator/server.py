"""An HTTP server on loopback. Stopping the server ends all threads and sockets at any time.

Accepts and ends connections; `delivery` speaks HTTP.
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
    """Serves *service* on the same port of all *addresses*; with a TLS context over HTTPS.

    The first address must be free. Other addresses are skipped if the machine lacks them, such as
    127.0.0.2 on macOS. *handler* speaks HTTP on a connection.
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
        """Bind only; HTTPServer would look up the host's name."""
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
        """Start a daemon thread; `stop` waits for the thread, a failing program does not."""
        worker = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        self._workers = {other for other in self._workers if other.is_alive()} | {worker}
        worker.start()

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as in the base class
        """Close only: a FIN would reach the client ahead of the RST of a fault."""
        with self._lock:
            self._connections.discard(request)
        request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """Print no errors of clients that disconnect or distrust the certificate."""
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
            if self._context:  # the connection's thread does the handshake
                connection = self._context.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
        except OSError:
            return  # closed before the accept
        with self._lock:
            self._connections.add(connection)
        self.process_request(connection, address)


def _shut(connection: socket.socket) -> None:
    """Wake the reading or writing thread; SSLSocket.shutdown would remove TLS in use."""
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return  # the client closed first
