"""The components of metacontroller/, and the install with each subset of the components."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import compress, product
from pathlib import Path
from typing import Any, Final

import yaml

from tests.e2e.control_plane import BINARY
from tests.e2e.install import BASE, ROOT, Manifest

Components = tuple[str, ...]

# The documented order: install/kustomization.yaml. `mtls` is useless with `dedicated`.
ORDER: Final[Components] = (
    "dedicated",
    "dedicated/owner-references",
    "mtls",
    "workload-identity",
    "monitoring",
    "monitoring/operator",
    "admission",
    "pods",
    "upstream",
)
PARTS: Final = {part: part.split("/") for part in ORDER if "/" in part}


def subsets() -> Iterator[Components]:
    """Return all subsets of the components, each in the documented order."""
    for chosen in product((False, True), repeat=len(ORDER)):
        yield tuple(compress(ORDER, chosen))


def reason_against(components: Components) -> str:
    """Return the sentence with which kustomize rejects *components*, or "" if they fit together."""
    for part, (whole, name) in PARTS.items():
        if part in components and whole not in components:
            return f"List the component {whole} before its part {name}."
    return ""


def write_kustomization(folder: Path, *components: str, root: Path = ROOT) -> None:
    """Write the install with *components* as a user's kustomization into *folder*."""
    base = os.path.relpath(root / BASE, folder)
    kustomization = {"resources": [base], "components": [f"{base}/{c}" for c in components]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))


def build(folder: Path, *components: str) -> tuple[list[Manifest], str]:
    """Return the objects of the install with *components*, and kustomize's error."""
    folder.mkdir()
    write_kustomization(folder, *components)
    done = subprocess.run(  # noqa: S603  the tests' own command
        [BINARY, "kubectl", "kustomize", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath, "HOME": str(folder)},
    )
    documents = filter(None, done.stdout.split("\n---\n"))
    return [parse(document.strip()) for document in documents], done.stderr


@cache
def parse(document: str) -> Manifest:
    """Return an object, always the same for the same text: most subsets share most objects."""
    manifest: Manifest = yaml.safe_load(document)
    return manifest


def build_all(folder: Path) -> dict[Components, tuple[list[Manifest], str]]:
    """Return what `build` returns for each subset."""
    every = list(subsets())

    def run(number: int) -> tuple[list[Manifest], str]:
        return build(folder / str(number), *every[number])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(every, pool.map(run, range(len(every))), strict=True))


def pod_of(manifests: list[Manifest]) -> dict[str, Any]:
    """Return the spec of the Pods in *manifests*."""
    (deployment,) = (m for m in manifests if m["kind"] == "Deployment")
    spec: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return spec
