"""The pages promise the versions that are tested, and Makefile, Dockerfile and locks have them."""

import re
import tomllib

from tests.service import ROOT


def text(name: str) -> str:
    """Return the text of a file of the project."""
    return (ROOT / name).read_text("utf-8")


def test_pythons() -> None:
    """README promises the versions that `make test-pythons` tests; the image has the newest."""
    found = re.search(r"(?m)^VERSIONS := (.*)$", text("Makefile"))
    assert found
    versions = found[1].split()
    assert f"Python {', '.join(versions[:-1])} or {versions[-1]}" in text("README.md")
    assert f"ARG PYTHON=python:{versions[-1]}-slim-trixie\n" in text("Dockerfile")
    target = tomllib.loads(text("pyproject.toml"))["tool"]["ruff"]["target-version"]
    assert target == "py" + versions[0].replace(".", "")


def test_table() -> None:
    """The table of supported versions has the versions in tests, image and manifests."""
    operations = text("docs/operations.md")
    rows = dict(re.findall(r"(?m)^\| (\w+) \| [^|]+ \| ([^|]+) \|$", operations))
    kubernetes = re.search(r"k8s\.io/kubernetes v([\d.]+)", text("tests/e2e/kube/go.mod"))
    image = re.search(r"metacontroller:v([\d.]+)", text("metacontroller/dedicated/deployment.yaml"))
    python = re.search(r"PYTHON=python:([\d.]+)-", text("Dockerfile"))
    assert kubernetes
    assert image
    assert python
    assert rows["Kubernetes"].startswith(f"{kubernetes[1]}, ")
    assert rows["Metacontroller"].startswith(f"{image[1]}, ")
    assert rows["Python"].endswith(f"the image has {python[1]}")
