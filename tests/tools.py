"""Programs that a test needs and a machine may lack."""

import os
import shutil
from typing import NoReturn

import pytest


def require(*programs: str, package: str = "") -> None:
    """Skip the test where one of *programs* is missing; where CI=true, fail it.

    *package* is Debian's that has them, where that is named differently.
    """
    missing = " ".join(program for program in programs if shutil.which(program) is None)
    if missing:
        lack(f"not installed; on Debian: apt-get install -y {package or missing}")


def lack(text: str) -> NoReturn:
    """Skip the test for the reason *text*; where CI=true, fail it."""
    if os.environ.get("CI") == "true":  # noqa: TID251  the runner's word, not a setting
        pytest.fail(text)
    pytest.skip(text)
