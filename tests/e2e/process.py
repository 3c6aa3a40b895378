"""A program in the background, with its output in a file."""

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from socket import create_server
from typing import Final, Self

STOP_SECONDS: Final = 10
POLL_SECONDS: Final = 0.05
PORTS: Final = range(20_000, 32_768)
_given: Final = set[int]()


class ProcessFailed(Exception):
    """A program ended, or did not become ready; the text ends with the program's last output."""


class Process:
    """The program *command*, called *name*, with a log in *directory* and only *environment*.

    Runs within a `with` block. Tests can kill and restart the program in the block.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        directory: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.starts = 0
        self._command = [str(part) for part in command]
        self._log = directory / f"{name}.log"
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the program; its output is appended to the log."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  the tests' own commands
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop it
            )
        self.starts += 1

    def stop(self) -> None:
        """End the program with SIGTERM, and after `STOP_SECONDS` with SIGKILL."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the program and its children with SIGKILL, like the failure of a node."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def started(self) -> bool:
        """True between `start` and the next `stop` or `kill`."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The process ID; the program must be running."""
        assert self._process is not None
        return self._process.pid

    def wait(self, seconds: float) -> int:
        """Wait until the program ends by itself; return its status. Raises `TimeoutExpired`."""
        assert self._process is not None
        return self._process.wait(seconds)

    def await_ready(self, is_ready: Callable[[], bool], seconds: float) -> None:
        """Wait until *is_ready*. Raises `ProcessFailed` if the program ends, or after *seconds*."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if self._process is None or self._process.poll() is not None:
                raise ProcessFailed(f"{self.name} ended:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{self.name} is not ready after {seconds} s:\n{self.tail()}")
            time.sleep(POLL_SECONDS)

    def tail(self, size: int = 4000) -> str:
        """Return the last *size* characters of the output."""
        return self._log.read_text("utf-8", "replace")[-size:] if self._log.exists() else ""

    def __enter__(self) -> Self:
        """Start the program."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the program."""
        self.stop()


def free_port() -> int:
    """Return a port of loopback that was free a moment ago, and never the same port twice.

    A caller draws several ports before a program listens on the first. The port is outside the
    range of outgoing connections, by default 32768 to 60999 on Linux.
    https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)
    """
    while True:
        port = PORTS.start + secrets.randbelow(len(PORTS))
        if port in _given:
            continue
        with suppress(OSError), create_server(("127.0.0.1", port)):
            _given.add(port)
            return port
