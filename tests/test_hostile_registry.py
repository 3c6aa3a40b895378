"""A registry or an IMDS that misbehaves: its own bindings get no token, and it learns nothing."""

import gzip
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from hooks.core.exchange.registry_protocol import MAX_ANSWER_BYTES
from hooks.core.model.reason import Reason
from hooks.core.refresh import MAX_RETRY_AFTER_SECONDS
from hooks.mint.imds_transport import MAX_CONCURRENT
from tests.client import Client, observed, reason
from tests.core.builders import new_jwt
from tests.emulator import Emulator, Fault
from tests.emulator.fault import Endpoint

SCOPE = "repository:a:pull"
OK = b"HTTP/1.1 200 OK\r\n"
TOKEN = b'{"refresh_token":"e30.e30.x","access_token":"e30.e30.x"}'
ETERNAL = new_jwt({"exp": 253402300799, "iat": 0})
ZEROS = b"0" * (64 * MAX_ANSWER_BYTES)  # more than is ever kept of an answer

# What is done in place of an answer, and what the binding's status says then.
UNUSABLE = {
    "html": Fault(body=b"<html>"),
    "no-text": Fault(body={"refresh_token": 5, "access_token": 5}),
    "year-9999": Fault(body={"refresh_token": ETERNAL, "access_token": ETERNAL}),
    "long": Fault(body=b"x" * (MAX_ANSWER_BYTES + 1)),
    "endless": Fault(status=200, endless=True),
    "gzip": Fault(body=gzip.compress(TOKEN), headers={"Content-Encoding": "gzip"}),
    "gzip-bomb": Fault(body=gzip.compress(ZEROS), headers={"Content-Encoding": "gzip"}),
    "deflate-bomb": Fault(body=zlib.compress(ZEROS), headers={"Content-Encoding": "deflate"}),
    "longer-than-said": Fault(raw=OK + b"Connection: close\r\nContent-Length: 5\r\n\r\n" + TOKEN),
    "cut-head": Fault(raw=OK + b"Content-Le"),
    "no-length": Fault(raw=OK + b"\r\n{"),
}
UNREACHABLE = {
    "reset": Fault(reset=True),
    "nothing": Fault(raw=b""),
    "shorter-than-said": Fault(raw=OK + b"Content-Length: 999\r\n\r\n" + TOKEN),
    "http-0.9": Fault(raw=b"<html>\n"),
    "garbage": Fault(raw=b"\x00\xff" * 100 + b"\r\n\r\n"),
    "long-line": Fault(raw=b"HTTP/1.1 200 " + b"O" * 70_000),
    "endless-headers": Fault(raw=OK + b"X: y\r\n", endless=True),
    "endless-header": Fault(raw=b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000),
    "bad-chunk": Fault(raw=OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
}
LATE = {
    "slow-body": Fault(body=TOKEN, dribble=0.5),
    "slow-head": Fault(raw=OK + b"X: " + b"y" * 100, dribble=0.2),
    "slow-line": Fault(raw=b"HTTP/1.1 200 " + b"O" * 100, dribble=0.2),
    "silent": Fault(delay=20),
    "100-storm": Fault(raw=b"HTTP/1.1 100 Continue\r\n\r\n", endless=True),
}
REFUSED = {
    "switching": Fault(raw=b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
    "hints": Fault(raw=b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "no-content": Fault(status=204),
    "status-999": Fault(status=999),
}
CASES = [
    pytest.param(fault, cause, id=name)
    for faults, cause in (
        (UNUSABLE, Reason.MALFORMED_TOKEN),
        (UNREACHABLE, Reason.REGISTRY_UNREACHABLE),
        (REFUSED, Reason.REGISTRY_ERROR),
    )
    for name, fault in faults.items()
]


@pytest.mark.parametrize("hop", ["exchange", "token"])
@pytest.mark.parametrize(("fault", "cause"), CASES)
def test_registry(
    client: Client, emulator: Emulator, hop: Endpoint, fault: Fault, cause: Reason
) -> None:
    """Either hop's misbehaviour has its reason, in time; bindings to other registries go on."""
    hostile, healthy = emulator.acr_servers[:2]
    emulator.faults.add(hop, replace(fault, host=hostile))
    answer = client.sync(observed(client.parent(acrServer=hostile, scope=SCOPE)))
    assert reason(answer) == f"False/{cause}"
    assert emulator.count(hop) == 1
    answer = client.settle(observed(client.parent(acrServer=healthy, scope=SCOPE)))
    assert reason(answer, "TokenFresh") == "True/TokenValid"
    assert emulator.count("other") == 0


@pytest.mark.slow
@pytest.mark.parametrize("hop", ["exchange", "token"])
def test_late_registries(client: Client, emulator: Emulator, hop: Endpoint) -> None:
    """An answer that does not come, or has no end, is cut off; others are served meanwhile."""
    *hostile, healthy = emulator.acr_servers[: len(LATE) + 1]
    for host, fault in zip(hostile, LATE.values(), strict=True):
        emulator.faults.add(hop, replace(fault, host=host))

    def ask(server: str) -> str:
        caller = Client(client.url, server)
        return reason(caller.sync(observed(caller.parent(scope=SCOPE))))

    with ThreadPoolExecutor(len(hostile)) as pool:
        late = [pool.submit(ask, server) for server in hostile]
        assert ask(healthy) == "False/WritingSecret"
        assert not any(future.done() for future in late)
        assert {future.result() for future in late} == {"False/Timeout"}
    assert emulator.count(hop) == len(hostile) + 1


@pytest.mark.parametrize("hop", ["exchange", "token"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["host", "http", "imds"])
def test_redirect(
    client: Client, emulator: Emulator, hop: Endpoint, status: int, target: str
) -> None:
    """No redirect is followed: whoever it names would get the token."""
    locations = {
        "host": f"https://{emulator.acr_servers[1]}/steal",
        "http": f"{emulator.imds_url}/steal",
        "imds": f"{emulator.imds_url}/metadata/identity/oauth2/token?resource=x",
    }
    headers = {"Location": locations[target]}
    emulator.faults.add(hop, Fault(status=status, headers=headers))
    answer = client.sync(observed(client.parent(scope=SCOPE)))
    assert reason(answer) == "False/RegistryError"
    assert emulator.count(hop) == 1
    assert emulator.count("other") == 0
    assert emulator.count("imds") == 1


def test_cookie(client: Client, emulator: Emulator) -> None:
    """A registry, or IMDS, can't mark who comes to it."""
    cookie = {"Set-Cookie": "a=b; Path=/; Max-Age=99999"}
    for endpoint in ("imds", "exchange", "token"):
        emulator.faults.add(endpoint, Fault(headers=cookie))
    for scope in (SCOPE, "repository:b:pull"):
        answer = client.settle(observed(client.parent(scope=scope)))
        assert reason(answer, "TokenFresh") == "True/TokenValid"
    client.client_id = Client("", "").client_id
    client.sync(observed(client.parent(scope=SCOPE)))
    assert emulator.count("imds") == 2
    assert emulator.count("token") == 3
    assert {record.cookie for record in emulator.requests} == {""}


@pytest.mark.parametrize("hop", ["exchange", "token"])
@pytest.mark.parametrize("scheme", ["Basic", "Digest", "Bearer", "Negotiate"])
def test_challenge(client: Client, emulator: Emulator, hop: Endpoint, scheme: str) -> None:
    """A challenge is not answered, whatever is asked for."""
    realm = f'{scheme} realm="{emulator.imds_url}/steal", nonce="a", qop="auth", service="x"'
    emulator.faults.add(hop, Fault(status=401, headers={"WWW-Authenticate": realm}))
    answer = client.sync(observed(client.parent(scope=SCOPE)))
    assert reason(answer) == "False/RegistryDenied"
    assert emulator.count(hop) == 1
    assert emulator.count("other") == 0
    assert {record.authorization for record in emulator.requests} == {""}


@pytest.mark.parametrize("hop", ["exchange", "token"])
@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("-1", 5),
        ("1" + "0" * 20, 5),
        ("1000000000", 5),
        ("999999999", MAX_RETRY_AFTER_SECONDS),
        ("1e9", 5),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 5),
        ("٣", 5),
        ("", 5),
        ("7", 7),
    ],
)
def test_retry_after(
    client: Client, emulator: Emulator, hop: Endpoint, asked: str, wait: int
) -> None:
    """Who asks for more than an hour gets that; what is no number of seconds counts for nothing."""
    raw = f"HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\nRetry-After: {asked}\r\n\r\n".encode()
    emulator.faults.add(hop, Fault(raw=raw))
    answer = client.sync(observed(client.parent(scope=SCOPE)))
    assert reason(answer) == "False/Throttled"
    assert answer["resyncAfterSeconds"] == wait


IMDS_CASES = [
    pytest.param(fault, id=name)
    for faults in (UNUSABLE, UNREACHABLE, REFUSED)
    for name, fault in faults.items()
]


@pytest.mark.parametrize("fault", IMDS_CASES)
def test_imds(client: Client, emulator: Emulator, fault: Fault) -> None:
    """So is IMDS cut off, and another identity gets its turn."""
    emulator.faults.add("imds", replace(fault, times=1))
    answer = client.sync(observed(client.parent()))
    assert reason(answer) == "False/IdentityUnavailable"
    assert emulator.count("imds") == 1
    other = Client(client.url, client.server)
    answer = other.settle(observed(other.parent()))
    assert reason(answer, "TokenFresh") == "True/TokenValid"


@pytest.mark.slow
def test_late_imds(client: Client, emulator: Emulator) -> None:
    """All places at IMDS may be held by answers without end: they are free again soon."""
    for fault in LATE.values():
        emulator.faults.add("imds", replace(fault, times=1))

    def ask(_: int) -> str:
        caller = Client(client.url, client.server)
        return reason(caller.sync(observed(caller.parent())))

    with ThreadPoolExecutor(MAX_CONCURRENT) as pool:
        answers = set(pool.map(ask, range(MAX_CONCURRENT)))
    assert answers == {"False/IdentityUnavailable"}
    assert len(LATE) == MAX_CONCURRENT == emulator.count("imds")
    assert ask(0) == "False/WritingSecret"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_imds_redirect(client: Client, emulator: Emulator, status: int) -> None:
    """A redirect by IMDS is not followed either."""
    headers = {"Location": f"{emulator.imds_url}/elsewhere"}
    emulator.faults.add("imds", Fault(status=status, headers=headers))
    answer = client.sync(observed(client.parent()))
    assert reason(answer) == "False/IdentityUnavailable"
    assert (emulator.count("imds"), emulator.count("other")) == (1, 0)
