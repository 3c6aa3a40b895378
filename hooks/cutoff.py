"""An end for HTTP calls that timeouts do not end.

Those are for each read, and hold for a peer that sends a byte now and then. Knows no tokens.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter

_local = threading.local()


@contextmanager
def cutoff(seconds: float) -> Iterator[None]:
    """End this thread's calls through a `CutoffAdapter` after *seconds*: they fail."""
    call = _Call()
    timer = threading.Timer(seconds, call.cut)
    timer.daemon = True
    _local.call = call
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        call.forget()
        _local.call = None


class _Call:
    """The socket of a call, by a handle of its own: TLS takes the first one away."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        self._over = False

    def use(self, sock: socket.socket) -> None:
        with self._lock:
            self._close()
            self._handle = socket.fromfd(sock.fileno(), sock.family, sock.type)
            if self._over:
                self._shut()

    def cut(self) -> None:
        with self._lock:
            self._over = True
            self._shut()

    def forget(self) -> None:
        with self._lock:
            self._close()

    def _shut(self) -> None:
        if self._handle is not None:
            with suppress(OSError):  # it has ended by itself
                self._handle.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None


class _Connection(urllib3.connection.HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        _use(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  passed on
        if self.sock is not None:  # one that is used again
            _use(self.sock)
        super().request(*args, **kwargs)


def _use(sock: socket.socket) -> None:
    call: _Call | None = getattr(_local, "call", None)
    if call is not None:
        call.use(sock)


class _Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Connection


class CutoffAdapter(HTTPAdapter):
    """Sends through connections that `cutoff` can end."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  passed on
        """Let the pools be ours."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            **self.poolmanager.pool_classes_by_scheme,
            "https": _Pool,
        }
