"""A small image: a manifest, a configuration and a layer with a file.

The same bytes in every run. Media types and layout:
https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md
"""

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass
from functools import cache

from tests.emulator.message import compact

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Image:
    """The manifest's bytes, and the blobs by their digests."""

    manifest: bytes
    blobs: dict[str, bytes]


def digest(data: bytes) -> str:
    """Return the digest in the form of registries: `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


@cache
def new_image() -> Image:
    """Return the image."""
    archive = _archive("hello.txt", b"hello from the emulator\n")
    layer = gzip.compress(archive, mtime=0)
    config = compact(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(archive)]},
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _descriptor(CONFIG_TYPE, config),
        "layers": [_descriptor(LAYER_TYPE, layer)],
    }
    return Image(compact(manifest), {digest(blob): blob for blob in (config, layer)})


def _descriptor(media_type: str, data: bytes) -> dict[str, str | int]:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def _archive(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
