"""Wrong requests, and what must never leave the service."""

import json
import socket
import time
from contextlib import ExitStack, closing
from functools import partial
from http.client import HTTPConnection, HTTPResponse

import pytest
import requests

from hooks.server.body import MAX_BODY_BYTES, SMALL_BYTES
from tests.client import Client, child, observed, service_account, token
from tests.e2e.eventually import eventually
from tests.emulator import Emulator, Fault
from tests.fuzz.wire import exchange
from tests.service import Service

COMPOSITE = ("/sync", "/finalize", "/customize")
DECORATOR = ("/serviceaccount/sync", "/serviceaccount/customize")
META = {"metadata": {"name": "app"}}
PLANTED = "eyJhbGciOiJSUzI1NiJ9.cGxhbnRlZC1wbGFudGVkLXBsYW50ZWQ.cGxhbnRlZA"  # a JWT
BAD_BODIES = [
    (b"", "body"),
    (b"{", "body"),
    (b"\xff\xfe", "body"),
    (b"[]", "body"),
    (b"[" * 100_000, "body"),
    (b"null", "body"),
    (b'{"parent": 1e999999}', "parent"),
    ({}, "parent"),
    ({"parent": []}, "parent"),
    ({"parent": {}}, "parent.metadata"),
    ({"parent": {"metadata": {}}}, "parent.metadata.name"),
    ({"parent": {"metadata": {"name": 5}}}, "parent.metadata.name"),
    ({"parent": {"metadata": {"name": "a", "generation": "1"}}}, "parent.metadata.generation"),
    ({"parent": {**META, "status": []}}, "parent.status"),
    ({"parent": {**META, "status": {"conditions": [5]}}}, "parent.status.conditions[0]"),
]
BAD_GROUPS = [
    ({"children": []}, "children"),
    ({"children": {"Secret.v1": []}}, "children['Secret.v1']"),
    ({"children": {"Secret.v1": {"a/b": 5}}}, "children['Secret.v1']['a/b']"),
    ({"children": {"ServiceAccount.v1": {"a/b": {}}}}, "['a/b'].metadata"),
    ({"related": {"Namespace.v1": {"a": {"metadata": {"name": "default"}}}}}, "metadata.uid"),
]


@pytest.mark.parametrize("path", COMPOSITE)
@pytest.mark.parametrize(("body", "field"), BAD_BODIES)
def test_bad_body(client: Client, path: str, body: object, field: str) -> None:
    """A body with a wrong field is refused with 400. The error names the field."""
    response = client.post(path, body)
    assert response.status_code == 400
    (line,) = response.json().values()
    assert line.startswith(f"{field}: ")
    assert "\n" not in line


@pytest.mark.parametrize("path", ["/sync", "/finalize"])
@pytest.mark.parametrize(("groups", "field"), BAD_GROUPS)
def test_bad_groups(client: Client, path: str, groups: dict[str, object], field: str) -> None:
    """Wrong children and related objects are refused with 400, never ignored."""
    response = client.post(path, {"parent": META, **groups})
    assert response.status_code == 400
    assert field in response.json()["error"]


@pytest.mark.parametrize("path", DECORATOR)
def test_bad_decorator_body(client: Client, path: str) -> None:
    """The decorator's hooks name the missing key."""
    field = "object" if path.endswith("/sync") else "parent"
    response = client.post(path, {})
    assert response.status_code == 400
    assert response.json()["error"].startswith(f"{field}: expected an object")


@pytest.mark.parametrize(
    ("path", "announced", "status"),
    [
        pytest.param("/sync", f"Content-Length: {MAX_BODY_BYTES + 1}", 413, id="too-large"),
        pytest.param("/sync", "Transfer-Encoding: chunked", 411, id="chunked"),
        pytest.param("/nope", "Content-Length: 9", 404, id="no-hook"),
    ],
)
def test_body_of_no_use(service: Service, path: str, announced: str, status: int) -> None:
    """A body of no use is refused before the caller sends it, and the connection closes."""
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\n{announced}\r\n\r\n"
    with socket.create_connection(service.address, 5) as connection:
        connection.sendall(head.encode())
        response = HTTPResponse(connection)
        response.begin()
        assert (response.status, response.getheader("Connection")) == (status, "close")
        response.read()
        assert connection.recv(1) == b""


@pytest.mark.parametrize("sent", [b"", b'{"parent": 1}'], ids=["nothing", "json"])
@pytest.mark.parametrize("announced", [100, SMALL_BYTES + 1], ids=["small", "large"])
def test_body_that_is_cut_off(service: Service, sent: bytes, announced: int) -> None:
    """A body with fewer bytes than announced is refused, even if the bytes are complete JSON."""
    head = b"POST /sync HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % announced
    with socket.create_connection(service.address, 5) as connection:
        connection.sendall(head + sent)
        connection.shutdown(socket.SHUT_WR)
        response = HTTPResponse(connection)
        response.begin()
        assert (response.status, response.getheader("Connection")) == (400, "close")
        error = json.loads(response.read())["error"]
    arrived = f"{len(sent)} of {announced} bytes arrived"
    assert error == f"body: incomplete, {arrived}. Send as many bytes as Content-Length says."


def test_connection_stays_open(service: Service, client: Client) -> None:
    """A large body without a turn is read to its end, so that the connection stays open."""
    body = json.dumps(observed(client.parent()) | {"x": "x" * 2**20}).encode()
    head = b"POST /sync HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % MAX_BODY_BYTES
    with closing(HTTPConnection(*service.address, timeout=5)) as connection:

        def answer(path: str) -> tuple[int, str | None]:
            connection.request("POST", path, body)
            response = connection.getresponse()
            assert response.read()
            return response.status, response.getheader("Connection")

        def rejected() -> socket.socket:
            """Return the connection of an unfinished call, during which the other is rejected."""
            with ExitStack() as failed:
                unfinished = socket.create_connection(service.address, 5)
                failed.callback(unfinished.close)
                unfinished.sendall(head + body)
                time.sleep(0.1)  # a call in progress would reject the unfinished call
                assert answer("/customize") == (429, "keep-alive")
                failed.pop_all()
                return unfinished

        with eventually(rejected, 5):
            kept = connection.sock
        eventually(lambda: check_served(answer("/customize")), 3)
        assert connection.sock is kept


def check_served(answer: tuple[int, str | None]) -> None:
    """Check that the hook answered on a connection that stays open."""
    assert answer == (200, "keep-alive")


@pytest.mark.parametrize(("path", "status"), [("/nope", 404), ("/sync", 405), ("/healthz", 200)])
def test_get(service: Service, path: str, status: int) -> None:
    """The answer to another path or method is JSON, too."""
    response = requests.get(f"{service.url}{path}", timeout=5)
    assert response.status_code == status
    assert set(response.json()) <= {"error", "status"}


@pytest.mark.parametrize("spec", [5, [], "x", {"acrServer": None}, {"scope": "*"}, {"x": 1}])
def test_invalid_spec(client: Client, spec: object) -> None:
    """The status shows an invalid spec. The ServiceAccount keeps its imagePullSecrets."""
    parent = {**client.parent(), "spec": spec}
    account = service_account("default", "zeta", "acr-pull-app", owner="app")
    answer = client.sync(observed(parent, account))
    (condition,) = (c for c in answer["status"]["conditions"] if c["type"] == "Ready")
    assert (condition["status"], condition["reason"]) == ("False", "InvalidSpec")
    assert condition["message"].startswith("spec")
    listed = child(answer, "ServiceAccount")["imagePullSecrets"]
    assert listed == [{"name": "zeta"}, {"name": "acr-pull-app"}]


def test_tokens_stay_inside(client: Client, emulator: Emulator, service: Service) -> None:
    """A token is in the Secret only, not in logs, errors or the status."""
    answer = client.sync(observed(client.parent()))
    minted = token(answer)
    emulator.faults.add("exchange", Fault(status=401, body={"errors": [{"message": PLANTED}]}))
    refused = client.sync(observed(client.parent(scope="repository:a:pull")))
    errors = [
        client.post("/sync", {"parent": {"metadata": {"name": "a", "generation": PLANTED}}}),
        client.post("/sync", {"parent": {"metadata": PLANTED}}),
        client.post("/sync", PLANTED.encode()),
        client.post(f"/{PLANTED}", {}),
    ]
    texts = [service.log, json.dumps(refused), json.dumps(answer["status"])]
    texts += [response.text for response in errors]
    for text in texts:
        assert PLANTED not in text
        assert minted not in text


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (f"POST /sync HTTP/1.1\r\nAuthorization Bearer {PLANTED}", "InvalidHeader"),
        (f"{PLANTED} /sync HTTP/1.1", "InvalidRequestMethod"),
        ("POST /sync HTTP/1.1\r\nX: " + "a" * 10_000, "LimitRequestHeaders"),
        ("POST /sync HTTP/1.1\r\nX: " + "a" * 50_000, "LimitRequestHeaders"),
    ],
)
def test_malformed_request(service: Service, head: str, kind: str) -> None:
    """A malformed HTTP request is refused. Gunicorn logs one line of JSON without the request."""
    before = len(service.log)
    (refused,) = exchange(service.address, f"{head}\r\n\r\n".encode())
    assert refused.status == 400
    assert json.loads(refused.body) == {"error": f"not a valid HTTP request: {kind}"}
    line = eventually(partial(only_line, service, before, "Invalid request"))
    assert json.loads(line)["message"] == f"Invalid request: {kind}"
    assert PLANTED not in service.log
    assert all(json.loads(line) for line in service.log.splitlines())


def only_line(service: Service, since: int, text: str) -> str:
    """Return the line with *text* that the service has logged since *since* characters.

    A line about an earlier request may arrive late, because a thread writes the lines.
    """
    lines = [line for line in service.log[since:].splitlines(keepends=True) if text in line]
    assert len(lines) == 1
    assert lines[0].endswith("\n")
    return lines[0]


@pytest.mark.parametrize("path", ["/sync", "/healthz"])
def test_options(service: Service, path: str) -> None:
    """OPTIONS is not allowed: no caller needs it."""
    request = f"OPTIONS {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    (refused,) = exchange(service.address, request)
    assert (refused.status, list(json.loads(refused.body))) == (405, ["error"])


def test_script_name(service: Service) -> None:
    """A header does not change the path prefix of the service."""
    head = b"POST /sync HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nSCRIPT_NAME: /x\r\n\r\n{}"
    (refused,) = exchange(service.address, head)
    assert json.loads(refused.body)["error"].startswith("parent: ")


def test_somebody_elses_secret(client: Client) -> None:
    """The hooks do not change a user's Secret with the binding's Secret name, nor its entry."""
    account = service_account("default", "zeta", "acr-pull-app", owner="app")
    account["metadata"]["annotations"] = {"acrpull.dev/pull-secrets": ""}  # by the decorator
    body = observed(client.parent(), account)
    secret = {"metadata": {"name": "acr-pull-app", "namespace": "team-a"}, "type": "Opaque"}
    body["related"]["Secret.v1"] = {"team-a/acr-pull-app": secret}
    for path in ("/sync", "/finalize"):
        answer = client.ask(path, body)
        listed = child(answer, "ServiceAccount")
        assert listed["imagePullSecrets"] == [{"name": "zeta"}, {"name": "acr-pull-app"}]
        assert listed["metadata"]["annotations"] == {}
        assert [c["kind"] for c in answer["children"]] == ["ServiceAccount"]
    assert answer["finalized"] is True
