"""HTTP requests as bytes: Metacontroller's requests, and requests that no client would send.

This module knows the grammar of HTTP/1.1, but not the content of bodies.
"""

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from tests.fuzz.bodies import TOKEN, bodies
from tests.fuzz.seeds import Sent

JWT: Final = TOKEN.encode()
HOST: Final = b"Host: 127.0.0.1"
LENGTH: Final = b"Content-Length: %d"
METHODS: Final = (
    b"GET", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"PATCH", b"TRACE", b"CONNECT", b"PRI",
    b"post", b"P\0ST", b"", b"\xff", b"A" * 5000, JWT,
)  # fmt: skip
TARGETS: Final = (
    b"/", b"/sync/", b"//sync", b"/./sync", b"/sync?a=b", b"/sync?" + b"a" * 5000, b"/sync%00",
    b"/%73ync", b"/..%2fsync", b"http://other/sync", b"http://[::1/sync", b"*", b"", b"sync",
    b"/\xff", b"/%ff", b"/%ed%a0%80", b"/%", b"/sync#a", b"/sync;a", b"/ sync", b"/\r", b"/\0",
    b"/" + JWT, b"/sync?token=" + JWT, b"/healthz", b"/readyz", b"/finalize", b"/customize",
    b"/serviceaccount/sync", b"/serviceaccount/customize",
)  # fmt: skip
VERSIONS: Final = (b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.1 x", b"http/1.1", b"")
HEADERS: Final = (
    b"Content-Type: text/plain", b"Content-Type: application/x-www-form-urlencoded",
    b"Content-Type: multipart/form-data; boundary=a", b"Content-Type: application/json; charset=x",
    b"Content-Type: \xff", b"Content-Encoding: gzip", b"Accept: text/html", b"Accept-Encoding: br",
    b"Expect: 100-continue", b"Expect: 200-ok", b"Expect:", b"Connection: close",
    b"Connection: upgrade\r\nUpgrade: websocket", b"Connection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", b"TE: trailers", b"Range: bytes=0-1",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: x",
    b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: abc",
    b"Content-Length: 1, 2", b"Content-Length: +5", b"Content-Length: 0x10", b"Content-Length:",
    b"Content-Length: 99999999999999999999999999", b"Content-Length: \xb2",
    b"Content-Length: 9000000", b"Host: a", b"Host: a b", b"Host: [::1", b"Host: \xff", b"Host:",
    b"Host: " + b"x" * 300, b"Host: a:99999999", b"Authorization: Bearer " + JWT,
    b"Authorization Bearer " + JWT, b"Authorization: \xff\xfe", b"Cookie: a=" + JWT,
    b"X-Forwarded-Proto: https", b"X-Forwarded-Proto: a\r\nX-Forwarded-Ssl: on",
    b"X-Forwarded-For: a", b"Forwarded: for=a", b"Script_Name: /x", b"SCRIPT-NAME: /x",
    b"Path_Info: /x", b"X_Y: a", b"Content_Length: 5", b"X-HTTP-Method-Override: GET",
    b"X: a\0b", b"X : a", b" X: a", b"X: a\r\n folded: b", b"X: a\nY: b", b"X: a\rY: b", b": a",
    b"X: " + b"a" * 10_000, JWT + b": a", b"\xff: a", b"X: \xff",
    b"\r\n".join(b"X-%d: a" % number for number in range(200)),
)  # fmt: skip
ENDS: Final = (b"\n", b"\r\r\n", b"\r", b"\0")
SHOWN: Final = 4000  # bytes
ODDITIES: Final = ("method", "target", "version", "header", "no host", "length", "end", "tail")


@dataclass(frozen=True, repr=False)
class Request:
    """A request as sent. A *plain* request differs from Metacontroller's only in the body."""

    method: bytes
    target: bytes
    body: bytes
    data: bytes
    plain: bool

    def __repr__(self) -> str:
        """Return the bytes, or their beginning and end."""
        if len(self.data) <= SHOWN:
            return repr(self.data)
        return f"{self.data[: SHOWN // 2]!r}...{self.data[-SHOWN // 2 :]!r}, {len(self.data)} bytes"


@st.composite
def requests(draw: st.DrawFn, captured: list[Sent]) -> Request:
    """Return a request from *captured* with damage to its body, its HTTP, or both."""
    sent = draw(st.sampled_from(captured))
    body = draw(bodies(sent.body))
    odd = draw(st.sets(st.sampled_from(ODDITIES), max_size=2)) if draw(st.booleans()) else set()
    method = draw(st.sampled_from(METHODS)) if "method" in odd else b"POST"
    target = draw(st.sampled_from(TARGETS)) if "target" in odd else sent.path.encode()
    version = draw(st.sampled_from(VERSIONS)) if "version" in odd else b"HTTP/1.1"
    shift = draw(st.sampled_from([-10, -1, 1, 1000])) if "length" in odd else 0
    headers = [LENGTH % (len(body) + shift)]
    if "no host" not in odd:
        headers.insert(0, HOST)
    if "header" in odd:
        headers.insert(draw(st.integers(0, len(headers))), draw(st.sampled_from(HEADERS)))
    end = draw(st.sampled_from(ENDS)) if "end" in odd else b"\r\n"
    head = end.join((b" ".join((method, target, version)), *headers, b"", b""))
    tail = draw(st.sampled_from((b"x", b"\r\n", b"GET /", head))) if "tail" in odd else b""
    return Request(method, target, body, head + body + tail, plain=not odd)
