"""The objects of msi-acrpull's controller: bindings, Secrets and lists, as its code writes them.

msi-acrpull@8ad7a99:internal/controller
"""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import requests

from hooks.core.names import (
    DOCKER_CONFIG_KEY,
    UPSTREAM_KIND,
    UPSTREAM_V1BETA1,
    UPSTREAM_V1BETA2,
)
from hooks.core.wire import dockerconfig
from tests.e2e.api import Api, Object, path_of
from tests.e2e.watch import watching
from tests.emulator import Emulator
from tests.upstream_secret import upstream_docker_config, upstream_secret

FINALIZER: Final = "msi-acrpull.microsoft.com"
ARM: Final = "https://management.azure.com/"
TIMEOUT_SECONDS: Final = 10


def v1beta1(namespace: str, name: str, server: str, client_id: str, account: str) -> Object:
    """Return a binding as the controller writes it back: with all fields, even empty fields."""
    spec = {
        "acrServer": server,
        "managedIdentityClientID": client_id,
        "managedIdentityResourceID": "",
        "scope": "",
    }
    if account != "default":
        spec["serviceAccountName"] = account
    return _binding(UPSTREAM_V1BETA1, namespace, name, spec)


def v1beta2(namespace: str, name: str, server: str, client_id: str, account: str) -> Object:
    """Return a binding to pull `app`."""
    spec = {
        "acr": {"environment": "PublicCloud", "scope": "repository:app:pull", "server": server},
        "auth": {"managedIdentity": {"clientID": client_id}},
        "serviceAccountName": account,
    }
    return _binding(UPSTREAM_V1BETA2, namespace, name, spec)


def _binding(api_version: str, namespace: str, name: str, spec: Object) -> Object:
    metadata = {"name": name, "namespace": namespace, "finalizers": [FINALIZER]}
    return {"apiVersion": api_version, "kind": UPSTREAM_KIND, "metadata": metadata, "spec": spec}


def get_token(emulator: Emulator, client_id: str, scope: str) -> str:
    """Return a registry token, requested like msi-acrpull: with ARM's audience."""
    query = {"api-version": "2018-02-01", "resource": ARM, "client_id": client_id}
    url = f"{emulator.imds_url}/metadata/identity/oauth2/token"
    found = requests.get(url, query, headers={"Metadata": "true"}, timeout=TIMEOUT_SECONDS)
    form = {"grant_type": "access_token", "access_token": found.json()["access_token"]}
    token: str = _post(emulator, "exchange", form)["refresh_token"]
    if scope:
        form = {"grant_type": "refresh_token", "refresh_token": token, "scope": scope}
        token = _post(emulator, "token", form)["access_token"]
    return token


def _post(emulator: Emulator, path: str, form: dict[str, str]) -> Any:  # noqa: ANN401  any JSON
    server = emulator.acr_server
    data = {**form, "service": server}
    url = f"https://{server}/oauth2/{path}"
    answer = requests.post(url, data, verify=str(emulator.ca_file), timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    return answer.json()


def leave(
    api: Api, binding: Object, secret: str, server: str, token: str, *, old: bool = False
) -> Object:
    """Create *binding* and the controller's objects; return the Secret.

    An *old* controller's Secret has neither labels nor annotations.
    msi-acrpull@v0.1.3:internal/controller/acrpullbinding_controller.go (newBasePullSecret)
    """
    made = api.create(binding)
    meta, expiry = made["metadata"], _expiry(token)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: TID251  a controller has a clock
    status = {"lastTokenRefreshTime": now, "tokenExpirationTime": expiry}
    path = path_of(f"{UPSTREAM_KIND} of {made['apiVersion']}", meta["namespace"], meta["name"])
    api.call("PUT", f"{path}/status", {**made, "status": status})
    config = upstream_docker_config(server, token)
    left = upstream_secret(made, secret, config, now, expiry)
    for mark in ("labels", "annotations") if old else ():
        del left["metadata"][mark]
    return api.create(left)


def _expiry(token: str) -> str:
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return datetime.fromtimestamp(claims["exp"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def token_in(secret: Object) -> str:
    """Return the token in a Secret; the Secret must be for a single registry."""
    found = dockerconfig.decode(secret["data"][DOCKER_CONFIG_KEY])
    assert found
    assert found.unmodified
    return found.token.value


@dataclass
class Watch:
    """Every change of the Secrets of a Namespace, with the time of the change."""

    events: list[tuple[str, Object, datetime]] = field(default_factory=list)
    connection_ended: threading.Event = field(default_factory=threading.Event)

    @property
    def ended(self) -> bool:
        """Whether the API server has ended the watch."""
        return self.connection_ended.is_set()

    def note(self, kind: str, secret: Object) -> None:
        """Note an event."""
        now = datetime.now(UTC)  # noqa: TID251  what a token's life is held against
        self.events.append((kind, secret, now))

    def check(self) -> None:
        """Check that no Secret was deleted, and that each had a working token at every moment."""
        assert self.events
        assert not self.ended
        last: dict[str, tuple[Object, datetime]] = {}
        for kind, secret, at in self.events:
            assert kind in {"ADDED", "MODIFIED"}, secret["metadata"]["name"]
            name = secret["metadata"]["name"]
            found = dockerconfig.decode(secret["data"][DOCKER_CONFIG_KEY])
            assert found, name
            assert found.token.expires_at > at, name
            if name in last:
                before, until = last[name]
                assert before["metadata"]["uid"] == secret["metadata"]["uid"]
                assert until > at, name
            last[name] = secret, found.token.expires_at


@contextmanager
def watched(api: Api, namespace: str) -> Iterator[Watch]:
    """Watch the Secrets of *namespace* within a `with` block."""
    watch = Watch()
    with watching(api, "Secret", watch.note, namespace) as watch.connection_ended:
        yield watch
