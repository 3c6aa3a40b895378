"""Entra token for ACR refresh token."""

import base64
import re
from datetime import timedelta

import jwt
import pytest

from tests.azure.client import (
    ACR,
    ARM,
    CLIENT_ID,
    NOW,
    acr,
    claims_of,
    exchange,
    imds,
    refresh_token,
)
from tests.emulator.emulator import Emulator


def test_refresh_token(emulator: Emulator) -> None:
    """The answer holds a refresh token alone, which lives 3 h and is not back-dated."""
    response = exchange(emulator)
    assert list(response.json()) == ["refresh_token"]
    token = response.json()["refresh_token"]
    issued = int(NOW.timestamp())
    claims = claims_of(token)
    assert (claims["iat"], claims["nbf"], claims["exp"]) == (issued, issued, issued + 10800)
    assert (claims["aud"], claims["grant_type"]) == (emulator.acr_server, "refresh_token")
    assert base64.urlsafe_b64decode(token.split(".")[0] + "==").startswith(b'{"alg":"RS256",')
    kid = jwt.get_unverified_header(token)["kid"]
    assert re.fullmatch(r"([A-Z2-7]{4}:){11}[A-Z2-7]{4}", kid)
    assert response.headers["x-ms-ratelimit-remaining-calls-per-second"] == "166.65"


def test_settings_of_time(emulator: Emulator) -> None:
    """Lifetime and age together leave a token just the minutes a test wants."""
    emulator.refresh_lifetime, emulator.token_age = 10800, 10800 - 29 * 60
    claims = claims_of(refresh_token(emulator))
    assert claims["exp"] - claims["iat"] == 10800
    assert claims["exp"] - NOW.timestamp() == 29 * 60


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "access_token_refresh_token"}, 200),
        ({"grant_type": "refresh_token"}, 400),
        ({"service": "other.azurecr.io"}, 400),
        ({"access_token": ""}, 401),
        ({"access_token": "not.a.jwt"}, 401),
    ],
)
def test_form(emulator: Emulator, form: dict[str, str], status: int) -> None:
    """The form must be for this server, with an Entra token that is one."""
    assert exchange(emulator, **form).status_code == status


@pytest.mark.parametrize(
    ("resource", "arm_audience_allowed", "status"),
    [
        (ACR, False, 200),
        (ARM, True, 200),
        (f"{ARM}/", True, 200),
        (ARM, False, 401),
        ("https://vault.azure.net", True, 401),
    ],
)
def test_audience(
    emulator: Emulator, resource: str, arm_audience_allowed: bool, status: int
) -> None:
    """The ACR audience always does; that of ARM only where the policy allows it."""
    emulator.arm_audience_allowed = arm_audience_allowed
    token = imds(emulator, client_id=CLIENT_ID, resource=resource).json()["access_token"]
    assert exchange(emulator, access_token=token).status_code == status


def test_expired_entra_token(emulator: Emulator) -> None:
    """An Entra token is refused once its day is over."""
    token = imds(emulator, client_id=CLIENT_ID).json()["access_token"]
    emulator.clock = lambda: NOW + timedelta(hours=24)
    assert exchange(emulator, access_token=token).status_code == 401


def test_no_role(emulator: Emulator) -> None:
    """An identity without a role gets 401, with another correlation ID each time."""
    emulator.roles = {"another"}
    responses = [exchange(emulator) for _ in range(2)]
    messages = {response.json()["errors"][0]["message"] for response in responses}
    assert [response.status_code for response in responses] == [401, 401]
    assert len(messages) == 2
    assert all("more information. CorrelationId: " in message for message in messages)
    emulator.roles = {CLIENT_ID}
    assert exchange(emulator).status_code == 200


def test_get(emulator: Emulator) -> None:
    """There is no GET of the exchange."""
    assert acr(emulator, "GET", "/oauth2/exchange").status_code == 404
