"""`make release`, on the stand-in for the base image, for this machine's architecture."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
import yaml

from hooks.version import VERSION
from tests.e2e.base_image import PROGRAMS, find_python, write_base
from tests.e2e.conftest import NO_BINARY
from tests.e2e.control_plane import BINARY
from tests.e2e.image import BASE, NO_INDEX, PYTHON_VERSION, Image
from tests.service import ROOT, clean_environment
from tests.tools import lack, require

IMAGE: Final = f"registry.example/acrpull:{VERSION}"
ARCHITECTURE: Final = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
SECONDS: Final = 300
NAMES: Final = (f"acrpull-{VERSION}.cdx.json", f"acrpull-{VERSION}.tgz", "install.yaml")
STORAGE: Final = '[storage]\ndriver = "vfs"\ngraphroot = "{0}/graph"\nrunroot = "{0}/run"\n'


@pytest.fixture(scope="module")
def release(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Build a release and return its folder."""
    if request.config.getoption("--cluster"):
        pytest.skip("needs no cluster: make e2e")
    require("buildah", "git", "ldd", *PROGRAMS)
    if os.geteuid() != 0:
        lack("mounts and chroots, so it needs root")
    if not BINARY.exists():
        pytest.fail(NO_BINARY)
    environment = dict(os.environ)  # noqa: TID251  the configuration of the machine's pip
    python = find_python(PYTHON_VERSION, environment)
    if python is None:
        lack(f"needs python{PYTHON_VERSION}, or this Python, with a pip beside it")
    with TemporaryDirectory(prefix="acrpull-release-") as directory:
        scratch = Path(directory)
        Image(scratch).fetch(python, environment)
        write_base(scratch / "base", python)
        shutil.move(scratch / "wheels", scratch / "base")
        (scratch / "base/etc/pip.conf").write_text(NO_INDEX)
        (scratch / "base/Dockerfile").write_text("FROM scratch\nCOPY . /\n")
        (scratch / "storage.conf").write_text(STORAGE.format(scratch))
        storage = {"CONTAINERS_STORAGE_CONF": str(scratch / "storage.conf")}
        run(["buildah", "build", "--quiet", f"--tag={BASE}", scratch / "base"], storage)
        settings = {
            "IMAGE": IMAGE,
            "PLATFORMS": f"linux/{ARCHITECTURE}",
            "BASE": BASE,
            "DIST": str(scratch / "dist"),
            "PYTHON": sys.executable,
        }
        run([ROOT / ".ci/release"], storage | settings)
        yield scratch / "dist"


def run(command: list[str | Path], settings: dict[str, str]) -> None:
    """Run *command* with *settings* as variables."""
    done = subprocess.run(  # noqa: S603  the project's own commands
        command,
        env=clean_environment() | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_checksums(release: Path) -> None:
    """SHA256SUMS has each other file, and the sums are right."""
    lines = (release / "SHA256SUMS").read_text("utf-8").splitlines()
    names = {*NAMES, f"acrpull-{VERSION}.oci.tar"}
    assert {line.split()[1] for line in lines} == names
    assert {path.name for path in release.iterdir()} == {*names, "SHA256SUMS"}
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=release, check=True)  # noqa: S607


def test_install(release: Path) -> None:
    """install.yaml has the objects of the install, with the given image."""
    text = (release / "install.yaml").read_text("utf-8")
    assert ".invalid" not in text
    (pod,) = (
        manifest["spec"]["template"]["spec"]
        for manifest in yaml.safe_load_all(text)
        if manifest["kind"] == "Deployment"
    )
    assert [c["image"] for c in pod["containers"] if c["name"] == "hooks"] == [IMAGE]


def test_chart(release: Path) -> None:
    """The chart is complete, and has the given image."""
    with tarfile.open(release / f"acrpull-{VERSION}.tgz") as archive:
        names = {Path(member.name) for member in archive if member.isfile()}
        file = archive.extractfile("acrpull/values.yaml")
        assert file is not None
        values = yaml.safe_load(file)
    source = ROOT / "charts"
    assert names == {p.relative_to(source) for p in source.rglob("*") if p.is_file()}
    image = values["image"]
    assert f"{image['repository']}:{image['tag']}" == IMAGE


def test_sbom(release: Path) -> None:
    """The SBOM is of the released version."""
    document = json.loads((release / f"acrpull-{VERSION}.cdx.json").read_text("utf-8"))
    assert document["metadata"]["component"]["version"] == VERSION


def test_image(release: Path) -> None:
    """The archive is a list of images by platform, and the images are labeled with the version.

    https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
    """
    with tarfile.open(release / f"acrpull-{VERSION}.oci.tar") as archive:

        def read(name: str) -> dict[str, Any]:
            file = archive.extractfile(name)
            assert file is not None
            document: dict[str, Any] = json.load(file)
            return document

        def blob(descriptor: dict[str, Any]) -> dict[str, Any]:
            return read("blobs/" + descriptor["digest"].replace(":", "/"))

        (index,) = read("index.json")["manifests"]
        assert index["annotations"]["org.opencontainers.image.ref.name"] == VERSION
        (image,) = blob(index)["manifests"]
        assert image["platform"] == {"architecture": ARCHITECTURE, "os": "linux"}
        config = blob(blob(image)["config"])["config"]
        assert config["Labels"]["org.opencontainers.image.version"] == VERSION
        assert re.fullmatch(r"\d+:\d+", config["User"])


@pytest.mark.parametrize(
    ("platforms", "printed"),
    [
        ("linux/arm64,linux/amd64", "an emulator for linux/"),
        ("linux/riscv64", "linux/riscv64: the platforms are linux/amd64 and linux/arm64"),
    ],
)
def test_what_is_missing(platforms: str, printed: str, tmp_path: Path) -> None:
    """Without the tools for a platform there is no image. The command says so, and fails."""
    if not BINARY.exists():
        pytest.fail(NO_BINARY)
    foreign = {"x86_64": "aarch64", "aarch64": "x86_64"}[platform.machine()]
    if "amd64" in platforms and Path(f"/proc/sys/fs/binfmt_misc/qemu-{foreign}").exists():
        pytest.skip("this machine has the emulator")
    settings = {
        "PLATFORMS": platforms,
        "DIST": str(tmp_path / "dist"),
        "PYTHON": sys.executable,
    }
    done = subprocess.run(  # noqa: S603  the project's own command
        [ROOT / ".ci/release"],
        env=clean_environment() | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 1
    assert printed in done.stderr
    names = {path.name for path in (tmp_path / "dist").iterdir()}
    assert names == {*NAMES, "SHA256SUMS"}
