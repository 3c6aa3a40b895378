"""Runs of the doctor, in this process or in a separate process, and bindings for them."""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import yaml

from hooks.doctor.__main__ import main
from tests.loggers import restored_loggers
from tests.service import ROOT, clean_environment

COMMAND: Final = (sys.executable, "-m", "hooks.doctor")
SECONDS: Final = 60
SERVER: Final = "myregistry.azurecr.io"
GUID: Final = "11111111-2222-3333-4444-555555555555"
RESOURCE_ID: Final = (
    f"/subscriptions/{GUID}/resourceGroups/rg(1)/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities/puller"
)


@dataclass(frozen=True)
class Run:
    """The exit code and the output of a run."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The report of a run with `--output json`."""
        report: dict[str, Any] = json.loads(self.out)
        return report


def run(*arguments: str, stdin: bytes | str = b"", environ: Mapping[str, str] | None = None) -> Run:
    """Return the result of the doctor's `main` at the project's root.

    azure-identity and requests read `os.environ` themselves, so *environ* replaces it.
    """
    out, err, code = StringIO(), StringIO(), 0
    environ = clean_environment() | dict(environ or {})
    with (
        chdir(ROOT),
        patch.dict("os.environ", environ, clear=True),
        restored_loggers(),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            code = main(arguments, environ, BytesIO(encoded(stdin)))
        except SystemExit as end:  # by argparse
            code = int(str(end.code))
    return Run(code, out.getvalue(), err.getvalue())


def run_process(
    *arguments: str,
    stdin: bytes | str = b"",
    environ: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> Run:
    """Return the result of `python -m hooks.doctor` in *folder*."""
    done = subprocess.run(  # noqa: S603  the command is our own
        [*COMMAND, *arguments],
        cwd=folder,
        env=clean_environment() | dict(environ or {}),
        input=encoded(stdin),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode())


def encoded(text: bytes | str) -> bytes:
    """Return *text* as bytes."""
    return text if isinstance(text, bytes) else text.encode()


def examine(text: str, **environ: str) -> dict[str, Any]:
    """Return the report on the file *text*."""
    done = run("--output", "json", "-", stdin=text, environ=environ)
    assert done.err == ""
    assert done.report["ok"] == (done.code == 0)
    return done.report


def judge(text: str, **environ: str) -> dict[str, Any]:
    """Return the report on the only binding in *text*."""
    (found,) = examine(text, **environ)["bindings"]
    return dict(found)


def manifest(name: str = "app", **spec: object) -> str:
    """Return a binding in team-a as a YAML document."""
    body = {
        "apiVersion": "acrpull.dev/v1beta1",
        "kind": "ACRPullBinding",
        "metadata": {"name": name, "namespace": "team-a"},
        "spec": spec,
    }
    return document(body)


def upstream(name: str = "app", namespace: str = "team-a", **spec: object) -> str:
    """Return a binding of acrpull.microsoft.com/v1beta2 as a YAML document.

    *spec* overrides the fields of a binding without problems.
    """
    fields = {
        "acr": {"server": SERVER, "scope": "repository:app:pull"},
        "auth": {"managedIdentity": {"clientID": GUID}},
        "serviceAccountName": "default",
    }
    return document(
        {
            "apiVersion": "acrpull.microsoft.com/v1beta2",
            "kind": "AcrPullBinding",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {**fields, **spec},
        }
    )


def thing(kind: str, name: str, **fields: Any) -> str:  # noqa: ANN401  any JSON value
    """Return an object of the core API in team-a as a YAML document.

    *fields* are annotations, labels and ownerReferences of its metadata, or fields beside it.
    """
    meta = {"name": name, "namespace": "team-a"}
    for key in ("annotations", "labels", "ownerReferences"):
        if key in fields:
            meta[key] = fields.pop(key)
    return document({"apiVersion": "v1", "kind": kind, "metadata": meta, **fields})


def namespace(name: str = "team-a", **listed: str) -> str:
    """Return a Namespace as a YAML document; *listed* are `identities` and `servers`."""
    keys = {"identities": "allowed-identities", "servers": "allowed-acr-servers"}
    annotations = {f"acrpull.dev/{keys[key]}": value for key, value in listed.items()}
    meta = {"name": name, "annotations": annotations}
    return document({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})


def document(body: Mapping[str, Any]) -> str:
    """Return *body* as a YAML document."""
    return f"---\n{yaml.safe_dump(dict(body))}"


def listed(*bodies: Mapping[str, Any]) -> str:
    """Return *bodies* as `kubectl get -o json` prints several objects."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies})
