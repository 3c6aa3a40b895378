"""The doctor as a user's process: exit codes, stdin, signals, imports."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from tests.doctor import COMMAND, GUID, SECONDS, SERVER, manifest, run_process
from tests.e2e.eventually import eventually
from tests.emulator import Emulator, Fault
from tests.service import ROOT, clean_environment

pytestmark = pytest.mark.process

GOOD: Final = manifest(acrServer=SERVER, managedIdentityClientID=GUID)


def test_needs_nothing_but_its_package(tmp_path: Path) -> None:
    """The doctor runs in a folder with `hooks` only, as in the image, and reads stdin."""
    shutil.copytree(ROOT / "hooks", tmp_path / "hooks")
    done = run_process("-", stdin=GOOD, folder=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("ACRPullBinding team-a/app: OK\n")


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "out", "err"),
    [
        (["-"], "a: b: c\n", 1, "-: line 1, column 5: mapping values are not allowed", ""),
        (["no/such/file"], "", 2, "", "python -m hooks.doctor: no/such/file: No such file"),
    ],
    ids=["problem", "usage"],
)
def test_failure(arguments: list[str], stdin: str, code: int, out: str, err: str) -> None:
    """A failure is a single line and an exit code."""
    done = run_process(*arguments, stdin=stdin)
    assert done.code == code
    assert (done.out[: len(out)], done.err[: len(err)]) == (out, err)
    assert (done.out + done.err).count("\n") == 1


def test_same_bytes() -> None:
    """The output for a file depends neither on the time nor on the order of sets."""
    for output in ("json", "text"):
        made = {
            run_process("--output", output, "-", stdin=GOOD, environ={"PYTHONHASHSEED": seed}).out
            for seed in ("1", "2")
        }
        assert len(made) == 1


def test_offline_run_loads_no_client() -> None:
    """Without --live, the doctor does not import the libraries that call Azure."""
    code = (
        "import sys; from hooks.doctor.__main__ import main;"
        "main(['crds/samples/accepted/client-id.yaml'], {}, sys.stdin.buffer);"
        "print(sorted({'azure', 'requests', 'urllib3', 'flask'} & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603  the command is our own
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == b"[]"


@contextmanager
def started(environ: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start the doctor with pipes for stdin, stdout and stderr; kill the process in the end."""
    with subprocess.Popen(  # noqa: S603  the command is our own
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=clean_environment() | environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_live(emulator: Emulator) -> None:
    """With --live, the environment names Azure. Ctrl-C ends a request without a traceback."""
    environ = emulator.environment()
    text = manifest(acrServer=emulator.acr_server, managedIdentityClientID=str(uuid4()))
    done = run_process("--live", "-", stdin=text, environ=environ)
    assert (done.code, done.err) == (0, "")
    assert [record.endpoint for record in emulator.requests] == ["imds", "exchange"]
    emulator.reset()
    emulator.faults.add("exchange", Fault(delay=SECONDS))
    with started(environ, "--live", "-") as process:
        assert process.stdin is not None
        process.stdin.write(text)
        process.stdin.close()
        eventually(lambda: has_token(emulator))
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 128 + signal.SIGINT
        assert process.stderr is not None
        assert process.stderr.read() == ""


def has_token(emulator: Emulator) -> None:
    """Raise `AssertionError` until IMDS has returned a token: the exchange follows."""
    assert emulator.count("imds") == 1


def test_closed_pipe() -> None:
    """A closed stdout, as after `head`, causes no traceback."""
    with started({}, "-") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(GOOD)
        process.stdin.close()
        assert process.wait(SECONDS) == 128 + signal.SIGPIPE
        assert process.stderr.read() == ""
