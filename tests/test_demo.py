"""The demo, as a person runs it: in a process of its own, and what that leaves behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.service import ROOT, Service, ServiceFailed, clean_environment

SECONDS = 60  # the demo's limit
TOKEN = re.compile(r"(eyJ|MDAwMD)[-\w+/=.]{20,}")  # a JWT, and base64 of docker's user and password
PROC = Path("/proc")
PROXY = "http://127.0.0.1:9"  # nobody there


@contextmanager
def demo(directory: Path, *options: str, path: str = os.defpath) -> Iterator[subprocess.Popen[str]]:
    """Run the demo, whose processes and files all have *directory* as the temporary one."""
    command = [sys.executable, "-m", "tests.demo", *options]
    caller = {"PATH": path, "TMPDIR": str(directory), "http_proxy": PROXY, "BIND": "no"}
    with subprocess.Popen(  # noqa: S603  the command is our own
        command,
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
        except OSError:  # it has ended, or is another user's
            continue
    return found


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Return *process*' output up to the line with *text*."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            break
    output = "".join(lines)
    assert text in output
    return output


@pytest.mark.parametrize("path", [os.defpath, "/nowhere"], ids=["curl", "no-curl"])
def test_a_binding_becomes_a_pull(path: str, tmp_path: Path) -> None:
    """Secret, ServiceAccount, resync and pull are shown; no token, no log, no process is left."""
    with demo(tmp_path, path=path) as process:
        output, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, errors) == (0, ""), output
    assert re.search(r"curl -sS http://127\.0\.0\.1:\d+/sync -d '\{", output)
    assert "kind: Secret\n" in output
    assert "kind: ServiceAccount\n" in output
    assert "imagePullSecrets:\n- name: acr-pull-client-id\n" in output
    resync = re.search(r"resyncAfterSeconds: (\d+)", output)
    assert resync is not None
    assert 8998 <= int(resync[1]) <= 9000
    assert "the same Secret, 0 calls to Azure, Ready=True" in output
    assert output.count("whose digest is right") == 3
    assert not TOKEN.search(output)
    assert '"level"' not in output
    assert left_behind(tmp_path) == []


@pytest.mark.skipif(shutil.which("curl", path=os.defpath) is None, reason="needs curl")
def test_kept_running_until_ctrl_c(tmp_path: Path) -> None:
    """With --keep, each command that is printed works when pasted; Ctrl-C ends all of it."""
    with demo(tmp_path, "--keep") as process:
        output = read_until(process, '"scope"')
        assert any("hooks.wsgi:app" in found for found in left_behind(tmp_path))
        first = output[output.index("curl") : output.index("}'") + 2]
        others = [line for line in output.splitlines() if line.startswith("curl") and "}" in line]
        answers = [pasted(command) for command in (first, *others)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    keys = ("children", "relatedResources", "finalized", "labels", "null", "RegistryDenied")
    for key, answer in zip(keys, answers, strict=True):
        assert key in answer
        assert '"error"' not in answer
    assert left_behind(tmp_path) == []


def pasted(command: str) -> str:
    """Return what *command* prints in a person's shell."""
    return subprocess.run(  # noqa: S603  the demo's own
        ["/bin/sh", "-c", command],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    ).stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(number: signal.Signals, tmp_path: Path) -> None:
    """Ended in the middle, it stops what it started, and fails."""
    with demo(tmp_path) as process:
        read_until(process, "1. ")
        process.send_signal(number)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + number
    assert left_behind(tmp_path) == []


def test_a_service_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what the service wrote, and nothing is left of it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    service = Service({"LOG_LEVEL": "LOUD"})
    with pytest.raises(ServiceFailed, match="LOG_LEVEL: 'LOUD' is none of INFO, DEBUG"):
        service.start()
    assert "LOUD" in service.log
    assert left_behind(tmp_path) == []
