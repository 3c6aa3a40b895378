"""`make sbom` lists the packages in the image for a vulnerability scanner."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.lock import pins
from tests.sbom import LOCK, ROOT, sbom
from tests.service import clean_environment

pytestmark = pytest.mark.process

PINS: Final = {f"pkg:pypi/{pin.name}@{pin.version}": pin for pin in pins(LOCK)}


def made(seed: int) -> str:
    """Return the output of the command with *seed* for the order of sets."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.sbom", "abc1234"],
        cwd=ROOT,
        env=clean_environment() | {"PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def text() -> str:
    """Return the SBOM."""
    return made(1)


@pytest.fixture(scope="module")
def document(text: str) -> dict[str, Any]:
    """Return the SBOM, parsed."""
    document: dict[str, Any] = json.loads(text)
    return document


def test_schema(text: str) -> None:
    """The document is valid CycloneDX 1.6 without unknown fields."""
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"purl"', '"perl"')) is not None


def test_same_input_same_bytes(text: str) -> None:
    """Two runs give the same bytes, whatever the order of sets."""
    assert made(2) == text


def test_packages(document: dict[str, Any]) -> None:
    """It names each pin of the lock, with the hashes of its files and its license."""
    components = {component["purl"]: component for component in document["components"]}
    assert components.keys() == PINS.keys()
    for purl, pin in PINS.items():
        (files,) = components[purl]["externalReferences"]
        assert [value["content"] for value in files["hashes"]] == sorted(pin.hashes)
        assert {value["alg"] for value in files["hashes"]} == {"SHA-256"}
        assert components[purl]["licenses"]
    assert document["metadata"]["component"]["version"] == "abc1234"


def test_dependencies(document: dict[str, Any]) -> None:
    """The service requires the packages of the input, and through them every package."""
    needs = {row["ref"]: row.get("dependsOn", []) for row in document["dependencies"]}
    direct = {f"pkg:pypi/{pin.name}@{pin.version}" for pin in PINS.values() if pin.is_direct}
    assert set(needs["acrpull"]) == direct
    reached, left = set(), ["acrpull"]
    while left:
        ref = left.pop()
        if ref not in reached:
            reached.add(ref)
            left += needs[ref]
    assert reached == {"acrpull", *PINS}


def test_other_lock(tmp_path: Path) -> None:
    """A lock that differs from the installed packages is refused."""
    lock = tmp_path / "requirements.txt"
    lock.write_text(LOCK.read_text("utf-8").replace("flask==3", "flask==2"))
    with pytest.raises(SystemExit, match=r"^flask 2.* is in the lock, 3.* is installed$"):
        sbom("abc1234", lock)
