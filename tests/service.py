"""Runs acrpull in separate processes, with the same command as in a cluster.

Knows gunicorn's log lines and signals, and nothing about the hooks.
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
# Variables from the caller's environment: no proxy, CA, identity or setting of the machine.
KEPT: Final = frozenset({"HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ"})
START_SECONDS: Final = 20
STOP_SECONDS: Final = 20  # more than `GRACEFUL_SECONDS` in hooks/budget.py
POLL_SECONDS: Final = 0.02
# gunicorn@27.0.1:gunicorn/arbiter.py
LISTENING: Final = re.compile(r"Listening at: (https?)://(\S+):(\d+)")
METRICS: Final = re.compile(r"Metrics at: (http://[^\s\"]+)")
BOOTING: Final = re.compile(r"Booting worker with pid: (\d+)")


class ServiceFailed(Exception):
    """The service did not start; the text ends with its log."""


def clean_environment() -> dict[str, str]:
    """Return the variables in `KEPT` of the caller's environment."""
    caller = os.environ  # noqa: TID251  filtered before use
    return {name: value for name, value in caller.items() if name in KEPT}


class Service:
    """gunicorn with *app* under the service's settings, ready within a `with` block.

    *environment* is added to the variables in `KEPT`. Without BIND, gunicorn listens on a free port
    of loopback. *app* is "module:name", and must answer GET /readyz. *root* is the folder of the
    code, for example of an earlier version.
    """

    def __init__(self, environment: Mapping[str, str], app: str = APP, root: Path = ROOT) -> None:
        self.environment = {"BIND": "127.0.0.1:0", **environment}
        self._app = app
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._output = ExitStack()
        self._ended_log = ""
        self.log_file = Path(os.devnull)

    def start(self) -> None:
        """Start the service, and return when it is ready. Raises `ServiceFailed`."""
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._ended_log = ""
            output = self._output.enter_context(
                NamedTemporaryFile(prefix="acrpull-", suffix=".log")
            )
            self.log_file = Path(output.name)
            self._process = subprocess.Popen(  # noqa: S603  a fixed command
                [sys.executable, "-m", "gunicorn", "-c", "hooks/gunicorn_conf.py", self._app],
                cwd=self._root,
                env=clean_environment() | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C ends the caller only, which then calls stop
            )
            self._await_ready(self._process)
            undo.pop_all()

    def stop(self) -> None:
        """End the service as a cluster does: SIGTERM, time for calls under way, then SIGKILL."""
        self._finish(_end)

    def kill(self) -> None:
        """End the service with SIGKILL, like a node failure. `start` uses another port."""
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
        """Start the service."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the service."""
        self.stop()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the hooks."""
        return self._listening[2], int(self._listening[3])

    @property
    def url(self) -> str:
        """The URL of the hooks, without a final slash."""
        return "{}://{}:{}".format(*self._listening.groups())

    @property
    def _listening(self) -> re.Match[str]:
        found = LISTENING.search(self.log)
        if found is None:
            raise ServiceFailed(f"it does not listen:\n{self.log}")
        return found

    @property
    def metrics_url(self) -> str:
        """The URL of the metrics; METRICS_BIND must be set."""
        return str(METRICS.findall(self.log)[-1])

    @property
    def pid(self) -> int:
        """The process ID of the arbiter, which takes signals."""
        if self._process is None:
            raise ServiceFailed("it is not running")
        return self._process.pid

    @property
    def worker_pid(self) -> int:
        """The process ID of the current worker; the arbiter replaces a dead worker."""
        return int(BOOTING.findall(self.log)[-1])

    @property
    def log(self) -> str:
        """The log since the start, also after the end."""
        try:
            return self.log_file.read_text("utf-8", "replace") or self._ended_log
        except FileNotFoundError:  # another thread stopped the service
            return self._ended_log

    def rss_bytes(self) -> int:
        """Return the worker's resident memory, from Linux's /proc."""
        pages = Path(f"/proc/{self.worker_pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def peak_bytes(self) -> int:
        """Return the largest resident memory that the worker has had, from Linux's /proc."""
        status = Path(f"/proc/{self.worker_pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

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
        """Host and port for probes: HEALTH_BIND, or else the listener of the hooks."""
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
        _kill(process)  # also ends a worker without an arbiter


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
