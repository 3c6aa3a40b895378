"""The demo as a person runs it: its output, its exit code, and what it leaves behind."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.demo import exercises, walkthrough
from tests.demo.__main__ import run
from tests.emulator import Emulator, Fault, no_role
from tests.emulator.fault import Endpoint
from tests.emulator.image import new_image
from tests.lock import pins
from tests.service import ROOT, clean_environment
from tests.tools import require

pytestmark = pytest.mark.process

SECONDS = 60  # the demo's limit
TOKEN = re.compile(r"(eyJ|MDAwMD)[-\w+/=.]{20,}")  # a JWT, and base64 of docker's user and password
EXERCISE = re.compile(r"(?m)^\d+\. .+\n\n((?:   .+\n)+)\n   Expect (.+)$")
CLAIM = re.compile(r'\w+=\w+, reason \w+|"[^"]+": \w+|"[^"]+"')
PROC = Path("/proc")
PROXY = "http://127.0.0.1:9"  # no process listens there


@contextmanager
def demo(directory: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run the demo, whose processes and files all use the temporary directory *directory*."""
    caller = {"PATH": os.defpath, "TMPDIR": str(directory), "http_proxy": PROXY, "BIND": "no"}
    with subprocess.Popen(  # noqa: S603  the command is our own
        [sys.executable, "-m", "tests.demo", *options],
        cwd=ROOT,
        env=caller,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def left_behind(directory: Path) -> list[str]:
    """Return the command lines of the processes with TMPDIR=*directory*, and the files in it."""
    mark = f"TMPDIR={directory}\0".encode()
    found = [str(path) for path in directory.iterdir()]
    for environ in PROC.glob("[0-9]*/environ"):
        try:
            if mark in environ.read_bytes():
                found.append(environ.with_name("cmdline").read_text().replace("\0", " "))
        except OSError:  # the process has ended, or belongs to another user
            continue
    return found


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Return the output of *process* up to the line that contains *text*."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            break
    output = "".join(lines)
    assert text in output
    return output


def test_story(tmp_path: Path) -> None:
    """The demo prints four steps and a success line, and leaves no process and no file."""
    with demo(tmp_path) as process:
        output, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, errors) == (0, ""), output
    steps = re.split(r"(?m)^(\d/4) ", output)
    assert steps[1::2] == ["1/4", "2/4", "3/4", "4/4"]
    (report, desired, settled, pulled) = steps[2::2]
    assert re.search(r"called +POST http://\S+/sync\n", report)
    assert re.findall(r"called +\w+ \S+?(/\S+) returned (\d+)", desired) == [
        ("/metadata/identity/oauth2/token", "200"),
        ("/oauth2/exchange", "200"),
    ]
    assert re.search(r"Secret default/(\S+) .*\n.*imagePullSecrets \+= \1\n", desired)
    assert "called   nothing in Azure" in settled
    assert settled.rstrip().endswith("Ready=True; acrpull renews the token in 2 h 30 min")
    assert re.findall(r" returned (\d+)", pulled) == ["401", "200", "200", "200", "200"]
    assert "Ready=False" not in output
    assert "kind:" not in output
    last = output.splitlines()[-1]
    assert re.match(r"Success: pulled 127\.0\.0\.1:\d+/team/app:latest in \d+ ms", last)
    assert "`make run`" in last
    assert left_behind(tmp_path) == []
    page = (ROOT / "docs/how-it-works.md").read_text("utf-8")
    assert comparable(output) in comparable(page)


def comparable(text: str) -> str:
    """Return *text* without the ports, the digests and the times of a single run."""
    return re.sub(r"(127\.0\.0\.1:)\d+|(sha256:)[0-9a-f]+|\b\d+( ms)", r"\1\2\3", text)


def test_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    """With --verbose, the demo also prints the complete objects, without a usable token."""
    assert run(Emulator(registries=1), verbose=True) == 0
    output = capsys.readouterr().out
    for kind in ("ACRPullBinding", "Secret", "ServiceAccount"):
        assert f"kind: {kind}\n" in output
    assert "type: Ready\n" in output
    assert re.search(r"password: eyJ\S+\.\.\. \(\d+ characters\)\n", output)
    assert not TOKEN.search(output)


def test_exercises(tmp_path: Path) -> None:
    """With --keep, each printed command gets the response that its sentence promises, until Ctrl-C.

    No response fulfills the sentence of another command, so each sentence promises something.
    """
    require("curl", "jq")
    with demo(tmp_path, "--keep") as process:
        output = read_until(process, '"finalized"')
        assert any("hooks.wsgi:app" in found for found in left_behind(tmp_path))
        tried = EXERCISE.findall(output)
        promised = [set(CLAIM.findall(expected)) for _, expected in tried]
        returned = [facts(json.loads(pasted(command))) for command, _ in tried]
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=SECONDS)
    assert "Success: " in output
    assert len(tried) == len(re.findall(r"(?m)^\d+\. ", output)) == 6
    for number, claims in enumerate(promised):
        assert claims
        kept = [place for place, found in enumerate(returned) if claims <= found]
        assert kept == [number], (tried[number], returned[number])
    assert (process.returncode, errors) == (0, "")
    assert rest.endswith("are stopped.\n")
    assert left_behind(tmp_path) == []


def facts(value: object) -> set[str]:
    """Return what a sentence can promise of the JSON *value*: conditions, keys, values."""
    found: set[str] = set()
    if isinstance(value, dict):
        if {"type", "status", "reason"} <= value.keys():
            found.add("{type}={status}, reason {reason}".format(**value))
        for key, inner in value.items():
            found |= {f'"{key}"', f'"{key}": {json.dumps(inner)}'} | facts(inner)
    elif isinstance(value, list):
        found.update(*map(facts, value))
    elif isinstance(value, str):
        found.add(f'"{value}"')
    return found


def pasted(command: str) -> str:
    """Return the output of *command* in a person's shell."""
    return subprocess.run(  # noqa: S603  the demo's own
        ["/bin/sh", "-c", command],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    ).stdout


def test_without_jq(monkeypatch: pytest.MonkeyPatch) -> None:
    """If jq is not installed, no command uses jq."""
    monkeypatch.setenv("PATH", "/nowhere")
    commands = [item.command for item in exercises.exercises("http://a", "http://b", "c")]
    assert commands
    assert not [command for command in commands if "jq" in command]


@pytest.mark.parametrize(
    ("endpoint", "fault", "failure"),
    [
        (
            "exchange",
            no_role(),
            r"step 2/4\. .* without a token\. .* reason RegistryDenied: .+",
        ),
        ("v2", Fault(reset=True), r"step 4/4\. .*Connection.*"),
    ],
    ids=["unexpected-response", "no-response"],
)
def test_failed_step(
    endpoint: Endpoint, fault: Fault, failure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line names the step and the cause. acrpull's log is on stderr."""
    emulator = Emulator(registries=1)
    emulator.faults.add(endpoint, fault)
    assert run(emulator) == 1
    output, errors = capsys.readouterr()
    assert re.fullmatch(f"Failed: {failure}", errors.splitlines()[-1])
    assert "Listening at: " in errors
    assert "Success" not in output


def test_corrupted_image(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The demo fails if the registry returns a blob whose digest is not in the manifest."""
    blobs = new_image().blobs
    monkeypatch.setitem(blobs, next(iter(blobs)), b"corrupted")
    assert run(Emulator(registries=1)) == 1
    assert "Failed: step 4/4. GET https://" in capsys.readouterr().err


def test_unready_binding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The demo fails if the binding is not Ready after Metacontroller's second call."""
    monkeypatch.setattr(walkthrough, "observed", lambda binding, _: {"parent": binding})
    assert run(Emulator(registries=1)) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("Failed: step 3/4. The binding is not ready. Ready=False, reason ")


def test_service_that_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error output shows why acrpull did not start, and no process or file is left."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # a cache of TMPDIR
    monkeypatch.setattr(Emulator, "environment", lambda _: {"LOG_LEVEL": "LOUD"})
    assert run(Emulator(registries=1)) == 1
    *log, last = capsys.readouterr().err.splitlines()
    assert any("LOG_LEVEL" in line for line in log)
    assert last == "Failed: acrpull did not start. Its log is above."
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(number: signal.Signals, tmp_path: Path) -> None:
    """If a signal interrupts the steps, the demo stops its processes and fails."""
    with demo(tmp_path) as process:
        read_until(process, "1/4")
        process.send_signal(number)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + number
    assert left_behind(tmp_path) == []


def test_runtime_lock_suffices() -> None:
    """The demo imports no package that is missing in requirements.txt."""
    script = (
        "import sys; before = set(sys.modules); import tests.demo.__main__;"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run(  # noqa: S603  the command is our own
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    owners = packages_distributions()
    used = {package.lower() for name in done.stdout.split() for package in owners.get(name, ())}
    locked = {pin.name for pin in pins(ROOT / "requirements.txt")}
    assert {"cryptography", "pyyaml", "requests"} <= used
    assert used <= locked
