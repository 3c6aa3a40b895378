"""The install as README.md tells it, but for where the hooks are."""

import secrets
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from tests.e2e.control_plane import ControlPlane
from tests.e2e.metacontroller import stand_in_crds

ROOT: Final = Path(__file__).parents[2]
CONTROLLERS: Final = {"CompositeController", "DecoratorController"}
ESTABLISHED_SECONDS: Final = 20

Manifest = dict[str, Any]


def install(plane: ControlPlane, overlay: str, hooks: str, crds: Path | None = None) -> str:
    """Install *overlay*, a folder of the project, with its hooks at *hooks*, a host and port.

    *crds* is the file with Metacontroller's own; None: stand-ins. Returns the token that callers
    of the hooks must send.
    """
    plane.kubectl("apply", "--server-side", "-f", "-", text=crds_text(crds))
    plane.kubectl("apply", "-f", str(ROOT / "metacontroller/namespace.yaml"))
    token = secrets.token_hex(32)
    plane.kubectl(
        *("create", "secret", "generic", "acrpull-hook-token", "--namespace=acrpull-system"),
        f"--from-literal=token={token}",
    )
    manifests = [retarget(manifest, hooks) for manifest in render(plane, overlay)]
    plane.kubectl("apply", "-k", str(ROOT / "crds"))
    established = ("--for=condition=Established", f"--timeout={ESTABLISHED_SECONDS}s")
    plane.kubectl("wait", "crd", "--all", *established)
    plane.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(manifests))
    return token


def crds_text(path: Path | None) -> str:
    """Return Metacontroller's CRDs, as YAML."""
    return path.read_text("utf-8") if path else stand_in_crds()


def render(plane: ControlPlane, overlay: str) -> list[Manifest]:
    """Return the objects of *overlay*, as `kubectl apply -k` would have them."""
    text = plane.kubectl("kustomize", str(ROOT / overlay))
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def retarget(manifest: Manifest, hooks: str) -> Manifest:
    """Point the hooks of a controller at *hooks*; nothing else is changed."""
    if manifest["kind"] in CONTROLLERS:
        for hook in manifest["spec"]["hooks"].values():
            webhook = hook["webhook"]
            webhook["url"] = urlsplit(webhook["url"])._replace(netloc=hooks).geturl()
    return manifest
