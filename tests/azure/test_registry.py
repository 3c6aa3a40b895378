"""The challenge, and a pull."""

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import requests

from tests.azure.client import (
    NOW,
    NULL_GUID,
    PULL,
    access_token,
    acr,
    get_basic,
    post_password,
    pull,
    refresh_token,
)
from tests.emulator.emulator import Emulator


@pytest.mark.parametrize("login", [post_password, get_basic])
def test_pull(emulator: Emulator, login: Callable[..., requests.Response]) -> None:
    """A client that follows the challenge gets the image, true to its digests."""
    path = "/v2/team/alice/manifests/latest"
    challenge = acr(emulator, "GET", path).headers["Www-Authenticate"]
    assert challenge == (
        f'Bearer realm="https://{emulator.acr_server}/oauth2/token"'
        f',service="{emulator.acr_server}",scope="{PULL}"'
    )
    scope = re.findall('scope="(.*?)"', challenge)[0]
    token = login(emulator, refresh_token(emulator), scope).json()["access_token"]
    manifest = pull(emulator, token, path)
    named = manifest.headers["Docker-Content-Digest"]
    assert pull(emulator, token, f"/v2/team/alice/manifests/{named}").ok
    blobs = [manifest.json()["config"], *manifest.json()["layers"]]
    for blob in blobs:
        content = pull(emulator, token, f"/v2/team/alice/blobs/{blob['digest']}").content
        assert len(content) == blob["size"]
        assert "sha256:" + hashlib.sha256(content).hexdigest() == blob["digest"]


def test_challenge_at_root(emulator: Emulator) -> None:
    """The challenge at /v2/ names no scope; its body is as long as ACR's own."""
    response = acr(emulator, "GET", "/v2/")
    assert response.status_code == 401
    assert "scope" not in response.headers["Www-Authenticate"]
    # https://github.com/GoogleContainerTools/jib/issues/2784
    assert response.headers["Content-Length"] == "149"


@pytest.mark.parametrize(
    "path",
    [
        "/v2/bob/manifests/latest",
        "/v2/team/alice2/blobs/sha256:0",
        "/v2/_catalog",
    ],
)
def test_wrong_scope(emulator: Emulator, path: str) -> None:
    """A token for one repository reads no other."""
    response = pull(emulator, access_token(emulator), path)
    assert response.status_code == 401
    assert response.headers["Www-Authenticate"].endswith(',error="insufficient_scope"')


def test_expired(emulator: Emulator) -> None:
    """An access token is refused once its 75 minutes are over."""
    token = access_token(emulator)
    assert pull(emulator, token, "/v2/").status_code == 200
    emulator.clock = lambda: NOW + timedelta(minutes=75)
    response = pull(emulator, token, "/v2/")
    assert response.status_code == 401
    assert response.headers["Www-Authenticate"].endswith(',error="invalid_token"')


def test_refused_credentials(emulator: Emulator) -> None:
    """Neither Basic nor a refresh token as Bearer does at /v2/."""
    token = refresh_token(emulator)
    assert acr(emulator, "GET", "/v2/", auth=(NULL_GUID, token)).status_code == 401
    assert pull(emulator, token, "/v2/").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "manifests/sha256:0", 404),
        ("GET", "blobs/sha256:0", 404),
        ("HEAD", "manifests/v1", 200),
    ],
)
def test_content(emulator: Emulator, method: str, path: str, status: int) -> None:
    """Any tag is the image; a digest must be its own."""
    bearer = {"Authorization": f"Bearer {access_token(emulator)}"}
    response = acr(emulator, method, f"/v2/team/alice/{path}", headers=bearer)
    assert response.status_code == status


def test_push(emulator: Emulator) -> None:
    """The registry is for reading."""
    token = access_token(emulator, "repository:team/alice:pull,push")
    bearer = {"Authorization": f"Bearer {token}"}
    response = acr(emulator, "PUT", "/v2/team/alice/manifests/v1", headers=bearer)
    assert response.status_code == 405


def test_localhost(emulator: Emulator) -> None:
    """Every address and localhost are registries with a trusted certificate."""
    for server in emulator.acr_servers:
        assert server in acr(emulator, "GET", "/v2/", server).headers["Www-Authenticate"]
