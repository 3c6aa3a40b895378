"""`make sbom`: what a scanner reads of the packages in the image."""

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
    """Return what the command prints where sets have the order of *seed*."""
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
    """It is CycloneDX 1.6, and has no field that CycloneDX has not."""
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"purl"', '"perl"')) is not None


def test_same_input_same_bytes(text: str) -> None:
    """No time, no number that is new each time, and no order that is left to chance."""
    assert made(2) == text


def test_packages(document: dict[str, Any]) -> None:
    """It names each pin of the lock, with the hashes of its files, and its licence."""
    components = {component["purl"]: component for component in document["components"]}
    assert components.keys() == PINS.keys()
    for purl, pin in PINS.items():
        (files,) = components[purl]["externalReferences"]
        assert [value["content"] for value in files["hashes"]] == sorted(pin.hashes)
        assert {value["alg"] for value in files["hashes"]} == {"SHA-256"}
        assert components[purl]["licenses"]
    assert document["metadata"]["component"]["version"] == "abc1234"


def test_dependencies(document: dict[str, Any]) -> None:
    """The service needs what the input names, and through that each package."""
    needs = {row["ref"]: row.get("dependsOn", []) for row in document["dependencies"]}
    asked = (ROOT / "requirements.in").read_text("utf-8").split()
    assert sorted(ref.partition("@")[0] for ref in needs["acrpull"]) == [
        f"pkg:pypi/{name}" for name in sorted(asked)
    ]
    reached, left = set(), ["acrpull"]
    while left:
        ref = left.pop()
        if ref not in reached:
            reached.add(ref)
            left += needs[ref]
    assert reached == {"acrpull", *PINS}


def test_other_lock(tmp_path: Path) -> None:
    """Licences are told of the versions in the lock, or nothing is told."""
    lock = tmp_path / "requirements.txt"
    lock.write_text(LOCK.read_text("utf-8").replace("flask==3", "flask==2"))
    with pytest.raises(SystemExit, match=r"^flask 2.* is in the lock, 3.* installed$"):
        sbom("abc1234", lock)
