"""The emulator with another registry behind its `/v2/`, and the key that such a one verifies."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import create_default_context

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.azure.client import CLIENT_ID, TIMEOUT, access_token
from tests.emulator import Emulator, Fault
from tests.emulator.image import new_image
from tests.emulator.settings import system_clock
from tests.emulator.signer import key_id

Header = tuple[str, str]


@dataclass
class Answer:
    """What the registry answers: after *status* what stands in *headers*, and nothing else."""

    status: int = 200
    headers: tuple[Header, ...] = (("Content-Length", "2"),)
    body: bytes = b"{}"


@dataclass
class Asked:
    """A request as it reached the registry."""

    line: str
    headers: Message
    body: bytes


@dataclass
class Registry:
    """A registry that answers what a test puts in, and keeps what it was asked."""

    url: str = ""
    answer: Answer = field(default_factory=Answer)
    asked: list[Asked] = field(default_factory=list)


def serve(registry: Registry) -> ThreadingHTTPServer:
    """Return a server of *registry*, on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            registry.asked.append(Asked(self.requestline, self.headers, body))
            self.send_response_only(registry.answer.status)
            for header in registry.answer.headers:
                self.send_header(*header)
            self.end_headers()
            self.wfile.write(registry.answer.body)

        do_GET = do_HEAD = do_PUT = answer  # noqa: N815  names of the base class

        def log_message(self, format: str, *args: object) -> None:
            """Keep silent."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def registry() -> Iterator[Registry]:
    """Start a registry."""
    registry = Registry()
    with serve(registry) as server:
        registry.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield registry
        server.shutdown()
        thread.join()


@pytest.fixture
def emulator(emulator: Emulator) -> Iterator[Emulator]:
    """Let it go by the machine's clock, as PyJWT does, and leave it without the registry."""
    emulator.clock = system_clock
    yield emulator
    emulator.registry_url = ""


@pytest.fixture
def front(emulator: Emulator, registry: Registry) -> Emulator:
    """Return the emulator with the registry behind it."""
    emulator.registry_url = registry.url
    return emulator


@dataclass
class Received:
    """An answer as it reached the client."""

    status: int
    headers: list[Header]
    body: bytes


def ask(
    emulator: Emulator, method: str, target: str, *headers: Header, body: bytes = b""
) -> Received:
    """Ask the emulated ACR with these bytes: no library adds or follows anything."""
    trusted = create_default_context(cafile=emulator.ca_file)
    connection = HTTPSConnection(emulator.acr_server, context=trusted, timeout=TIMEOUT)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for header in headers:
            connection.putheader(*header)
        connection.endheaders(body or None)
        response = connection.getresponse()
        return Received(response.status, response.getheaders(), response.read())
    finally:
        connection.close()


def public_key(token_file: Path) -> RSAPublicKey:
    """Return the key in the certificate in *token_file*."""
    key = x509.load_pem_x509_certificate(token_file.read_bytes()).public_key()
    assert isinstance(key, RSAPublicKey)
    return key


def test_request_is_passed_on(front: Emulator, registry: Registry) -> None:
    """The registry sees what the client sent, under the name that the client calls it by."""
    target = "/v2/team/app/tags/list?n=1&last=a%2Fb&empty="
    sent = [("Authorization", "Bearer a.b.c"), ("Accept", "text/a"), ("Accept", "text/b;q=0.5")]
    assert ask(front, "GET", target, *sent).status == 200
    (asked,) = registry.asked
    assert asked.line == f"GET {target} HTTP/1.1"
    assert sorted(asked.headers.items()) == [
        ("accept", "text/a, text/b;q=0.5"),
        ("authorization", "Bearer a.b.c"),
        ("host", front.acr_server),
    ]


def test_request_body(front: Emulator, registry: Registry) -> None:
    """A body goes along."""
    ask(front, "PUT", "/v2/app/manifests/1", ("Content-Length", "5"), body=b"\x00\xff\r\n{")
    (asked,) = registry.asked
    assert (asked.body, asked.headers["content-length"]) == (b"\x00\xff\r\n{", "5")


def test_hop_by_hop_of_request(front: Emulator, registry: Registry) -> None:
    """What is between client and emulator stays there."""
    hops = [("Connection", "close, X-Hop"), ("X-Hop", "1"), ("TE", "trailers"), ("Keep-Alive", "9")]
    ask(front, "GET", "/v2/", *hops, ("X-End", "2"))
    (asked,) = registry.asked
    assert sorted(asked.headers.items()) == [("host", front.acr_server), ("x-end", "2")]


def test_answer_is_passed_back(front: Emulator, registry: Registry) -> None:
    """The client gets status, headers and body as they are; a redirect is the client's affair."""
    headers = (
        ("Date", "Mon, 23 Nov 2026 12:00:00 GMT"),
        ("Server", "other/1.0"),
        ("Location", "/v2/elsewhere"),
        ("Www-Authenticate", 'Bearer realm="a"'),
        ("Www-Authenticate", 'Basic realm="b"'),
    )
    registry.answer = Answer(307, (*headers, ("Content-Length", "4")), b"\x00\xff\r\n")
    received = ask(front, "GET", "/v2/")
    assert received == Received(307, [*headers, ("Content-Length", "4")], b"\x00\xff\r\n")
    assert len(registry.asked) == 1


def test_hop_by_hop_of_answer(front: Emulator, registry: Registry) -> None:
    """What is between emulator and registry stays there; a body in chunks arrives whole."""
    hops = (("Connection", "close, X-Hop"), ("X-Hop", "1"), ("Transfer-Encoding", "chunked"))
    registry.answer = Answer(200, (*hops, ("Date", "now")), b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    received = ask(front, "GET", "/v2/")
    assert received == Received(200, [("Date", "now"), ("Content-Length", "5")], b"abcde")


@pytest.mark.parametrize(
    ("method", "status", "length"),
    [("HEAD", 200, "1234"), ("HEAD", 200, None), ("GET", 204, None), ("GET", 304, None),
     ("GET", 404, "0")],
)  # fmt: skip
def test_answer_without_body(
    front: Emulator, registry: Registry, method: str, status: int, length: str | None
) -> None:
    """The length of an answer without a body is the one that the registry named, or none."""
    headers = [("Date", "now"), *([("Content-Length", length)] if length else [])]
    registry.answer = Answer(status, tuple(headers), b"")
    assert ask(front, method, "/v2/app/blobs/sha256:0") == Received(status, headers, b"")


def test_requests_are_recorded(front: Emulator, registry: Registry) -> None:
    """The log has a request that was passed on as it has any other, with the registry's status."""
    registry.answer = Answer(401)
    ask(front, "GET", "/v2/app/manifests/1?a=b", ("Authorization", "Bearer secret"))
    (record,) = front.requests
    assert (record.endpoint, record.method, record.path) == ("v2", "GET", "/v2/app/manifests/1")
    assert (record.query, record.host, record.status) == ({"a": "b"}, front.acr_server, 401)
    assert record.authorization.startswith("Bearer sha256:")


def test_fault_comes_first(front: Emulator, registry: Registry) -> None:
    """A fault meets a request before the registry does."""
    front.faults.add("v2", Fault(status=503, times=1))
    assert [ask(front, "GET", "/v2/").status for _ in range(2)] == [503, 200]
    assert len(registry.asked) == 1


def test_fault_beside_the_answer(front: Emulator) -> None:
    """A fault of the wire meets the registry's answer."""
    front.faults.add("v2", Fault(headers={"Docker-Content-Digest": "sha256:0"}))
    received = ask(front, "GET", "/v2/")
    assert ("Docker-Content-Digest", "sha256:0") in received.headers
    assert received.body == b"{}"


def test_tokens_are_not_passed_on(front: Emulator, registry: Registry) -> None:
    """The token endpoints stay the emulator's own."""
    assert access_token(front)
    assert ask(front, "GET", "/other").status == 404
    assert registry.asked == []


def test_registry_set_and_taken_away(emulator: Emulator, registry: Registry) -> None:
    """It can come after the start, stays over a reset, and without it there is the tiny one."""
    bearer = ("Authorization", f"Bearer {access_token(emulator)}")
    assert dict(ask(emulator, "GET", "/v2/", bearer).headers)["Server"] == "openresty"
    emulator.registry_url = registry.url
    emulator.reset()
    assert ask(emulator, "GET", "/v2/", bearer).status == 200
    assert len(registry.asked) == 1
    emulator.registry_url = ""
    assert dict(ask(emulator, "GET", "/v2/", bearer).headers)["Server"] == "openresty"
    assert len(registry.asked) == 1


def test_registry_unreachable(emulator: Emulator) -> None:
    """Nobody there is the emulator's 502, which names the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        emulator.registry_url = f"http://127.0.0.1:{server.server_port}"
    received = ask(emulator, "GET", "/v2/")
    assert received.status == 502
    assert emulator.registry_url.encode() in received.body


def test_registry_that_breaks_off(front: Emulator, registry: Registry) -> None:
    """Half an answer is no answer."""
    registry.answer = Answer(200, (("Content-Length", "9"),), b"half")
    assert ask(front, "GET", "/v2/").status == 502


def test_head_of_own_image(emulator: Emulator) -> None:
    """The tiny registry's HEAD names the length of what GET would send, as before."""
    bearer = ("Authorization", f"Bearer {access_token(emulator)}")
    received = ask(emulator, "HEAD", "/v2/team/alice/manifests/1", bearer)
    assert dict(received.headers)["Content-Length"] == str(len(new_image().manifest))
    assert received.body == b""


def test_token_certificate(emulator: Emulator) -> None:
    """The certificate's key verifies an access token, whose `kid` is that key's."""
    assert emulator.token_file == emulator.ca_file.with_name("token.crt")
    key, token = public_key(emulator.token_file), access_token(emulator)
    assert jwt.decode(token, key, ["RS256"], audience=emulator.acr_server)["sub"] == CLIENT_ID
    assert jwt.get_unverified_header(token)["kid"] == key_id(key)


def test_token_certificate_after_a_stop(tmp_path: Path) -> None:
    """A new start writes the same key, into the directory it is given."""
    emulator = Emulator(directory=tmp_path)
    keys = []
    for _ in range(2):
        with emulator:
            keys.append(public_key(tmp_path / "token.crt"))
    assert keys[0] == keys[1]


def test_token_certificates_differ(emulator: Emulator, tmp_path: Path) -> None:
    """Another emulator's key is another one, so a registry tells their tokens apart."""
    with Emulator(directory=tmp_path) as other:
        assert public_key(other.token_file) != public_key(emulator.token_file)
