"""A client of registries, skopeo, used like a person uses the command line.

https://github.com/containers/skopeo/tree/v1.9.3/docs. This module does not know the source of the
credentials, nor the kind of registry.
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
    """skopeo failed; the text ends with skopeo's output."""


@dataclass(frozen=True)
class Pull:
    """The result of a pull.

    Attributes:
        status: skopeo's exit code; 0 means that all blobs are there, each with its digest.
        output: skopeo's output; it contains no credential.
        manifest: The image's manifest, byte for byte; empty after a failure.
    """

    status: int
    output: str
    manifest: bytes

    @property
    def digest(self) -> str:
        """The digest, which names the image in registries."""
        return "sha256:" + hashlib.sha256(self.manifest).hexdigest()


def pull(dockerconfigjson: bytes, image: str, ca_file: Path) -> Pull:
    """Pull *image*, `host:port/name:tag`, with *dockerconfigjson* as the only credentials.

    skopeo reads the decoded `.dockerconfigjson` of a Secret, because the format is the same.
    *ca_file* or the machine must trust the server's certificate.
    """
    with _workplace() as directory:
        authfile, certificates, target = (directory / n for n in ("auth.json", "certs", "image"))
        authfile.touch(mode=0o600)
        authfile.write_bytes(dockerconfigjson)
        certificates.mkdir()
        shutil.copyfile(ca_file, certificates / "ca.crt")  # skopeo trusts each *.crt in this folder
        credentials = ["--authfile", str(authfile), "--src-cert-dir", str(certificates)]
        ended = _copy(directory, *credentials, f"docker://{image}", f"dir:{target}")
        manifest = target / "manifest.json"
        pulled = manifest.read_bytes() if manifest.exists() else b""
        return Pull(ended.returncode, ended.stdout, pulled)


def push(layout: Path, image: str) -> None:
    """Push the only image of the OCI *layout* as *image*, over plain HTTP, without credentials.

    Raises:
        SkopeoFailed: The registry rejected the image.
    """
    with _workplace() as directory:
        options = ["--dest-tls-verify=false", "--preserve-digests"]
        ended = _copy(directory, *options, f"oci:{layout}", f"docker://{image}")
    if ended.returncode:
        raise SkopeoFailed(f"push of {image}: status {ended.returncode}\n{ended.stdout}")


@contextmanager
def _workplace() -> Iterator[Path]:
    """Make a directory for one run, with a policy that requires no signatures."""
    with TemporaryDirectory(prefix="skopeo-") as name:
        policy = {"default": [{"type": "insecureAcceptAnything"}]}
        (Path(name) / "policy.json").write_text(json.dumps(policy))
        yield Path(name)


def _copy(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `skopeo copy` with *directory* as its home, so skopeo finds no login of the caller."""
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
