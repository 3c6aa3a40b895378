"""An end for HTTP calls that timeouts do not end, and for answers that have none.

Timeouts are for each read, and hold for a peer that sends a byte now and then. Knows no tokens.
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

CHUNK_BYTES: Final = 8192
_local = threading.local()


@contextmanager
def hard_deadline(seconds: float) -> Iterator[None]:
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

    @property
    def over(self) -> bool:
        """Whether its time is up."""
        return self._over

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


class _AbortableConnection(urllib3.connection.HTTPConnection):
    def _new_conn(self) -> socket.socket:
        sock = self._connect()
        _use(sock)
        return sock

    def _connect(self) -> socket.socket:
        """Try the host's addresses, until the call is over: urllib3 gives each its whole time."""
        name, call = self._dns_host, _current()
        try:
            found = socket.getaddrinfo(name, self.port, 0, socket.SOCK_STREAM)
            for *_, address in found[:-1]:
                self._dns_host = str(address[0])
                with suppress(NewConnectionError, ConnectTimeoutError):
                    return super()._new_conn()
                if call is not None and call.over:
                    raise ConnectTimeoutError(self, f"no address of {name} answers in time")
            self._dns_host = str(found[-1][4][0])
            return super()._new_conn()
        except (socket.gaierror, UnicodeError):
            return super()._new_conn()  # which tells that there is none
        finally:
            self._dns_host = name

    def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  passed on
        if self.sock is not None:  # one that is used again
            _use(self.sock)
        super().request(*args, **kwargs)


class _AbortableTLSConnection(_AbortableConnection, urllib3.connection.HTTPSConnection):
    pass


def _current() -> _Call | None:
    """Return this thread's call, where it is within a `hard_deadline`."""
    return getattr(_local, "call", None)


def _use(sock: socket.socket) -> None:
    call = _current()
    if call is not None:
        call.use(sock)


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _AbortableConnection


class _PoolTLS(urllib3.HTTPSConnectionPool):
    ConnectionCls = _AbortableTLSConnection


POOLS: Final = {"http": _Pool, "https": _PoolTLS}


class _Body(io.BytesIO):
    """A body that is there, in the place of urllib3's answer."""

    enforce_content_length = False  # azure-core sets it


class DeadlineAdapter(HTTPAdapter):
    """Sends through connections that `hard_deadline` can end; reads *limit* bytes or a few more.

    They stay as they were sent: whoever decodes them has no limit.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  passed on
        """Let the pools be ours."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  likewise
        """Let the pools of connections through a proxy be ours too."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Send *request*; return its answer, read. Raises `requests.RequestException`."""
        response = super().send(request, *args, **kwargs)
        try:
            response.raw = _Body(self._read(response.raw))
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.ReadTimeout(error, request=request) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise requests.ConnectionError(error, request=request) from error
        return response

    def _read(self, answer: urllib3.HTTPResponse) -> bytes:
        body = b""
        with answer:
            while len(body) <= self._limit:
                chunk = answer.read1(CHUNK_BYTES, decode_content=False)
                if not chunk:
                    break
                body += chunk
        return body


def harden(session: requests.Session, limit: int) -> None:
    """Let *session* keep no cookie, read no `.netrc`, and take *limit* bytes, unpacked, at most."""
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.auth = _no_auth
    # Compression has no use for one token, and a bomb needs it.
    session.headers["Accept-Encoding"] = "identity"
    session.mount("https://", DeadlineAdapter(limit))


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave *request* alone; without this, requests adds a password from `.netrc`."""
    return request
