"""A short run of the fuzzer, and proof that its rules can be broken."""

import json
from collections.abc import Callable

import pytest

from tests.emulator import Emulator
from tests.fuzz import Fuzz
from tests.fuzz.bodies import TOKEN
from tests.fuzz.requests import Request
from tests.fuzz.rules import check_answers, check_log
from tests.fuzz.run import environment
from tests.fuzz.wire import Answer, parse
from tests.service import Service

CASES = 100
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


@pytest.mark.process
def test_fuzz(emulator: Emulator) -> None:
    """Requests reach Azure and are answered. The fuzzer finds no broken rule."""
    with Service(environment(emulator)) as service:
        summary = Fuzz(service, emulator).run(CASES, SEED)
    assert summary.cases >= CASES
    assert summary.answers[200] > CASES / 5, "The service refuses nearly all requests."
    assert {record.endpoint for record in emulator.requests} >= {"exchange", "token", "entra"}


def answer(body: object, status: int = 200) -> list[Answer]:
    """Return *body* as an answer."""
    return [Answer(status, f"{json.dumps(body)}\n".encode())]


def test_rules() -> None:
    """Good answers keep the rules, and each bad answer or log line breaks one."""
    check_answers(REQUEST, answer({"children": [KEPT, SECRET]}), {"a-token"})
    check_answers(REQUEST, answer({"error": "x"}, 400), {"a-token"})
    check_log('{"level": "INFO"}\n', {"a-token"})
    bad_answers = {
        "none": [],
        "status": answer({"error": "x"}, 500),
        "html": [Answer(400, b"<html>")],
        "lines": [Answer(400, b'{"error":\n"x"}\n')],
        "planted": answer({"error": TOKEN}, 400),
        "error": answer({"error": "a-token"}, 400),
        "status-shows": answer({"children": [KEPT], "status": "a-token"}),
        "account-lost": answer({"children": [SECRET]}),
    }
    bad_lines = ['{"level": "ERROR"}', '{"level": "INFO", "traceback": ""}']
    bad_lines.append(f'{{"level": "INFO {TOKEN}"}}')
    passed = [
        name
        for name, answers in bad_answers.items()
        if passes(check_answers, REQUEST, answers, {"a-token"})
    ]
    passed += [line for line in bad_lines if passes(check_log, line, {"a-token"})]
    assert passed == []


def passes(check: Callable[..., None], *arguments: object) -> bool:
    """Return True if *check* raises no `AssertionError`."""
    try:
        check(*arguments)
    except AssertionError:
        return False
    return True


def test_parse() -> None:
    """The fuzzer reads every answer on a connection. Anything else is an error."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
    data = b"HTTP/1.1 100 Continue\r\n\r\n" + head + b"a" + head + b"b"
    assert parse(data) == [Answer(200, b"a"), Answer(200, b"b")]
    assert parse(head, bodiless=True) == [Answer(200, b"")]
    with pytest.raises(AssertionError):
        parse(b"<html>")
