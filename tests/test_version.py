"""`acrpull --version`."""

import subprocess
import sys

import pytest

from hooks.version import VERSION
from tests.service import ROOT, clean_environment


@pytest.mark.process
@pytest.mark.parametrize(("revision", "printed"), [("abc1234", "abc1234"), ("", "unknown")])
def test_version(revision: str, printed: str) -> None:
    """The command prints the version of the code and the revision of the image."""
    done = subprocess.run(
        [sys.executable, "-m", "hooks", "--version"],
        cwd=ROOT,
        env=clean_environment() | {"REVISION": revision},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"acrpull {VERSION}, revision {printed}\n", done.stderr
