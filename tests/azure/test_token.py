"""ACR token, as refresh token or password, for access token."""

from collections.abc import Callable

import pytest
import requests

from tests import emulator as azure
from tests.azure.client import (
    CLIENT_ID,
    NULL_GUID,
    PULL,
    access_token,
    acr,
    claims_of,
    exchange,
    get_basic,
    post_password,
    refresh_token,
)
from tests.emulator.emulator import Emulator


@pytest.mark.parametrize("login", [post_password, get_basic])
def test_access_token(emulator: Emulator, login: Callable[..., requests.Response]) -> None:
    """The null GUID with a refresh token gets an access token of 75 min and nothing else."""
    response = login(emulator, refresh_token(emulator))
    assert list(response.json()) == ["access_token"]
    claims = claims_of(response.json()["access_token"])
    assert claims["access"] == [{"type": "repository", "name": "team/alice", "actions": ["pull"]}]
    assert claims["exp"] - claims["nbf"] == 4500


def test_refresh_grant(emulator: Emulator) -> None:
    """The grant refresh_token takes several scopes, repeated or with spaces between."""
    form = {
        "grant_type": "refresh_token",
        "service": emulator.acr_server,
        "scope": [PULL, "repository:bob:pull,push registry:catalog:*"],
        "refresh_token": refresh_token(emulator),
    }
    response = acr(emulator, "POST", "/oauth2/token", data=form)
    access = claims_of(response.json()["access_token"])["access"]
    assert [entry["name"] for entry in access] == ["team/alice", "bob", "catalog"]


@pytest.mark.parametrize("login", [post_password, get_basic])
def test_access_token_as_password(
    emulator: Emulator, login: Callable[..., requests.Response]
) -> None:
    """An access token as password yields its own scope and no other."""
    password = access_token(emulator)
    own = login(emulator, password).json()["access_token"]
    other = login(emulator, password, "repository:bob:pull").json()["access_token"]
    assert (len(claims_of(own)["access"]), claims_of(other)["access"]) == (1, [])
    emulator.refuse_empty_grant = True
    assert login(emulator, password, "repository:bob:pull").status_code == 401


def test_password_without_scope(emulator: Emulator) -> None:
    """POST of a password without a scope is answered with 400 and no body."""
    response = post_password(emulator, refresh_token(emulator), scope="")
    assert (response.status_code, response.content) == (400, b"")


def test_docker_login(emulator: Emulator) -> None:
    """`docker login` asks without a scope, and for a refresh token to keep."""
    query = {"service": emulator.acr_server, "offline_token": "true", "client_id": "docker"}
    login = (NULL_GUID, refresh_token(emulator))
    response = acr(emulator, "GET", "/oauth2/token", params=query, auth=login)
    assert list(response.json()) == ["access_token", "refresh_token"]


def test_grant(emulator: Emulator) -> None:
    """The setting `grant` says what of a scope an identity may have."""
    asked = []

    def grant(client_id: str, scope: azure.Scope) -> list[str]:
        asked.append((client_id, str(scope)))
        return ["pull"]

    emulator.grant = grant
    token = access_token(emulator, "repository:bob:pull,push")
    assert claims_of(token)["access"][0]["actions"] == ["pull"]
    assert asked == [(CLIENT_ID, "repository:bob:pull,push")]


@pytest.mark.parametrize(
    ("user", "password"),
    [(NULL_GUID, "not.a.jwt"), ("someone", ""), (NULL_GUID, "")],
)
def test_wrong_password(emulator: Emulator, user: str, password: str) -> None:
    """Who is not the null GUID with a token is told so."""
    query = {"service": emulator.acr_server, "scope": PULL}
    response = acr(emulator, "GET", "/oauth2/token", params=query, auth=(user, password))
    assert response.status_code == 401
    assert response.json()["errors"][0]["message"] == "Invalid clientid or client secret."


@pytest.mark.parametrize("scope", ["repository:*:pull", "alice", "repository:Alice:pull"])
def test_malformed_scope(emulator: Emulator, scope: str) -> None:
    """A scope names one repository: no wildcards."""
    assert get_basic(emulator, refresh_token(emulator), scope).status_code == 400


def test_other_registry(emulator: Emulator) -> None:
    """A token for one registry does not do at another."""
    other = emulator.acr_servers[1]
    form = {"grant_type": "refresh_token", "service": other, "scope": PULL}
    fields = form | {"refresh_token": refresh_token(emulator)}
    response = acr(emulator, "POST", "/oauth2/token", other, data=fields)
    assert response.status_code == 401
    assert exchange(emulator, other).status_code == 200
