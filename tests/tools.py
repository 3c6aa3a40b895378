"""Skips a test if the machine lacks a program."""

import os
import shutil
from typing import NoReturn

import pytest


def require(*programs: str, package: str = "") -> None:
    """Skip the test if one of *programs* is missing; with CI=true, fail the test.

    *package* is the Debian package with the programs, if its name is different.
    """
    missing = " ".join(program for program in programs if shutil.which(program) is None)
    if missing:
        lack(f"not installed; on Debian: apt-get install -y {package or missing}")


def lack(text: str) -> NoReturn:
    """Skip the test with the reason *text*; with CI=true, fail the test."""
    if os.environ.get("CI") == "true":  # noqa: TID251  set by the CI runner, not a setting
        pytest.fail(text)
    pytest.skip(text)
