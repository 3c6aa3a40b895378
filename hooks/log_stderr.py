"""A log handler that never waits for the reader of stderr.

If nothing reads the pipe of stderr, a plain write blocks. In the worker, the write would block a
thread for hooks. In the arbiter, the write would block the loop for SIGTERM and dead workers.
"""

import fcntl
import logging
import os
import select
from collections.abc import Callable
from typing import Final

# A pipe that is ready for writing takes this many bytes without blocking, and never mixes them with
# bytes of another process. Terminals, sockets and files take as many.
# https://man7.org/linux/man-pages/man7/pipe.7.html (PIPE_BUF)
WRITE_BYTES: Final = select.PIPE_BUF
STDERR: Final = 2
# The arbiter and its workers share this file. They lock the file, because a process could fill the
# pipe after another process saw room. The content is the missing end of the last line.
SHARED: Final = os.memfd_create("log")


class StderrHandler(logging.Handler):
    """Writes a line to stderr, or calls *lost* if stderr has no room for the line."""

    def __init__(self, lost: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._lost = lost
        self._poll = select.poll()
        self._poll.register(STDERR, select.POLLOUT)

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record*. Of a line longer than `WRITE_BYTES`, the end may be lost."""
        try:
            line = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
            fcntl.lockf(SHARED, fcntl.LOCK_EX)
            try:
                written = self._write(line)
            finally:
                fcntl.lockf(SHARED, fcntl.LOCK_UN)
        except Exception:  # noqa: BLE001  such as a closed pipe; logging must not fail a hook
            written = False
        if not written:
            self._lost()

    def _write(self, line: bytes) -> bool:
        data = os.pread(SHARED, 1, 0) + line
        for start in range(0, len(data), WRITE_BYTES):
            if not self._poll.poll(0):
                if start:
                    os.pwrite(SHARED, b"\n", 0)
                return False
            os.write(STDERR, data[start : start + WRITE_BYTES])
        os.ftruncate(SHARED, 0)
        return True
