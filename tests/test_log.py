"""Log lines: JSON, one a record, and no token in them."""

import base64
import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from hooks import log
from hooks.core.names import NULL_GUID
from hooks.core.wire import dockerconfig
from tests.core.builders import NEW_TOKEN, SERVER
from tests.loggers import restored_loggers
from tests.service import ROOT

JWT = NEW_TOKEN.value


def encoded(text: str) -> str:
    """Return *text* in base64."""
    return base64.b64encode(text.encode()).decode()


SPACED = ".".join((encoded('{ "alg": "RS256"}').rstrip("="), *JWT.split(".")[1:]))
AUTH = encoded(f"{NULL_GUID}:{JWT}")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        pytest.param(JWT, "[redacted]", id="jwt"),
        pytest.param(f"Bearer {JWT}, again", "Bearer [redacted], again", id="in-a-sentence"),
        pytest.param(f"access_token={JWT}&a=b", "access_token=[redacted]&a=b", id="in-a-form"),
        pytest.param(f'{{"token":"{JWT}"}}', '{"token":"[redacted]"}', id="in-json"),
        pytest.param(f"{JWT} {JWT}", "[redacted] [redacted]", id="twice"),
        pytest.param(JWT.rpartition(".")[0], "[redacted]", id="without-signature"),
        pytest.param(encoded(JWT), "[redacted]", id="base64"),
        pytest.param(dockerconfig.encode(SERVER, NEW_TOKEN), "[redacted]", id="docker-config"),
        pytest.param(SPACED, "[redacted]", id="jwt-with-a-space"),
        pytest.param(encoded(SPACED), "[redacted]", id="base64-with-a-space"),
        pytest.param(encoded('{ "auths": {"a": {}}}'), "[redacted]", id="docker-config-spaced"),
        pytest.param(f'{{"auth":"{AUTH}"}}', '{"auth":"[redacted]"}', id="docker-config-auth"),
        pytest.param("eyJ is how a JWT begins", "eyJ is how a JWT begins", id="no-token"),
        pytest.param("eyAi, and MDAwMDAwMDAt", "eyAi, and MDAwMDAwMDAt", id="no-token-either"),
        pytest.param("", "", id="empty"),
    ],
)
def test_redact(text: str, redacted: str) -> None:
    """A JWT, and base64 of what holds one, is struck out, and nothing around it."""
    assert log.redact(text) == redacted


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Catch what a handler with the formatter writes, and leave the root logger as it was."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(log.JsonFormatter())
    logger = logging.getLogger("hooks.test")
    logger.addHandler(handler)
    logger.setLevel("DEBUG")
    yield stream
    logger.removeHandler(handler)
    logger.setLevel("NOTSET")


def line(output: io.StringIO) -> dict[str, Any]:
    """Return the one line that was written, decoded."""
    (text,) = output.getvalue().splitlines()
    decoded: dict[str, Any] = json.loads(text)
    return decoded


def test_line(output: io.StringIO) -> None:
    """A record is one JSON object with time, level, logger, message and what was added."""
    logging.getLogger("hooks.test").info("%s done\nwell", "it is", extra={log.FIELDS: {"ms": 1.5}})
    record = line(output)
    assert record.pop("time").endswith("+00:00")
    assert record == {
        "level": "INFO",
        "logger": "hooks.test",
        "message": "it is done\nwell",
        "ms": 1.5,
    }


def test_traceback_is_redacted(output: io.StringIO) -> None:
    """A traceback stays on the line, and no token in it, nor in arguments and fields."""
    try:
        int(JWT)
    except ValueError:
        logging.getLogger("hooks.test").exception("got %s", JWT, extra={log.FIELDS: {"why": JWT}})
    record = line(output)
    assert "eyJ" not in output.getvalue()
    assert record["message"] == "got [redacted]"
    assert record["why"] == "[redacted]"
    assert "ValueError: " in record["traceback"]


def text_line(message: str, **fields: object) -> str:
    """Return a record as a person at a terminal reads it."""
    record = logging.LogRecord("hooks.server.request_log", logging.INFO, "", 0, message, None, None)
    record.__dict__[log.FIELDS] = fields
    time, _, rest = log.TextFormatter().format(record).partition(" ")
    assert time.endswith("+00:00")
    return rest


def test_text_line() -> None:
    """A value that could be mistaken for something else is quoted; no line is broken."""
    fields = {"hook": "/sync", "ms": 1.5, "name": "a b=c", "why": 'say "x"\nü', "no": None}
    expected = r"""hook=/sync ms=1.5 name="a b=c" why="say \"x\"\n\u00fc" no=None"""
    assert text_line("it is", **fields) == f"INFO hooks.server.request_log it is {expected}"
    assert text_line("a\nb\x1b[2J") == 'INFO hooks.server.request_log "a\\nb\\u001b[2J"'
    assert text_line("got", why=JWT) == "INFO hooks.server.request_log got why=[redacted]"


def test_text_traceback() -> None:
    """A traceback follows on lines of its own."""
    try:
        int(JWT)
    except ValueError as error:
        found = (ValueError, error, error.__traceback__)
        record = logging.LogRecord("hooks", logging.ERROR, "", 0, "bad", None, found)
    head, below, *_, last = log.TextFormatter().format(record).splitlines()
    assert head.endswith("ERROR hooks bad")
    assert below.startswith("Traceback")
    assert "[redacted]" in last


SAY = "import logging; from hooks import log; log.configure('INFO'); logging.getLogger('hooks')"


@pytest.mark.process
@pytest.mark.parametrize(("terminal", "first"), [(True, "2"), (False, "{")])
def test_terminal(*, terminal: bool, first: str) -> None:
    """A person at a terminal gets text, anybody else JSON."""
    reader, writer = os.openpty() if terminal else os.pipe()
    try:
        command = [sys.executable, "-c", f"{SAY}.info('hello')"]
        subprocess.run(command, stderr=writer, cwd=ROOT, check=True)  # noqa: S603  our own
        written = os.read(reader, 1000).decode()
    finally:
        os.close(reader)
        os.close(writer)
    assert "hello" in written
    assert written[0] == first


MANY = """
import logging
from hooks import log, log_stderr
lost = []
log.configure("INFO", log_stderr.StderrHandler(lambda: lost.append(1)))
logger = logging.getLogger("hooks")
for number in range(1000):
    logger.info("%d", number)
for message in ("long" * 20_000, "last", "end"):
    print(len(lost), flush=True)
    input()
    logger.info(message)
"""


@pytest.mark.process
def test_nothing_reads_stderr() -> None:
    """Lines for which the pipe has no room are counted and lost; the others are whole lines."""
    reader, writer = os.pipe()
    command = [sys.executable, "-c", MANY]
    with subprocess.Popen(  # noqa: S603  our own
        command, stdin=-1, stdout=-1, stderr=writer, cwd=ROOT, text=True, bufsize=1
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lost, written = [], []
        for _ in range(3):
            lost.append(int(process.stdout.readline()))
            written.append(os.read(reader, 100_000).decode())
            process.stdin.write("\n")
    os.close(writer)
    os.close(reader)
    many, long, last = written
    assert lost[0] > 100
    assert lost[1:] == [lost[0] + 1] * 2
    assert [json.loads(line)["message"] for line in many.splitlines()] == [
        str(number) for number in range(1000 - lost[0])
    ]
    assert "longlong" in long  # the pipe had room for the first half
    assert last[0] == "\n"
    assert json.loads(last)["message"] == "last"


TWO = """
import logging, os
from hooks import log, log_stderr
log.configure("INFO", log_stderr.StderrHandler())
os.fork()
for length in range(0, 12_000, 10):
    logging.getLogger("hooks").info("x" * length)
"""


@pytest.mark.process
def test_two_processes_write() -> None:
    """The lines of two processes are not mixed. The end of a long line may be lost."""
    ended = subprocess.run(  # noqa: S603  our own
        [sys.executable, "-c", TWO], stderr=subprocess.PIPE, cwd=ROOT, check=True, timeout=60
    )
    line = re.compile(
        rb'\{"time": "[-:T.+\d]+", "level": "INFO", "logger": "hooks", "message": "x*'
    )
    lines = ended.stderr.splitlines()
    assert len(lines) > 100
    for text in lines:
        assert line.fullmatch(text.removesuffix(b'"}'))


@pytest.fixture
def loggers() -> Iterator[None]:
    """Restore the loggers after the test."""
    with restored_loggers():
        yield


@pytest.mark.usefixtures("loggers")
@pytest.mark.parametrize(
    ("logger", "level", "written"),
    [
        ("hooks.server.app", "INFO", True),
        ("hooks.server.app", "DEBUG", False),
        ("urllib3.connectionpool", "INFO", False),
        ("urllib3.connectionpool", "WARNING", True),
        ("azure.identity", "WARNING", False),
        ("azure.identity", "ERROR", True),
    ],
)
def test_configure(
    capsys: pytest.CaptureFixture[str], logger: str, level: str, *, written: bool
) -> None:
    """Our records are written from the level set on, the libraries' only when they matter."""
    log.configure("INFO")
    logging.getLogger(logger).log(logging.getLevelName(level), "%s", JWT)
    error = capsys.readouterr().err
    assert bool(error) is written
    assert "eyJ" not in error
