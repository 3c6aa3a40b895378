"""A client of registries, skopeo, as a person runs it.

Knows its command line, https://github.com/containers/skopeo/tree/v1.9.3/docs; nothing of who gave
the credentials, nor of which registry it is.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.service import clean_environment

PROGRAM: Final = "skopeo"
TIMEOUT_SECONDS: Final = 60


class SkopeoFailed(Exception):
    """skopeo did not do what was to be done; the text ends with what it said."""


@dataclass(frozen=True)
class Pull:
    """What became of a pull.

    Attributes:
        status: Of skopeo's exit; 0: it has all of the image, and each blob has its digest.
        output: What it said; no credential is in it.
        manifest: The image's manifest, byte for byte; empty if there was none.
    """

    status: int
    output: str
    manifest: bytes

    @property
    def digest(self) -> str:
        """What registries name the image by."""
        return "sha256:" + hashlib.sha256(self.manifest).hexdigest()


def pull(dockerconfigjson: bytes, image: str, ca_file: Path) -> Pull:
    """Pull *image*, `host:port/name:tag`, with *dockerconfigjson* for all credentials there are.

    That is the decoded `.dockerconfigjson` of a Secret: skopeo reads the same format. The server
    must have a certificate that *ca_file*, or the machine, trusts.
    """
    with _workplace() as directory:
        authfile, certificates, target = (directory / n for n in ("auth.json", "certs", "image"))
        authfile.touch(mode=0o600)
        authfile.write_bytes(dockerconfigjson)
        certificates.mkdir()
        shutil.copyfile(ca_file, certificates / "ca.crt")  # any *.crt there is a CA
        credentials = ["--authfile", str(authfile), "--src-cert-dir", str(certificates)]
        ended = _copy(directory, *credentials, f"docker://{image}", f"dir:{target}")
        manifest = target / "manifest.json"
        pulled = manifest.read_bytes() if manifest.exists() else b""
        return Pull(ended.returncode, ended.stdout, pulled)


def push(layout: Path, image: str) -> None:
    """Push the one image of the OCI *layout* as *image*, over plain HTTP, without credentials.

    Raises:
        SkopeoFailed: It was not taken.
    """
    with _workplace() as directory:
        options = ["--dest-tls-verify=false", "--preserve-digests"]
        ended = _copy(directory, *options, f"oci:{layout}", f"docker://{image}")
    if ended.returncode:
        raise SkopeoFailed(f"push of {image}: status {ended.returncode}\n{ended.stdout}")


@contextmanager
def _workplace() -> Iterator[Path]:
    """Make a directory for one run, with a policy that asks no image for a signature."""
    with TemporaryDirectory(prefix="skopeo-") as name:
        policy = {"default": [{"type": "insecureAcceptAnything"}]}
        (Path(name) / "policy.json").write_text(json.dumps(policy))
        yield Path(name)


def _copy(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `skopeo copy` with *directory* for its home: no login of the caller's is in reach."""
    command = [PROGRAM, "--policy", str(directory / "policy.json"), "copy", *arguments]
    return subprocess.run(  # noqa: S603  the command is our own
        command,
        env=clean_environment() | {"HOME": str(directory)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
