"""Waits for the effects of a controller."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

import pytest

from tests.e2e.api import ApiError

WAIT_SECONDS: Final = 40
POLL_SECONDS: Final = 0.1

T = TypeVar("T")


def eventually(check: Callable[[], T], seconds: float = WAIT_SECONDS) -> T:
    """Return the result of *check*, as soon as *check* neither fails nor raises `ApiError`.

    *check* fails by an `AssertionError`, or by `pytest.raises` without an exception. Raises the
    last such exception after *seconds*.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except (AssertionError, ApiError, pytest.fail.Exception):
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
