"""metacontroller/workload-identity/ on a control plane, with an Entra that trusts its tokens."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import jwt

from tests.e2e.api import Object
from tests.e2e.control_plane import ControlPlane
from tests.e2e.install import Account
from tests.e2e.scene import Scene
from tests.e2e.stage import Stage, open_stage
from tests.emulator import Emulator, FederatedCredential
from tests.emulator.imds import TENANT
from tests.emulator.settings import ISSUER

OVERLAY: Final = "metacontroller/workload-identity"
ACCOUNT: Final[Account] = ("acrpull-system", "acrpull")
CLIENT_ID: Final = "azure.workload.identity/client-id"
TENANT_ID: Final = "azure.workload.identity/tenant-id"


@contextmanager
def open_federated(directory: Path, crds: Path | None, overlay: str = OVERLAY) -> Iterator[Stage]:
    """Start the whole stage except Metacontroller; the service has the credential of its Pod."""

    def prepare(plane: ControlPlane, emulator: Emulator) -> dict[str, str]:
        emulator.issuers = {ISSUER: plane.api.call("GET", "/openid/v1/jwks")}
        mount = directory / "api-access"
        mount.mkdir()
        (mount / "token").write_text(plane.token_of(*ACCOUNT))
        (mount / "ca.crt").write_bytes(plane.ca_file.read_bytes())
        server = urlsplit(plane.url)
        return emulator.federation() | {
            "KUBERNETES_SERVICE_HOST": str(server.hostname),
            "KUBERNETES_SERVICE_PORT": str(server.port),
            "SERVICE_ACCOUNT_DIR": str(mount),
        }

    with open_stage(directory, crds, overlay, prepare=prepare) as stage:
        yield stage


def trust(namespace: str, account: str, client_id: str = "") -> FederatedCredential:
    """Return a credential: an identity, by default a new one, trusts a ServiceAccount."""
    subject = f"system:serviceaccount:{namespace}:{account}"
    return FederatedCredential(client_id or str(uuid4()), subject)


def workload(client_id: str, **fields: str) -> dict[str, Any]:
    """Return a spec's field for a workload identity."""
    return {"workloadIdentity": {"clientID": client_id, "tenantID": TENANT, **fields}}


def annotations(client_id: str) -> Object:
    """Return a ServiceAccount's metadata with the annotations for a workload identity."""
    return {"annotations": {CLIENT_ID: client_id, TENANT_ID: TENANT}}


@contextmanager
def play(stage: Stage, disturb: Callable[[], None] = lambda: None) -> Iterator[Scene]:
    """Open a Namespace for bindings with a workload identity."""
    spec = {"acrServer": stage.emulator.acr_server}
    scene = Scene(stage.api, f"workload-{uuid4().hex[:8]}", spec, disturb)
    scene.open()
    yield scene
    assert scene.lost() == []
    scene.close()


def holders(secret: Object) -> list[str]:
    """Return the identities of the tokens in a Secret."""
    config = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    tokens = [entry["password"] for entry in config["auths"].values()]
    return [jwt.decode(t, options={"verify_signature": False})["sub"] for t in tokens]
