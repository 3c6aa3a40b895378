"""A client of the emulated Azure, with helpers to build requests and read responses."""

from datetime import UTC, datetime
from typing import Any, Final

import jwt
import requests

from tests.emulator.emulator import Emulator

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLIENT_ID: Final = "11111111-2222-3333-4444-555555555555"
RESOURCE_ID: Final = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity"
    "/userAssignedIdentities/puller"
)
ACR: Final = "https://containerregistry.azure.net"
ARM: Final = "https://management.azure.com"
NULL_GUID: Final = "00000000-0000-0000-0000-000000000000"
PULL: Final = "repository:team/alice:pull"
TIMEOUT: Final = 5  # s


def imds(emulator: Emulator, **query: str) -> requests.Response:
    """Request a token from IMDS, for the ACR audience unless *query* has another audience."""
    return requests.get(
        f"{emulator.imds_url}/metadata/identity/oauth2/token",
        params={"api-version": "2018-02-01", "resource": ACR} | query,
        headers={"Metadata": "true"},
        timeout=TIMEOUT,
    )


def acr(
    emulator: Emulator,
    method: str,
    path: str,
    server: str = "",
    **arguments: Any,  # noqa: ANN401 - those of requests.request
) -> requests.Response:
    """Send a request to a registry of *emulator*, by default its first."""
    url = f"https://{server or emulator.acr_server}{path}"
    timeout = arguments.pop("timeout", TIMEOUT)
    trusted = str(emulator.ca_file)
    return requests.request(method, url, verify=trusted, timeout=timeout, **arguments)


def exchange(emulator: Emulator, server: str = "", **form: str) -> requests.Response:
    """Exchange a new Entra token, or the token in *form*."""
    server = server or emulator.acr_server
    if "access_token" not in form:
        form["access_token"] = imds(emulator, client_id=CLIENT_ID).json()["access_token"]
    form = {"grant_type": "access_token", "service": server} | form
    return acr(emulator, "POST", "/oauth2/exchange", server, data=form)


def refresh_token(emulator: Emulator) -> str:
    """A refresh token for the first registry."""
    return str(exchange(emulator).json()["refresh_token"])


def post_password(emulator: Emulator, password: str, scope: str = PULL) -> requests.Response:
    """Log in like containerd's first request."""
    service = emulator.acr_server
    form = {"grant_type": "password", "service": service, "username": NULL_GUID}
    fields = form | {"password": password} | ({"scope": scope} if scope else {})
    return acr(emulator, "POST", "/oauth2/token", data=fields)


def get_basic(emulator: Emulator, password: str, scope: str = PULL) -> requests.Response:
    """Log in like Docker."""
    query = {"service": emulator.acr_server} | ({"scope": scope} if scope else {})
    return acr(emulator, "GET", "/oauth2/token", params=query, auth=(NULL_GUID, password))


def access_token(emulator: Emulator, scope: str = PULL) -> str:
    """An access token for *scope*."""
    return str(get_basic(emulator, refresh_token(emulator), scope).json()["access_token"])


def claims_of(token: str) -> dict[str, Any]:
    """The claims, unverified."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def pull(emulator: Emulator, token: str, path: str) -> requests.Response:
    """Read *path* with *token* as Bearer."""
    return acr(emulator, "GET", path, headers={"Authorization": f"Bearer {token}"})
