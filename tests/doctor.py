"""The doctor as a command, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from tests.service import ROOT, clean_environment

COMMAND: Final = (sys.executable, "-m", "hooks.doctor")
SECONDS: Final = 60


@dataclass(frozen=True)
class Run:
    """What a run left."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The object that it printed."""
        report: dict[str, Any] = json.loads(self.out)
        return report


def run(*arguments: str, stdin: bytes | str = b"", environ: Mapping[str, str] | None = None) -> Run:
    """Run the doctor with *arguments*; of the caller's environment it sees nothing that steers."""
    done = subprocess.run(  # noqa: S603  the command is our own
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=clean_environment() | dict(environ or {}),
        input=stdin if isinstance(stdin, bytes) else stdin.encode(),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode())


def manifest(name: str = "app", **spec: object) -> str:
    """Return a binding's YAML, a document."""
    body = {
        "apiVersion": "acrpull.dev/v1beta1",
        "kind": "ACRPullBinding",
        "metadata": {"name": name, "namespace": "team-a"},
        "spec": spec,
    }
    return f"---\n{yaml.safe_dump(body)}"
