"""The locks pin all that is installed, so that a release on the index changes nothing here."""

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.lock import Pin, pins
from tests.service import ROOT

RUNTIME: Final = ROOT / "requirements.txt"
TOOLS: Final = ROOT / "tests/requirements.txt"
# What differs between the supported Pythons in the markers of requirements:
# https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
PYTHONS: Final = [
    {"python_version": version, "python_full_version": f"{version}.0"}
    for version in ("3.11", "3.12", "3.13")
]
# The pip of Debian 12 and the pip in Python 3.11.7 and 3.12.1, with the newest Python that each
# runs on, and the newest pip.
PIPS: Final = [("23.0.1", (3, 11)), ("23.2.1", (3, 12)), ("", sys.version_info[:2])]


def pinned(*locks: Path) -> dict[str, Pin]:
    """Return the pins of *locks* by name."""
    return {pin.name: pin for lock in locks for pin in pins(lock)}


def requirements(pin: Pin) -> Iterator[Requirement]:
    """Yield what the installed package of *pin* requires on any supported Python."""
    for text in distribution(pin.name).requires or ():
        requirement = Requirement(text)
        environments = [
            python | {"extra": extra} for python in PYTHONS for extra in ("", *pin.extras)
        ]
        if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
            yield requirement


def required_extras(packages: Iterable[Pin]) -> dict[str, set[str]]:
    """Return the extras with which *packages* require others, by the name of the other."""
    found: dict[str, set[str]] = {}
    for package in packages:
        for requirement in requirements(package):
            if requirement.extras:
                name = canonicalize_name(requirement.name)
                found.setdefault(name, set()).update(requirement.extras)
    return found


@pytest.mark.parametrize("lock", [RUNTIME, TOOLS], ids=["runtime", "tools"])
def test_lock_has_its_input(lock: Path) -> None:
    """A lock has a pin with hashes for each line of its input, and names no index."""
    lines = lock.with_suffix(".in").read_text("utf-8").splitlines()
    named = {Requirement(line).name for line in lines if line and not line.startswith(("#", "-"))}
    packages = list(pins(lock))
    assert {package.name for package in packages if package.is_direct} == named
    assert len(packages) == lock.read_text("utf-8").count("==")
    assert all(package.hashes for package in packages)
    assert "://" not in lock.read_text("utf-8")


@pytest.mark.parametrize("locks", [(RUNTIME,), (RUNTIME, TOOLS)], ids=["runtime", "all"])
def test_every_requirement_is_pinned(locks: tuple[Path, ...]) -> None:
    """Each package that another one requires, on any supported Python, is in the lock."""
    packages = pinned(*locks)
    missing = {
        str(requirement)
        for package in packages.values()
        for requirement in requirements(package)
        if canonicalize_name(requirement.name) not in packages
    }
    assert missing == set()


def test_every_extra_is_pinned() -> None:
    """A package that is required with an extra is pinned with the extra."""
    packages = pinned(RUNTIME, TOOLS)
    extras = required_extras(packages.values())
    assert extras
    assert {
        name: lacking for name in extras if (lacking := extras[name] - packages[name].extras)
    } == {}


def run(*command: str | Path) -> str:
    """Return the output of *command*, which must succeed."""
    done = subprocess.run(  # noqa: S603  the command is our own
        list(map(str, command)), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[str, str]]:
    """Return an older version on the index, with its hash, of each package required with extras."""
    folder = tmp_path_factory.mktemp("older")
    found = {}
    for name in required_extras(pinned(RUNTIME, TOOLS).values()):
        text = run(sys.executable, "-m", "pip", "index", "versions", name)
        versions = re.search(r"(?m)^Available versions: (.*)$", text)
        assert versions
        current = pinned(RUNTIME, TOOLS)[name].version
        listed = versions[1].split(", ")
        version = listed[listed.index(current) + 1]
        run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:",
            "-d", folder / name, f"{name}=={version}")  # fmt: skip
        (file,) = (folder / name).iterdir()
        found[name] = version, hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def with_older(lock: str, older: Mapping[str, tuple[str, str]]) -> str:
    """Return *lock* with the packages *older* pinned to their older versions."""
    for name, (version, digest) in older.items():
        block = rf"(?m)^({name}(?:\[\S+\])?)==\S+ \\\n(?: +--hash=\S+(?: \\)?\n)+"
        lock = re.sub(block, rf"\1=={version} \\\n    --hash=sha256:{digest}\n", lock)
    return lock


@pytest.mark.index
@pytest.mark.process
@pytest.mark.parametrize(
    "pip",
    [pip for pip, newest in PIPS if sys.version_info[:2] <= newest],
    ids=lambda p: p or "newest",
)
def test_newer_releases_change_nothing(
    tmp_path: Path, older: Mapping[str, tuple[str, str]], pip: str
) -> None:
    """The locks install while the index has a newer release of each package with an extra.

    A pip that looks for `coverage[toml]` and finds only `coverage==7.17.3` in a lock takes the
    newest release, which has no hash, and fails. The day on which a pinned package publishes its
    next release is played here by pinning the release before.
    """
    environment = tmp_path / "environment"
    python = environment / "bin/python"
    run(sys.executable, "-m", "venv", environment)
    run(python, "-m", "pip", "install", "-q", f"pip=={pip}" if pip else "pip", "--upgrade")
    locks: list[str | Path] = []
    for lock in (RUNTIME, TOOLS):
        copy = tmp_path / f"{lock.parent.name}-{lock.name}"
        copy.write_text(with_older(lock.read_text("utf-8"), older), "utf-8")
        locks += ["-r", copy]
    run(python, "-m", "pip", "install", "-q", "--require-hashes", "--only-binary", ":all:", *locks)
    run(python, "-m", "pip", "check")
    for name, (version, _) in older.items():
        assert f"Version: {version}\n" in run(python, "-m", "pip", "show", name)
