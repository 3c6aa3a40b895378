"""What goes wrong on request."""

import json

import pytest

from tests.azure.client import CLIENT_ID, acr, exchange, imds
from tests.emulator.emulator import Emulator
from tests.emulator.fault import Endpoint, Fault


@pytest.mark.parametrize(
    ("endpoint", "path"),
    [("exchange", "/oauth2/exchange"), ("token", "/oauth2/token"), ("v2", "/v2/")],
)
def test_endpoint(emulator: Emulator, endpoint: Endpoint, path: str) -> None:
    """A fault meets its endpoint as often as it says, and no other."""
    fault = Fault(status=503, body="<html>", headers={"Retry-After": "7"}, times=1)
    emulator.faults.add(endpoint, fault)
    assert imds(emulator, client_id=CLIENT_ID).status_code == 200
    response = acr(emulator, "GET", path)
    assert (response.status_code, response.text) == (503, "<html>")
    assert response.headers["Retry-After"] == "7"
    assert acr(emulator, "GET", path).status_code != 503


def test_unknown_endpoint(emulator: Emulator) -> None:
    """A fault for an endpoint that does not exist would never be met."""
    with pytest.raises(ValueError, match="acr"):
        emulator.faults.add("acr", Fault())  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize("body", ["", "null", "{", {"refresh_token": "not.a.jwt"}, b"\xff"])
def test_body(emulator: Emulator, body: str | bytes | dict[str, str]) -> None:
    """A body is sent as given, an object as JSON, with 200."""
    emulator.faults.add("exchange", Fault(body=body))
    response = exchange(emulator)
    sent = json.dumps(body, separators=(",", ":")) if isinstance(body, dict) else body
    expected = sent.encode() if isinstance(sent, str) else sent
    assert (response.status_code, response.content) == (200, expected)


def test_token(emulator: Emulator) -> None:
    """A tampered token replaces the one in a healthy answer, and nothing else of it."""
    emulator.faults.add("imds", Fault(token="not.a.jwt"))
    body = imds(emulator, client_id=CLIENT_ID).json()
    assert (body["access_token"], body["client_id"]) == ("not.a.jwt", CLIENT_ID)


def test_redirect(emulator: Emulator) -> None:
    """A client that follows redirects carries the Entra token to another host."""
    target = emulator.acr_servers[1]
    location = {"Location": f"https://{target}/oauth2/exchange"}
    fault = Fault(status=307, headers=location, host=emulator.acr_server)
    emulator.faults.add("exchange", fault)
    exchange(emulator)
    seen = [(record.host, record.identity) for record in emulator.requests[1:]]
    assert seen == [(emulator.acr_server, CLIENT_ID), (target, CLIENT_ID)]
