"""What a caller may get wrong, and what must never leave the service."""

import json
import socket

import pytest
import requests

from hooks.body import MAX_BODY_BYTES
from tests.client import Client, child, observed, service_account, token
from tests.emulator import Emulator, Fault
from tests.service import Service

COMPOSITE = ("/sync", "/finalize", "/customize")
DECORATOR = ("/serviceaccount/sync", "/serviceaccount/customize")
META = {"metadata": {"name": "app"}}
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
    """A body of the wrong shape is the caller's fault, and the error names the field."""
    response = client.post(path, body)
    assert response.status_code == 400
    (line,) = response.json().values()
    assert line.startswith(f"{field}: ")
    assert "\n" not in line


@pytest.mark.parametrize("path", ["/sync", "/finalize"])
@pytest.mark.parametrize(("groups", "field"), BAD_GROUPS)
def test_bad_groups(client: Client, path: str, groups: dict[str, object], field: str) -> None:
    """So are children and related objects of the wrong shape; nothing is taken for absent."""
    response = client.post(path, {"parent": META, **groups})
    assert response.status_code == 400
    assert field in response.json()["error"]


@pytest.mark.parametrize("path", DECORATOR)
def test_bad_decorator_body(client: Client, path: str) -> None:
    """The decorator's hooks say which of the two keys they miss."""
    field = "object" if path.endswith("/sync") else "parent"
    response = client.post(path, {})
    assert response.status_code == 400
    assert response.json()["error"].startswith(f"{field}: expected an object")


@pytest.mark.parametrize(
    ("announced", "status"),
    [(b"Content-Length: %d" % (MAX_BODY_BYTES + 1), 413), (b"Transfer-Encoding: chunked", 411)],
    ids=["too-large", "chunked"],
)
def test_body_of_no_use(service: Service, announced: bytes, status: int) -> None:
    """A body that is too large, or whose size is not said, is refused before it is sent."""
    with socket.create_connection(service.address, 5) as connection:
        connection.sendall(b"POST /sync HTTP/1.1\r\nHost: a\r\n" + announced + b"\r\n\r\n")
        assert connection.makefile("rb").readline().split()[1] == b"%d" % status


@pytest.mark.parametrize(("path", "status"), [("/nope", 404), ("/sync", 405), ("/healthz", 200)])
def test_get(service: Service, path: str, status: int) -> None:
    """Other paths and methods get a JSON answer as well."""
    response = requests.get(f"{service.url}{path}", timeout=5)
    assert response.status_code == status
    assert set(response.json()) <= {"error", "status"}


@pytest.mark.parametrize("spec", [5, [], "x", {"acrServer": None}, {"scope": "*"}, {"x": 1}])
def test_invalid_spec(client: Client, spec: object) -> None:
    """An invalid spec is the user's fault: told in the status, with nothing lost."""
    parent = {**client.parent(), "spec": spec}
    account = service_account("default", "zeta", "acr-pull-app", owner="app")
    answer = client.sync(observed(parent, account))
    (condition,) = (c for c in answer["status"]["conditions"] if c["type"] == "Ready")
    assert (condition["status"], condition["reason"]) == ("False", "InvalidSpec")
    assert condition["message"].startswith("spec")
    listed = child(answer, "ServiceAccount")["imagePullSecrets"]
    assert listed == [{"name": "zeta"}, {"name": "acr-pull-app"}]


def test_tokens_stay_inside(client: Client, emulator: Emulator, service: Service) -> None:
    """A token is in the Secret and nowhere else: not in logs, errors or the status."""
    planted = "eyJhbGciOiJSUzI1NiJ9.cGxhbnRlZC1wbGFudGVkLXBsYW50ZWQ.cGxhbnRlZA"
    answer = client.sync(observed(client.parent()))
    minted = token(answer)
    emulator.faults.add("exchange", Fault(status=401, body={"errors": [{"message": planted}]}))
    refused = client.sync(observed(client.parent(scope="repository:a:pull")))
    errors = [
        client.post("/sync", {"parent": {"metadata": {"name": "a", "generation": planted}}}),
        client.post("/sync", {"parent": {"metadata": planted}}),
        client.post("/sync", planted.encode()),
        client.post(f"/{planted}", {}),
    ]
    texts = [service.log, json.dumps(refused), json.dumps(answer["status"])]
    texts += [response.text for response in errors]
    for text in texts:
        assert planted not in text
        assert minted not in text


def test_malformed_request_is_logged_without_its_token(service: Service) -> None:
    """Gunicorn's own lines are redacted too, and are JSON."""
    planted = "eyJhbGciOiJSUzI1NiJ9.cGxhbnRlZC1wbGFudGVkLXBsYW50ZWQ.bWFsZm9ybWVk"
    host, _, port = service.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nAuthorization Bearer {planted}\r\n\r\n".encode())
        assert b" 400 " in connection.makefile("rb").readline()
    assert planted not in service.log
    assert all(json.loads(line) for line in service.log.splitlines())


def test_somebody_elses_secret(client: Client) -> None:
    """A Secret of our name that is the user's stays theirs, and so does its entry."""
    account = service_account("default", "zeta", "acr-pull-app", owner="app")
    account["metadata"]["annotations"] = {"acrpull.dev/pull-secrets": ""}  # by the decorator
    body = observed(client.parent(), account)
    theirs = {"metadata": {"name": "acr-pull-app", "namespace": "team-a"}, "type": "Opaque"}
    body["related"]["Secret.v1"] = {"team-a/acr-pull-app": theirs}
    for path in ("/sync", "/finalize"):
        answer = client.ask(path, body)
        listed = child(answer, "ServiceAccount")
        assert listed["imagePullSecrets"] == [{"name": "zeta"}, {"name": "acr-pull-app"}]
        assert listed["metadata"]["annotations"] == {}
        assert [c["kind"] for c in answer["children"]] == ["ServiceAccount"]
    assert answer["finalized"] is True
