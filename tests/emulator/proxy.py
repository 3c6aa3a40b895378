"""Forwards a request to another server, and returns the unchanged response.

Knows the headers that a proxy must drop, and nothing about the content.
"""

from collections.abc import Iterable
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from tests.emulator.message import Request, Response

TIMEOUT_SECONDS = 30
# Headers of a single connection: RFC 9110, section 7.6.1, and for older servers RFC 2616, section
# 13.5.1
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

Header = tuple[str, str]


def pass_on(request: Request, url: str) -> Response:
    """Return the response of the server at *url*, `http://host:port`; 502 without a response.

    The Host header stays the client's. The body is read to its end, and the writer of the response
    sets the length; a response without a body keeps its Content-Length.
    """
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.putrequest(
            request.method, request.target, skip_host=True, skip_accept_encoding=True
        )
        for name, value in _end_to_end(request.headers.items()):
            connection.putheader(name, value)
        connection.endheaders(request.body or None)
        answer = connection.getresponse()
        body = answer.read()
        headers = _end_to_end(answer.getheaders())
    except (OSError, HTTPException) as error:
        return Response(502, f"{url}: {error!r}\n".encode())
    finally:
        connection.close()
    if body:
        headers = [header for header in headers if header[0].lower() != "content-length"]
    return Response(answer.status, body, tuple(headers))


def _end_to_end(headers: Iterable[Header]) -> list[Header]:
    """Return *headers* without the headers of a connection, which Connection can add to."""
    sent = list(headers)
    named = {
        option.strip().lower()
        for name, value in sent
        if name.lower() == "connection"
        for option in value.split(",")
    }
    return [header for header in sent if header[0].lower() not in _HOP_BY_HOP | named]
