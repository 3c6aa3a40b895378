"""The install as in README.md, except for the address of the hooks."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from tests.e2e.control_plane import ControlPlane
from tests.e2e.metacontroller import stand_in_crds

ROOT: Final = Path(__file__).parents[2]
BASE: Final = "metacontroller"
CONTROLLERS: Final = {"CompositeController", "DecoratorController"}
ESTABLISHED_SECONDS: Final = 20

Manifest = dict[str, Any]
Account = tuple[str, str]  # namespace and name of a ServiceAccount


def install(
    plane: ControlPlane, overlay: str, hooks: str, crds: Path | None = None, root: Path = ROOT
) -> str:
    """Install *overlay*, a folder in *root*, with its hooks at *hooks*, a host and port.

    *crds* is the file with Metacontroller's CRDs; None means stand-ins. *root* is the project, or
    an earlier version. Returns the token that callers of the hooks must send, or "" if no token is
    needed.
    """
    plane.kubectl("apply", "--server-side", "-f", "-", text=crds_text(crds))
    plane.kubectl("apply", "-f", str(root / "metacontroller/namespace.yaml"))
    manifests = [retarget(manifest, hooks) for manifest in render(plane, overlay, root)]
    token = make_token(plane) if any(map(sends_token, manifests)) else ""
    plane.kubectl("apply", "-k", str(root / "crds"))
    established = ("--for=condition=Established", f"--timeout={ESTABLISHED_SECONDS}s")
    plane.kubectl("wait", "crd", "--all", *established)
    plane.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(manifests))
    return token


def crds_text(path: Path | None) -> str:
    """Return Metacontroller's CRDs, as YAML."""
    return path.read_text("utf-8") if path else stand_in_crds()


def make_token(plane: ControlPlane) -> str:
    """Make the Secret with the hook token, and return the token."""
    token = secrets.token_hex(32)
    plane.kubectl(
        *("create", "secret", "generic", "acrpull-hook-token", "--namespace=acrpull-system"),
        f"--from-literal=token={token}",
    )
    return token


def render(plane: ControlPlane, overlay: str, root: Path = ROOT) -> list[Manifest]:
    """Return the objects of *overlay*, a folder in *root*, like `kubectl apply -k`.

    A component, or several with commas, is added to the plain install, as the first lines of its
    file describe.
    """
    folder = root / overlay
    if overlay != BASE:
        folder = plane.directory / "kustomization"
        folder.mkdir(exist_ok=True)
        parts = (BASE, *overlay.split(","))
        base, *components = (os.path.relpath(root / part, folder) for part in parts)
        text = yaml.safe_dump({"resources": [base], "components": components})
        (folder / "kustomization.yaml").write_text(text)
    text = plane.kubectl("kustomize", str(folder))
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def settings_in(manifests: Iterable[Manifest]) -> dict[str, str]:
    """Return the service's settings in *manifests*, except addresses and files."""
    return {
        variable["name"]: variable["value"]
        for manifest in manifests
        if manifest["kind"] == "Deployment"
        for container in manifest["spec"]["template"]["spec"]["containers"]
        if container["name"] == "hooks"
        for variable in container["env"]
        if not variable["name"].endswith(("BIND", "_FILE"))
    }


def sends_token(manifest: Manifest) -> bool:
    """True if *manifest* is a controller that authenticates itself to its hooks."""
    hooks = manifest["spec"]["hooks"].values() if manifest["kind"] in CONTROLLERS else ()
    return any("authorization" in hook["webhook"] for hook in hooks)


def own_metacontroller(manifests: Iterable[Manifest]) -> tuple[Account, list[str]] | None:
    """Return the account and the flags of the Metacontroller in *manifests*, if any.

    Flags for its listening addresses are left out: in a Pod, Metacontroller has its own address.
    """
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            pod = manifest["spec"]["template"]["spec"]
            for container in pod["containers"]:
                if container["name"] == "metacontroller":
                    account = (manifest["metadata"]["namespace"], pod["serviceAccountName"])
                    return account, [arg for arg in container["args"] if "-address=" not in arg]
    return None


def retarget(manifest: Manifest, hooks: str) -> Manifest:
    """Return *manifest*, a controller, with its hooks at *hooks*; nothing else changes."""
    if manifest["kind"] in CONTROLLERS:
        for hook in manifest["spec"]["hooks"].values():
            webhook = hook["webhook"]
            webhook["url"] = urlsplit(webhook["url"])._replace(netloc=hooks).geturl()
    return manifest
