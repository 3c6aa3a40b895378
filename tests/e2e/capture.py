"""Rewrites the golden requests: a real Metacontroller's calls during the steps of tests/story.py.

Usage: `make capture METACONTROLLER=<binary>`. tests/golden.py describes the files.
"""

import argparse
import json
import re
import shutil
import signal
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.e2e.control_plane import BINARY
from tests.e2e.eventually import eventually
from tests.e2e.process import Process
from tests.e2e.redaction import redact
from tests.e2e.selection import select
from tests.e2e.stage import open_stage
from tests.e2e.telling import Telling
from tests.golden import FOLDER, STRATEGIES, write
from tests.merge_patch import JSON
from tests.story import REGISTRY
from tests.traffic import LEFT_OUT, Heard

HOOKS: Final = "acrpull.acrpull-system.svc:8080"  # as in metacontroller/composite.yaml
KUBERNETES: Final = re.compile(r"^\s*k8s\.io/kubernetes (v[0-9.]+)$", re.MULTILINE)
NO_VERSION: Final = (
    "No version provided"  # metacontroller@v4.17.2:pkg/cmd/metacontroller/main.go:62
)


def capture(binary: Path, version: str, strategy: str) -> tuple[JSON, list[Heard]]:
    """Return the facts of a capture, and the redacted calls."""
    with TemporaryDirectory(prefix="acrpull-capture-") as name, open_stage(Path(name)) as stage:
        with stage.run_metacontroller(binary, strategy) as process:
            version = version or eventually(partial(said_version, process))
            telling = Telling(stage)
            telling.tell()
        texts = {stage.emulator.acr_server: REGISTRY, stage.recorder.address: HOOKS}
    facts = {
        "origin": "captured by make capture",
        "metacontroller": version,
        "kubernetes": kubernetes_version(),
        "apply_strategy": strategy,
        "left_out": [LEFT_OUT],
    }
    return facts, redact(telling.heard, telling.began, texts)


def kubernetes_version() -> str:
    """Return the version of the control plane's source; the binary does not know its version."""
    found = KUBERNETES.search(BINARY.parents[1].joinpath("go.mod").read_text("utf-8"))
    assert found
    return found[1]


def said_version(process: Process) -> str:
    """Return the version in Metacontroller's log."""
    for line in process.tail(1_000_000).splitlines():
        version = json.loads(line).get("version") if line.startswith("{") else None
        if version == NO_VERSION:
            sys.exit("The binary logs no version. Set METACONTROLLER_VERSION=v4.17.2, for example.")
        if version:
            return str(version)
    raise AssertionError("it has logged no version yet")


def keep(index: JSON, requests: dict[str, JSON]) -> None:
    """Write the capture, and delete the previous capture."""
    folder = FOLDER / index["apply_strategy"]
    shutil.rmtree(folder, ignore_errors=True)
    write(folder, "cases", index)
    for name, request in requests.items():
        write(folder / name, "request", request)


def main() -> None:
    """Capture with each apply strategy; write only after both have succeeded."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to stop all processes
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.capture")
    parser.add_argument("--metacontroller", default="", help="a binary, >= 4.17.2")
    parser.add_argument("--version", default="", help="the version of a binary that logs none")
    given = parser.parse_args()
    binary = Path(given.metacontroller)
    if not binary.is_file():
        sys.exit("needs a Metacontroller: METACONTROLLER=<binary> make capture")
    captured = [capture(binary, given.version, strategy) for strategy in STRATEGIES]
    for index, requests in [select(facts, heard) for facts, heard in captured]:
        keep(index, requests)


if __name__ == "__main__":
    main()
