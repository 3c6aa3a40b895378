"""README, Makefile, Dockerfile and pyproject.toml name the same Python versions."""

import re
import tomllib

from tests.service import ROOT


def text(name: str) -> str:
    """Return the text of a file of the project."""
    return (ROOT / name).read_text("utf-8")


def test_supported_versions() -> None:
    """README promises the versions that `make test-pythons` tests; the image has the newest."""
    found = re.search(r"(?m)^VERSIONS := (.*)$", text("Makefile"))
    assert found
    versions = found[1].split()
    assert f"Python {', '.join(versions[:-1])} or {versions[-1]}" in text("README.md")
    assert f"ARG PYTHON=python:{versions[-1]}-slim-trixie\n" in text("Dockerfile")
    target = tomllib.loads(text("pyproject.toml"))["tool"]["ruff"]["target-version"]
    assert target == "py" + versions[0].replace(".", "")
