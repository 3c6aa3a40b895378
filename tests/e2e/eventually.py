"""Waiting for what a controller brings about."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from tests.e2e.api import ApiError

WAIT_SECONDS: Final = 40
POLL_SECONDS: Final = 0.1

T = TypeVar("T")


def eventually(check: Callable[[], T], seconds: float = WAIT_SECONDS) -> T:
    """Return what *check* returns, once it raises no `AssertionError` or `ApiError` any more.

    Raises the last of these when it still does after *seconds*.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except (AssertionError, ApiError):
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
