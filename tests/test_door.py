"""The bearer token, the settings at start, and the probes' own listener."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.client import Client
from tests.service import ROOT, Service, clean_environment

pytestmark = pytest.mark.process

BODY = {"object": {"metadata": {"name": "default"}}}
SERVICE_ACCOUNT = "/serviceaccount/sync"
ROUTES = ("/sync", "/finalize", "/customize", SERVICE_ACCOUNT, "/serviceaccount/customize")


def test_bearer_token(tmp_path: Path) -> None:
    """Without the token no hook answers; a rotated one counts at once; probes need none."""
    file = tmp_path / "token"
    file.write_text("first\n")
    with Service({"HOOK_TOKEN_FILE": str(file)}) as service:
        client = Client(service.url, "r.azurecr.io")
        path = SERVICE_ACCOUNT
        assert client.post(path, BODY).status_code == 401
        assert client.post(path, BODY, Authorization="Bearer wrong").status_code == 401
        assert client.post(path, BODY, Authorization="Bearer first").status_code == 200
        file.write_text("second\n")
        assert client.post(path, BODY, Authorization="Bearer first").status_code == 401
        assert client.post(path, BODY, Authorization="Bearer second").status_code == 200
        assert requests.get(f"{service.url}/readyz", timeout=5).status_code == 200
        file.write_text("\n")
        assert client.post(path, BODY, Authorization="Bearer ").status_code == 503
        assert requests.get(f"{service.url}/readyz", timeout=5).status_code == 503
        file.unlink()
        assert client.post(path, BODY, Authorization="Bearer second").status_code == 503
        assert requests.get(f"{service.url}/readyz", timeout=5).status_code == 503
        assert requests.get(f"{service.url}/healthz", timeout=5).status_code == 200


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Start a service that wants the token `first`, or `second`; return a caller of it."""
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "token").write_text("first\n")
    (folder / "rotation").write_text("first\nsecond\n")
    files = {
        "HOOK_TOKEN_FILE": str(folder / "token"),
        "HOOK_TOKEN_ROTATION_FILE": str(folder / "rotation"),
    }
    with Service(files) as service:
        yield Client(service.url, "r.azurecr.io")


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer firs",
        "Bearer first second",
        "Basic first",
        "Basic Zmlyc3Q6Zmlyc3Q=",
        "first",
        "Bearer \u00fcrst",
    ],
)
def test_closed(guarded: Client, path: str, given: str | None) -> None:
    """No token, a wrong one, a part of it, one of another scheme: no hook answers, and says why."""
    headers = {} if given is None else {"Authorization": given}
    response = guarded.post(path, BODY, **headers)
    assert response.status_code == 401
    assert "first" not in response.text
    assert "Secret acrpull-hook-token" in response.json()["error"]


@pytest.mark.parametrize("given", ["Bearer first", "Bearer second"])
def test_open(guarded: Client, given: str) -> None:
    """During a rotation either token will do."""
    assert guarded.post(SERVICE_ACCOUNT, BODY, Authorization=given).status_code == 200


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BIND", "0.0.0.0:8080"),
        ("BIND", "nonsense"),
        ("ACR_SERVER", "https://x.azurecr.io"),
        ("HOOK_TOKEN_FILE", "/nonexistent"),
        ("HOOK_TOKEN_ROTATION_FILE", "/nonexistent"),
        ("CLIENT_CA_FILE", "/nonexistent"),
        ("REFRESH_BEFORE_EXPIRY_SECONDS", "soon"),
    ],
)
def test_bad_setting(variable: str, value: str) -> None:
    """A bad setting stops the start with one line that names it."""
    ended = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "hooks/gunicorn_conf.py"],
        cwd=ROOT,
        env=clean_environment() | {variable: value},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode != 0
    (line,) = ended.stderr.splitlines()
    named = {"0.0.0.0:8080": "HOOK_TOKEN_FILE"}.get(value, variable)
    named = "TLS_CERT_FILE" if variable == "CLIENT_CA_FILE" else named
    assert line.startswith(f"{named}: ")


def test_no_other_identity_source(tmp_path: Path) -> None:
    """The workload identity webhook's variables do not change where tokens come from."""
    (tmp_path / "federated").write_text("eyJ")
    environment = {
        "AZURE_AUTHORITY_HOST": "https://127.0.0.1:1",
        "AZURE_TENANT_ID": "11111111-2222-3333-4444-555555555555",
        "AZURE_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
        "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "federated"),
        "AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1",
        "HTTP_PROXY": "http://127.0.0.1:2",
    }
    with Service(environment) as service:
        client = Client(service.url, "r.azurecr.io")
        answer = client.sync({"parent": client.parent()})
    assert answer["status"]["conditions"][0]["reason"] == "IdentityUnavailable"
