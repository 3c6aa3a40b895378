"""Reads the head of a request (the part before the body) without waiting for bytes.

Each function returns at once, with the progress of the request. A slow or silent caller occupies a
connection and never a thread. *conn* is gunicorn's `TConn`.
gunicorn@27.0.1:gunicorn/workers/gthread.py
"""

import logging
import ssl
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from gunicorn.http import get_parser  # type: ignore[import-untyped]

from hooks.log import FIELDS

MAX_HEAD_BYTES: Final = 16 * 1024  # Metacontroller sends less than 1 KiB; 1,000 callers may wait
END: Final = b"\r\n\r\n"
CHUNK_BYTES: Final = 8192
log = logging.getLogger(__name__)


class Progress(Enum):
    """The progress of a TLS handshake or a head."""

    COMPLETE = "complete"
    UNFINISHED = "unfinished"
    GONE = "gone"  # the caller closed the connection, or TLS refused the caller
    TOO_LARGE = "too large"


def shake_hands(
    conn: Any,  # noqa: ANN401  gunicorn has no types
    new_context: Callable[[], ssl.SSLContext],
) -> Progress:
    """Return the progress of the TLS handshake on *conn*. *conn* has no parser before its end."""
    try:
        if not isinstance(conn.sock, ssl.SSLSocket):
            conn.sock = new_context().wrap_socket(
                conn.sock, server_side=True, do_handshake_on_connect=False
            )
        conn.sock.do_handshake()
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return Progress.UNFINISHED
    except ssl.SSLEOFError:  # for example a check whether the port is open
        return Progress.GONE
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", None) or error.reason
        log.warning("refused", extra={FIELDS: {"peer": conn.client[0], "why": why}})
        return Progress.GONE
    except OSError:  # the caller reset the connection
        return Progress.GONE
    return Progress.COMPLETE


def read_head(conn: Any) -> Progress:  # noqa: ANN401  likewise
    """Return the progress of the head on *conn*. The parser of *conn* keeps the bytes.

    A complete head ends with an empty line. gunicorn's parser then does not wait for more bytes.
    gunicorn@27.0.1:gunicorn/http/message.py, Request.parse
    """
    if conn.parser is None:
        conn.parser = get_parser(conn.cfg, conn.sock, conn.client)
        conn.initialized = True
    unreader = conn.parser.unreader
    data: bytes = unreader.take_buffered()
    try:
        while END not in data and len(data) <= MAX_HEAD_BYTES:
            more = conn.sock.recv(CHUNK_BYTES)
            if not more:
                return Progress.GONE
            data += more
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return Progress.UNFINISHED
    except OSError:  # the caller reset the connection
        return Progress.GONE
    finally:
        unreader.unread(data)
    return Progress.COMPLETE if END in data else Progress.TOO_LARGE
