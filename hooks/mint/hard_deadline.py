"""Enforces a hard deadline and a size limit on outgoing HTTP requests.

The timeouts of requests apply to each read. A peer that sends a byte now and then never reaches
them. A timer shuts down the socket instead.
"""

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

BODY_CHUNK_BYTES: Final = 8192
_local = threading.local()


@contextmanager
def hard_deadline(seconds: float) -> Iterator[None]:
    """After *seconds*, fail this thread's requests through a `DeadlineAdapter`."""
    abortable = _Abortable()
    timer = threading.Timer(seconds, abortable.abort)
    timer.daemon = True
    _local.abortable = abortable
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        abortable.close()
        _local.abortable = None


class _Abortable:
    """A request whose socket can be shut down.

    Keeps a duplicate of the socket, because TLS detaches the original.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._duplicate: socket.socket | None = None
        self._expired = False

    @property
    def expired(self) -> bool:
        """True if the deadline has passed."""
        return self._expired

    def watch(self, sock: socket.socket) -> None:
        with self._lock:
            self._close_duplicate()
            self._duplicate = socket.fromfd(sock.fileno(), sock.family, sock.type)
            if self._expired:
                self._shut_down()

    def abort(self) -> None:
        with self._lock:
            self._expired = True
            self._shut_down()

    def close(self) -> None:
        with self._lock:
            self._close_duplicate()

    def _shut_down(self) -> None:
        if self._duplicate is not None:
            with suppress(OSError):  # the peer has closed it
                self._duplicate.shutdown(socket.SHUT_RDWR)

    def _close_duplicate(self) -> None:
        if self._duplicate is not None:
            self._duplicate.close()
            self._duplicate = None


class _AbortableConnection(urllib3.connection.HTTPConnection):
    def _new_conn(self) -> socket.socket:
        sock = self._connect()
        _watch(sock)
        return sock

    def _connect(self) -> socket.socket:
        """Try the host's addresses until the deadline; urllib3 gives each a whole timeout."""
        name, abortable = self._dns_host, _current()
        try:
            found = socket.getaddrinfo(name, self.port, 0, socket.SOCK_STREAM)
            for *_, address in found[:-1]:
                self._dns_host = str(address[0])
                with suppress(NewConnectionError, ConnectTimeoutError):
                    return super()._new_conn()
                if abortable is not None and abortable.expired:
                    raise ConnectTimeoutError(self, f"no address of {name} responds in time")
            self._dns_host = str(found[-1][4][0])
            return super()._new_conn()
        except (socket.gaierror, UnicodeError):
            return super()._new_conn()  # raises urllib3's error for the name
        finally:
            self._dns_host = name

    def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  passed on
        if self.sock is not None:  # a connection from the pool
            _watch(self.sock)
        super().request(*args, **kwargs)


class _AbortableTLSConnection(_AbortableConnection, urllib3.connection.HTTPSConnection):
    pass


def _current() -> _Abortable | None:
    """Return the request of this thread's `hard_deadline`; None outside a `hard_deadline`."""
    return getattr(_local, "abortable", None)


def _watch(sock: socket.socket) -> None:
    abortable = _current()
    if abortable is not None:
        abortable.watch(sock)


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _AbortableConnection


class _PoolTLS(urllib3.HTTPSConnectionPool):
    ConnectionCls = _AbortableTLSConnection


POOLS: Final = {"http": _Pool, "https": _PoolTLS}


class _Body(io.BytesIO):
    """A complete body, in place of urllib3's response."""

    enforce_content_length = False  # azure-core sets it


class DeadlineAdapter(HTTPAdapter):
    """Sends through connections that `hard_deadline` can abort.

    Reads *limit* bytes of a body, and up to `BODY_CHUNK_BYTES` more. A body is not decompressed,
    because *limit* counts raw bytes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  passed on
        """Use pools with abortable connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  passed on
        """Use pools with abortable connections through a proxy too."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Send *request*, and return the response with its body. Raises `RequestException`."""
        response = super().send(request, *args, **kwargs)
        try:
            response.raw = _Body(self._read(response.raw))
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.ReadTimeout(error, request=request) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise requests.ConnectionError(error, request=request) from error
        return response

    def _read(self, response: urllib3.HTTPResponse) -> bytes:
        body = b""
        with response:
            while len(body) <= self._limit:
                chunk = response.read1(BODY_CHUNK_BYTES, decode_content=False)
                if not chunk:
                    break
                body += chunk
        return body


def harden(session: requests.Session, limit: int) -> None:
    """Disable cookies, `.netrc` and compression in *session*, and limit bodies to *limit* bytes."""
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.auth = _no_auth
    # A token is small. Without compression there are no decompression bombs.
    session.headers["Accept-Encoding"] = "identity"
    session.mount("https://", DeadlineAdapter(limit))


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return *request* unchanged. Without this, requests adds a password from `.netrc`."""
    return request
