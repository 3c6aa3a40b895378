"""Reads a lock of pip-compile: https://pip-tools.readthedocs.io/."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# A name with its extras, a version, and the lines below: hashes, then the dependents.
PIN: Final = re.compile(
    r"(?m)^([a-z0-9][-a-z0-9.]*)(?:\[([-a-z0-9.,]+)\])?==(\S+) \\\n((?:[ ].*\n?)+)"
)
HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
# `# via flask`, or `# via` and a line for each dependent; an input is `-r requirements.in`.
DEPENDENT: Final = re.compile(r"(?m)^ +# (?:via)? *(\S.*)$")


@dataclass(frozen=True)
class Pin:
    """A package pinned to one version.

    Attributes:
        name: Its normalized name.
        extras: The extras that the lock pins with the package.
        version: The version.
        hashes: The SHA-256 digest of each file of this version.
        askers: The names of packages that require the package, and `-r <file>` for an input.
    """

    name: str
    extras: frozenset[str]
    version: str
    hashes: tuple[str, ...]
    askers: tuple[str, ...]

    @property
    def is_direct(self) -> bool:
        """Whether an input names the package."""
        return any(asker.startswith("-r ") for asker in self.askers)


def pins(path: Path) -> Iterator[Pin]:
    """Yield the pins of the lock at *path*, in its order."""
    for name, extras, version, below in PIN.findall(path.read_text("utf-8")):
        yield Pin(
            name,
            frozenset(filter(None, extras.split(","))),
            version,
            tuple(HASH.findall(below)),
            tuple(DEPENDENT.findall(below)),
        )
