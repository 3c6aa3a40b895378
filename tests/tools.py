"""Programs that a test needs and a machine may lack."""

import os
import shutil

import pytest


def require(*programs: str, package: str = "") -> None:
    """Skip the test where one of *programs* is missing; where CI=true, fail it.

    *package* is Debian's that has them, where that is named differently.
    """
    missing = " ".join(program for program in programs if shutil.which(program) is None)
    if not missing:
        return
    text = f"not installed; on Debian: apt-get install -y {package or missing}"
    if os.environ.get("CI") == "true":  # noqa: TID251  the runner's word, not a setting
        pytest.fail(text)
    pytest.skip(text)
