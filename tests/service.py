"""The service in processes of its own, started by the command that starts it in a cluster.

Knows gunicorn's log lines and signals; of what the hooks are asked or answer it knows nothing.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final, Self

ROOT: Final = Path(__file__).parent.parent
APP: Final = "hooks.wsgi:app"
# Of the caller's environment only this: no proxy, CA, identity or setting of the caller's machine.
KEPT: Final = frozenset({"HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ"})
START_SECONDS: Final = 20
STOP_SECONDS: Final = 20  # more than `graceful_timeout` in hooks/gunicorn_conf.py
POLL_SECONDS: Final = 0.02
# gunicorn@27.0.1:gunicorn/arbiter.py
LISTENING: Final = re.compile(r"Listening at: (https?)://(\S+):(\d+)")
METRICS: Final = re.compile(r"Metrics at: (http://[^\s\"]+)")
BOOTING: Final = re.compile(r"Booting worker with pid: (\d+)")


class ServiceFailed(Exception):
    """The service did not start; the text ends with what it wrote."""


def clean_environment() -> dict[str, str]:
    """Return what a program needs of the caller's environment, and nothing that would steer it."""
    caller = os.environ  # noqa: TID251  what is to be kept from the service
    return {name: value for name, value in caller.items() if name in KEPT}


class Service:
    """gunicorn with *app* under the service's settings, ready within a `with` block.

    *environment* is all that it gets besides `KEPT`; without BIND in it, the port is a free one of
    loopback. *app* may be another one, "module:name", that answers GET /readyz.
    """

    def __init__(self, environment: Mapping[str, str], app: str = APP) -> None:
        self.environment = {"BIND": "127.0.0.1:0", **environment}
        self._app = app
        self._process: subprocess.Popen[bytes] | None = None
        self._output = ExitStack()
        self._ended_log = ""
        self.log_file = Path(os.devnull)

    def start(self) -> None:
        """Start, and return once it is ready. Raises `ServiceFailed`."""
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._ended_log = ""
            output = self._output.enter_context(
                NamedTemporaryFile(prefix="acrpull-", suffix=".log")
            )
            self.log_file = Path(output.name)
            self._process = subprocess.Popen(  # noqa: S603  the command is our own
                [sys.executable, "-m", "gunicorn", "-c", "hooks/gunicorn_conf.py", self._app],
                cwd=ROOT,
                env=clean_environment() | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the caller, who then stops us in order
            )
            self._await_ready(self._process)
            undo.pop_all()

    def stop(self) -> None:
        """End it as a cluster does: SIGTERM, time for calls under way, then SIGKILL."""
        self._finish(_end)

    def kill(self) -> None:
        """End it as a node that dies does: SIGKILL. `start` starts it anew, on another port."""
        self._finish(_kill)

    def _finish(self, end: Callable[[subprocess.Popen[bytes]], None]) -> None:
        process, self._process = self._process, None
        try:
            if process is not None:
                end(process)
        finally:
            self._ended_log = self.log
            self.log_file = Path(os.devnull)
            self._output.close()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on."""
        return self._listening[2], int(self._listening[3])

    @property
    def url(self) -> str:
        """Where it is, without a final slash."""
        return "{}://{}:{}".format(*self._listening.groups())

    @property
    def _listening(self) -> re.Match[str]:
        found = LISTENING.search(self.log)
        if found is None:
            raise ServiceFailed(f"it does not listen:\n{self.log}")
        return found

    @property
    def metrics_url(self) -> str:
        """Where its metrics are; it must have been told to have any."""
        return str(METRICS.findall(self.log)[-1])

    @property
    def pid(self) -> int:
        """The arbiter's process: the one to signal."""
        if self._process is None:
            raise ServiceFailed("it is not running")
        return self._process.pid

    @property
    def worker_pid(self) -> int:
        """The process that answers; another one after the arbiter has replaced it."""
        return int(BOOTING.findall(self.log)[-1])

    @property
    def log(self) -> str:
        """All that it has written since its start, also after its end."""
        try:
            return self.log_file.read_text("utf-8", "replace") or self._ended_log
        except FileNotFoundError:  # it ended since the path was read, in another thread
            return self._ended_log

    def rss_bytes(self) -> int:
        """Return the worker's resident memory, from Linux's /proc."""
        pages = Path(f"/proc/{self.worker_pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self) -> float:
        """Return the processor time that the worker has used, from Linux's /proc."""
        fields = Path(f"/proc/{self.worker_pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # user, system

    def pin(self, cores: Collection[int]) -> None:
        """Let every thread of the worker run on these *cores* only; Linux."""
        for thread in Path(f"/proc/{self.worker_pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)

    @property
    def _probed(self) -> tuple[str, int]:
        """Where probes are answered: over TLS, not by the hooks' listener."""
        host, _, port = self.environment.get("HEALTH_BIND", "").rpartition(":")
        return (host, int(port)) if port else self.address

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ServiceFailed(f"it ended with status {process.returncode}:\n{self.log}")
            if LISTENING.search(self.log) and _is_ready(*self._probed):
                return
            time.sleep(POLL_SECONDS)
        raise ServiceFailed(f"it is not ready after {START_SECONDS} s:\n{self.log}")


def _is_ready(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
    finally:
        _kill(process)  # and a worker that the arbiter has left behind


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
