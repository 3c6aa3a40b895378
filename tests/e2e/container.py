"""A container like a Pod's, made with Linux tools: a runtime for images would need cgroups.

https://man7.org/linux/man-pages/man1/unshare.1.html
"""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.e2e.process import Process

PROGRAMS: Final = ("unshare", "mount", "setpriv")
RUN_SECONDS: Final = 60
# Root, directory, user (and group), pairs of folder and mountpoint, "--", and the command. The
# command is the first process in the container.
START: Final = """
set -eu
root=$1 directory=$2 user=$3; shift 3
mount --bind -o private "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o nosuid,nodev,mode=1777,size=64m tmpfs "$root/tmp"
while [ "$1" != -- ]; do
  mount --bind "$1" "$2"
  mount -o remount,bind,ro "$2"
  shift 2
done
set -- --root="$root" --wd="$directory" --setgid="$user" --setuid="$user" "$@"
exec setpriv --no-new-privs unshare "$@"
"""


@dataclass(frozen=True)
class Container:
    """The unpacked image in *root*, run from *directory* by *user*, without any rights.

    Everything except /tmp is read-only. *mounts* maps folders to mountpoints.
    """

    root: Path
    directory: str
    user: int
    environment: Mapping[str, str]
    mounts: Mapping[Path, str] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str], log: Path) -> Process:
        """Return *command*, not started, with a log in the folder *log*."""
        return Process(name, self._command(command), log, self.environment)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run *command* to its end."""
        return subprocess.run(  # noqa: S603  the tests' own command
            self._command(command),
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_SECONDS,
        )

    def _command(self, command: Sequence[str]) -> list[str]:
        mounts = []
        for source, at in self.mounts.items():
            target = self.root / at.lstrip("/")
            target.mkdir(parents=True, exist_ok=True)
            mounts += [str(source), str(target)]
        apart = ("--mount", "--pid", "--ipc", "--fork", "--kill-child")
        where = (str(self.root), self.directory, str(self.user))
        script = ["/bin/sh", "-c", START, "container"]
        return ["/usr/bin/unshare", *apart, *script, *where, *mounts, "--", *command]
