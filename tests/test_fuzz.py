"""Requests that nobody should send are answered or refused; that the rules can be broken."""

import json

import pytest

from tests.emulator import Emulator
from tests.fuzz import Fuzz
from tests.fuzz.bodies import TOKEN
from tests.fuzz.requests import Request
from tests.fuzz.rules import check_answers, check_log
from tests.fuzz.run import environment
from tests.fuzz.wire import Answer, exchange, parse
from tests.service import Service

CASES = 300
SEED = 1
BODY = json.dumps(
    {
        "parent": {},
        "children": {"ServiceAccount.v1": {"a/b": {"metadata": {"name": "b", "namespace": "a"}}}},
    }
).encode()
REQUEST = Request(b"POST", b"/sync", BODY, b"...\r\n\r\n", plain=True)
KEPT = {"kind": "ServiceAccount", "metadata": {"name": "b", "namespace": "a"}}
SECRET = {"kind": "Secret", "data": {"x": "a-token"}}


def test_fuzz(emulator: Emulator) -> None:
    """Whatever is sent: no 500, no traceback, no crash, no hang, no growth, nothing shown."""
    with Service(environment(emulator)) as service:
        summary = Fuzz(service, emulator).run(CASES, SEED)
    assert summary.cases >= CASES
    assert summary.answers[200] > CASES / 5  # it is not all refused at the door
    assert emulator.count("exchange") > 0
    assert emulator.count("token") > 0
    assert emulator.count("entra") > 0


def answer(body: object, status: int = 200) -> list[Answer]:
    """Return *body* as an answer."""
    return [Answer(status, f"{json.dumps(body)}\n".encode())]


def test_rules_hold() -> None:
    """An answer that keeps the ServiceAccount, and shows its token in the Secret alone."""
    check_answers(REQUEST, answer({"children": [KEPT, SECRET]}), {"a-token"})
    check_answers(REQUEST, answer({"error": "x"}, 400), {"a-token"})
    check_log('{"level": "INFO"}\n', {"a-token"})


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([], id="none"),
        pytest.param(answer({"error": "x"}, 500), id="status"),
        pytest.param([Answer(400, b"<html>")], id="html"),
        pytest.param([Answer(400, b'{"error":\n"x"}\n')], id="lines"),
        pytest.param(answer({"error": TOKEN}, 400), id="planted"),
        pytest.param(answer({"error": "a-token"}, 400), id="error"),
        pytest.param(answer({"children": [KEPT], "status": "a-token"}), id="status-shows"),
        pytest.param(answer({"children": [SECRET]}), id="account-lost"),
    ],
)
def test_answer_breaks_a_rule(answers: list[Answer]) -> None:
    """Each rule of answers can be broken."""
    with pytest.raises(AssertionError):
        check_answers(REQUEST, answers, {"a-token"})


@pytest.mark.parametrize(
    "line",
    ['{"level": "ERROR"}', '{"level": "INFO", "traceback": ""}', f'{{"level": "INFO {TOKEN}"}}'],
)
def test_log_breaks_a_rule(line: str) -> None:
    """Each rule of the log can be broken."""
    with pytest.raises(AssertionError):
        check_log(line, {"a-token"})


def test_parse() -> None:
    """Several answers on a connection are all seen, and what is none is an error."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
    data = b"HTTP/1.1 100 Continue\r\n\r\n" + head + b"a" + head + b"b"
    assert parse(data) == [Answer(200, b"a"), Answer(200, b"b")]
    assert parse(head, bodiless=True) == [Answer(200, b"")]
    with pytest.raises(AssertionError):
        parse(b"<html>")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (f"POST /sync HTTP/1.1\r\nAuthorization Bearer {TOKEN}", "InvalidHeader"),
        (f"{TOKEN} /sync HTTP/1.1", "InvalidRequestMethod"),
        ("POST /sync HTTP/1.1\r\nX: " + "a" * 10_000, "LimitRequestHeaders"),
    ],
)
def test_no_request(service: Service, head: str, kind: str) -> None:
    """What is no request is refused with a line of JSON that quotes nothing of it."""
    before = len(service.log)
    (refused,) = exchange(service.address, f"{head}\r\n\r\n".encode())
    assert refused.status == 400
    assert json.loads(refused.body) == {"error": f"not a valid HTTP request: {kind}"}
    (line,) = service.log[before:].splitlines()
    assert json.loads(line)["message"] == f"Invalid request: {kind}"


@pytest.mark.parametrize("path", ["/sync", "/healthz"])
def test_options(service: Service, path: str) -> None:
    """OPTIONS is a method like any other that no caller needs."""
    request = f"OPTIONS {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    (refused,) = exchange(service.address, request)
    assert (refused.status, list(json.loads(refused.body))) == (405, ["error"])


def test_forwarded(service: Service) -> None:
    """Nobody says by a header that the service is somewhere else."""
    head = b"POST /sync HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nSCRIPT_NAME: /x\r\n\r\n{}"
    (refused,) = exchange(service.address, head)
    assert json.loads(refused.body)["error"].startswith("parent: ")
