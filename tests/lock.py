"""A lock of pip-compile's: https://pip-tools.readthedocs.io/."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# A name and a version, and the lines below: hashes, then who asked for it.
PIN: Final = re.compile(r"(?m)^([a-z0-9][-a-z0-9.]*)==(\S+) \\\n((?:[ ].*\n?)+)")
HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
# `# via flask`, or `# via` and a line for each; an input is `-r requirements.in`.
ASKER: Final = re.compile(r"(?m)^ +# (?:via)? *(\S.*)$")


@dataclass(frozen=True)
class Pin:
    """A package at a version; *hashes* are SHA-256, of each of its files.

    *askers* are names of packages that need it, and `-r <file>` where it is asked for by itself.
    """

    name: str
    version: str
    hashes: tuple[str, ...]
    askers: tuple[str, ...]

    @property
    def is_direct(self) -> bool:
        """Whether an input names it."""
        return any(asker.startswith("-r ") for asker in self.askers)


def pins(path: Path) -> Iterator[Pin]:
    """Yield what a lock pins, in its order."""
    for name, version, below in PIN.findall(path.read_text("utf-8")):
        yield Pin(name, version, tuple(HASH.findall(below)), tuple(ASKER.findall(below)))
