"""An earlier version of acrpull, from the history of this repository."""

import io
import subprocess
import tarfile
from pathlib import Path
from typing import Final

import pytest

from tests.service import ROOT

# The last commit without an entry in CHANGELOG.md: the upgrade to 0.1.0 starts there.
EARLIER: Final = "548d6168c8178cc9b00bb3265eaf763b30579683"


def unpack_earlier(directory: Path) -> Path:
    """Return *directory* with the files of `EARLIER`. Fails in a clone without the commit."""
    command = ("git", "-C", str(ROOT), "archive", "--format=tar", EARLIER)
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  a fixed command
    if done.returncode:
        pytest.fail(
            f"This clone has no commit {EARLIER[:7]}, where the upgrade starts. Fetch the history: "
            f"git fetch --unshallow. git reports: {done.stderr.decode().strip()}"
        )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(directory, filter="data")
    return directory
