"""Restores the process-wide state of logging."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def restored_loggers() -> Iterator[None]:
    """Restore the changes of `hooks.log.configure` at the end.

    `configure` closes the root logger's handlers. So pytest's handlers are removed until the end.
    """
    root = logging.getLogger()
    levels = {logger: logger.level for logger in map(logging.getLogger, ("", "hooks", "azure"))}
    handlers, root.handlers = root.handlers, []
    gunicorn = logging.getLogger("gunicorn.error")
    before = gunicorn.handlers
    try:
        yield
    finally:
        root.handlers = handlers
        gunicorn.handlers = before
        for logger, level in levels.items():
            logger.setLevel(level)
