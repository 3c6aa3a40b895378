"""Rules for every answer and every log line, independent of the request."""

import json
from collections.abc import Collection
from typing import Final

from tests.damage import Object
from tests.fuzz.bodies import TOKEN
from tests.fuzz.requests import Request
from tests.fuzz.wire import Answer

# The only statuses of a rejection.
STATUSES: Final = frozenset({200, 308, 400, 404, 405, 411, 413, 429})
END_OF_HEAD: Final = b"\r\n\r\n"
MANAGED: Final = ("/sync", "/finalize")


def check_answers(request: Request, answers: list[Answer], tokens: Collection[str]) -> None:
    """Check *answers*; *tokens* are the tokens in the captured Secrets."""
    assert answers or END_OF_HEAD not in request.data, "nothing was answered"
    for answer in answers:
        assert answer.status in STATUSES, answer
        if request.method != b"HEAD":
            _check_line(answer, tokens)
    if request.plain and answers[0].status == 200:
        _check_accounts(request, json.loads(answers[0].body))


def _check_line(answer: Answer, tokens: Collection[str]) -> None:
    """An answer is a JSON object on one line; only its Secret may show a Secret's token."""
    assert answer.body.endswith(b"\n"), answer
    assert answer.body.count(b"\n") == 1, answer
    value = json.loads(answer.body)
    if answer.status != 200:
        assert list(value) == ["error"], answer
        check_text(value["error"], {*tokens, TOKEN})
    for child in value.get("children", []):
        child.pop("data", None)
    check_text(json.dumps(value), tokens)


def _check_accounts(request: Request, answer: Object) -> None:
    """Every observed ServiceAccount is in the answer: Metacontroller deletes the others."""
    if request.target.decode() not in MANAGED:
        return
    observed = (json.loads(request.body).get("children") or {}).get("ServiceAccount.v1") or {}
    kept = {_key(child) for child in answer["children"] if child["kind"] == "ServiceAccount"}
    assert {_key(account) for account in observed.values()} <= kept


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace") or "default", obj["metadata"]["name"]


def check_log(text: str, tokens: Collection[str]) -> None:
    """Every line is JSON and no line is an error; no line shows a token, even in an odd place."""
    check_text(text, {*tokens, TOKEN})
    for line in text.splitlines():
        record = json.loads(line)
        assert "traceback" not in record, line
        assert record["level"] in {"INFO", "WARNING"}, line


def check_text(text: str, tokens: Collection[str]) -> None:
    """Check that *text* contains none of *tokens*."""
    for token in tokens:
        assert token not in text, text.replace(token, "<TOKEN>")
