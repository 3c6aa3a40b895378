"""The container image: built by buildah, and run as a node runs an image.

https://github.com/containers/buildah/tree/v1.28.2/docs. Root can build, also in a container: RUN is
a chroot, and a layer is a plain copy.
"""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hooks.version import VERSION
from tests.e2e.base_image import write_base
from tests.service import ROOT, clean_environment

BASE: Final = "localhost/base"
BUILD_SECONDS: Final = 300
(PYTHON_VERSION,) = re.findall(
    r"(?m)^ARG PYTHON=python:(\d+\.\d+)", (ROOT / "Dockerfile").read_text()
)
NO_INDEX: Final = "[global]\nno-index = true\nfind-links = /wheels\n"


class Image:
    """The image, built in *directory*, along with all state of buildah.

    `root` is the folder of the unpacked image.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.root = Path()

    def fetch(self, python: Path, environment: Mapping[str, str]) -> None:
        """Fetch the lock's wheels for *python*; the build itself needs no index."""
        options = ("--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:")
        wheels = f"--dest={self._directory / 'wheels'}"
        subprocess.run(  # noqa: S603  a Python of the machine's
            [python, "-m", "pip", "download", *options, wheels, "-r", "requirements.txt"],
            cwd=ROOT,
            env=environment,
            check=True,
            timeout=BUILD_SECONDS,
        )

    def build(self, python: Path, revision: str) -> None:
        """Build on a base with *python*, with the fetched wheels, and unpack into `root`."""
        write_base(self._directory / "base", python)
        (self._directory / "pip.conf").write_text(NO_INDEX)
        from_scratch = self._directory / "Dockerfile"
        from_scratch.write_text("FROM scratch\nCOPY . /\n")
        build = ("build", "--isolation=chroot", "--quiet")
        self._buildah(*build, f"--tag={BASE}", f"--file={from_scratch}", self._directory / "base")
        mounts = {"wheels": "/wheels", "pip.conf": "/etc/pip.conf"}
        self._buildah(
            *build,
            f"--build-arg=PYTHON={BASE}",
            f"--build-arg=VERSION={VERSION}",
            f"--build-arg=REVISION={revision}",
            *(f"--volume={self._directory / name}:{at}:ro" for name, at in mounts.items()),
            "--tag=acrpull",
            ROOT,
        )
        container = self._buildah("from", "acrpull").strip()
        self.root = Path(self._buildah("mount", container).strip())

    @property
    def config(self) -> dict[str, Any]:
        """The image's configuration: how to run the image.

        https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md
        """
        document = json.loads(self._buildah("inspect", "--type=image", "acrpull"))
        config: dict[str, Any] = document["OCIv1"]["config"]
        return config

    def _buildah(self, *arguments: str | Path) -> str:
        state = [f"--{name}={self._directory / name}" for name in ("root", "runroot")]
        done = subprocess.run(  # noqa: S603  the command is our own
            ["buildah", *state, "--storage-driver=vfs", *arguments],  # noqa: S607  wherever it is
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
