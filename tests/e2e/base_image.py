"""A stand-in for the Dockerfile's base image, without any registry.

A Python of this machine with its pip, a shell, the Dockerfile's programs of coreutils, and their
libraries, at the paths of Docker's image. Neither Debian nor its security fixes are in the image.
"""

import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

PROGRAMS: Final = ("sh", "chmod")
UNUSED: Final = (
    "test",
    "tests",
    "idlelib",
    "turtledemo",
    "tkinter",
    "_tkinter*",
    "config-*",
    "*.a",
)
IMPORTS: Final = shutil.ignore_patterns(*UNUSED, "site-packages", "__pycache__")
# The system libraries that wheels may load, and that the slim image has:
# https://peps.python.org/pep-0600/
RUNTIME: Final = ("gcc_s.so.1", "stdc++.so.6", "dl.so.2", "rt.so.1", "util.so.1", "pthread.so.0")
ASK: Final = "import sys; print(sys.base_prefix, 'python%d.%d' % sys.version_info[:2])"


def find_python(version: str, environment: dict[str, str]) -> Path | None:
    """Return a Python of *version*, else the tests' Python; None if its pip is not beside it."""
    for program in (shutil.which(f"python{version}"), sys.executable):
        if program is None:
            continue
        done = subprocess.run(  # noqa: S603  it may be a shim with nothing behind it
            [program, "-c", ASK], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            prefix, name = done.stdout.split()
            if (Path(prefix) / "lib" / name / "site-packages/pip").is_dir():
                return Path(prefix) / "bin" / name
    return None


def write_base(root: Path, python: Path) -> None:
    """Write the files of the image with *python* into *root*."""
    local = root / "usr/local"
    library = local / "lib" / python.name
    (local / "bin").mkdir(parents=True)
    shutil.copy(python, local / "bin")
    for name in ("python3", "python"):
        (local / "bin" / name).symlink_to(python.name)
    source = python.parents[1] / "lib" / python.name
    shutil.copytree(source, library, ignore=IMPORTS)
    for pip in (source / "site-packages").glob("pip*"):
        shutil.copytree(pip, library / "site-packages" / pip.name)
    programs = [Path(found) for found in map(shutil.which, PROGRAMS) if found]
    (root / "bin").mkdir()
    for program in programs:
        shutil.copy(program, root / "bin")
    for path in libraries([*programs, python, *library.rglob("*.so")]):
        own = python.parents[1] in path.parents
        target = local / "lib" if own else root / path.parent.relative_to("/")
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(stat.S_ISVTX | 0o777)
    (root / "etc").mkdir()
    (root / "etc/ld.so.conf").write_text("/usr/local/lib\n")
    subprocess.run(["/sbin/ldconfig", "-r", root], check=True)  # noqa: S603


def libraries(files: Iterable[Path]) -> Iterator[Path]:
    """Yield the libraries that *files* load, by ldd, and the libraries loaded at run time only."""
    printed = subprocess.run(["ldd", *files], capture_output=True, text=True, check=False).stdout  # noqa: S603, S607
    for path in sorted(set(re.findall(r"(/\S+) \(0x", printed))):
        yield Path(path)
        if "/libc.so." in path:
            yield from (Path(path).with_name(f"lib{name}") for name in RUNTIME)
