"""A queue for log lines, so that no thread blocks while nothing reads stderr."""

import atexit
import logging
import time
from collections.abc import Callable
from logging.handlers import QueueHandler, QueueListener
from queue import Full, Queue
from typing import Any, Final

from hooks.log import new_formatter

MAX_LINES: Final = 10_000  # about 5 MB
FLUSH_SECONDS: Final = 1  # at the end of the process


class _Queued(QueueHandler):
    """Puts formatted records into *lines*, and calls *lost* if *lines* is full."""

    def __init__(self, lines: Queue[Any], lost: Callable[[], None]) -> None:
        super().__init__(lines)
        self._lost = lost

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except Full:
            self._lost()


def write_from_thread(lost: Callable[[], None]) -> None:
    """Start a thread that writes all log lines to stderr.

    If the queue is full, the line is dropped and *lost* is called. Call this function after
    `hooks.log.configure`, in the worker process: a thread does not survive a fork.
    """
    lines: Queue[Any] = Queue(MAX_LINES)
    handler = _Queued(lines, lost)
    handler.setFormatter(new_formatter())
    for logger in (logging.getLogger(), logging.getLogger("gunicorn.error")):
        for written in logger.handlers[:]:
            logger.removeHandler(written)
        logger.addHandler(handler)
    QueueListener(lines, logging.StreamHandler()).start()
    atexit.register(_flush, lines)


def _flush(lines: Queue[Any]) -> None:
    """Wait until the lines are written, for `FLUSH_SECONDS` at most."""
    deadline = time.monotonic() + FLUSH_SECONDS
    while lines.unfinished_tasks and time.monotonic() < deadline:
        time.sleep(0.01)
