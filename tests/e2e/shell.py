"""Runs the project's commands like a person, on a control plane; and mounts like a kubelet."""

import base64
import os
import re
import stat
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.e2e.api import Api
from tests.e2e.control_plane import BINARY, ControlPlane
from tests.e2e.eventually import eventually
from tests.e2e.install import ROOT

NAMESPACE: Final = "acrpull-system"
MOUNT_SECONDS: Final = 0.2  # between two looks; a real kubelet takes up to two minutes
SLEEP_SECONDS: Final = 3  # for each `sleep` in a command: kubelet and caches are faster here


def commands_in(path: str, block: str) -> str:
    """Return the commands of a file that match *block*, a pattern, each line without its `#`."""
    (found,) = re.findall(block, (ROOT / path).read_text("utf-8"))
    return re.sub(r"(?m)^# +", "", found)


def start(plane: ControlPlane, directory: Path, script: str) -> "subprocess.Popen[str]":
    """Start *script* in *directory*, for an administrator of *plane*."""
    tools = directory / "bin"
    tools.mkdir(exist_ok=True)
    kubectl = f'exec {BINARY} kubectl --kubeconfig={plane.kubeconfig()} "$@"'
    for name, line in {"kubectl": kubectl, "sleep": f"exec /bin/sleep {SLEEP_SECONDS}"}.items():
        (tools / name).write_text(f"#!/bin/sh\n{line}\n")
        (tools / name).chmod(stat.S_IRWXU)
    return subprocess.Popen(  # noqa: S603  the project's own commands
        ["/bin/bash", "-eu", "-c", script],
        cwd=directory,
        env={"PATH": f"{tools}:{os.defpath}", "HOME": str(directory)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def run(plane: ControlPlane, directory: Path, script: str) -> str:
    """Run *script*, which must succeed; return its output."""
    with start(plane, directory, script) as process:
        printed, _ = process.communicate()
    assert process.returncode == 0, printed
    return printed


class Kubelet(threading.Thread):
    """Writes each key of the Secret *name* to its file in *files*, like a mount."""

    def __init__(self, api: Api, name: str, files: Mapping[str, Path]) -> None:
        super().__init__(daemon=True)
        self._api, self._name, self._files = api, name, files
        self._ended = threading.Event()

    def run(self) -> None:
        """Look from time to time."""
        while not self._ended.wait(MOUNT_SECONDS):
            self._mount()

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()
        self.join()

    def _mount(self) -> None:
        data = self._api.get("Secret", NAMESPACE, self._name)["data"]
        for key, path in self._files.items():
            if key in data:
                new = path.with_name(f"{path.name}.new")
                new.write_bytes(base64.b64decode(data[key]))
                new.replace(path)

    def bring(self) -> None:
        """Wait until each file exists with the current content of the Secret."""
        data = self._api.get("Secret", NAMESPACE, self._name)["data"]

        def check() -> None:
            for key, path in self._files.items():
                assert path.exists()
                assert path.read_bytes() == base64.b64decode(data[key])

        eventually(check)


@contextmanager
def mounted(plane: ControlPlane, name: str, files: Mapping[str, Path]) -> Iterator[Kubelet]:
    """Mount the Secret *name* within a `with` block."""
    kubelet = Kubelet(plane.api, name, files)
    kubelet.start()
    try:
        yield kubelet
    finally:
        kubelet.end()
