"""The emulator from outside."""

import pytest
import requests

from tests import emulator as azure
from tests.azure.client import CLIENT_ID, TIMEOUT, claims_of, exchange, imds, refresh_token
from tests.emulator.emulator import Emulator


def test_api(emulator: Emulator) -> None:
    """Faults and settings can be set, and requests read, over HTTP."""
    url = f"{emulator.imds_url}/_emulator"
    fault = {"endpoint": "exchange", "name": "acr_throttled", "retry_after": 9, "times": 1}
    assert requests.post(f"{url}/faults", json=fault, timeout=TIMEOUT).ok
    assert exchange(emulator).headers["Retry-After"] == "9"
    settings = {"refresh_lifetime": 120, "roles": [CLIENT_ID], "identities": None}
    assert requests.post(f"{url}/settings", json=settings, timeout=TIMEOUT).ok
    claims = claims_of(refresh_token(emulator))
    assert claims["exp"] - claims["iat"] == 120
    log = requests.get(f"{url}/requests", timeout=TIMEOUT).json()
    assert [entry["status"] for entry in log] == [200, 429, 200, 200]
    assert "BEGIN CERTIFICATE" in requests.get(f"{url}/ca.crt", timeout=TIMEOUT).text


def test_clear_faults(emulator: Emulator) -> None:
    """DELETE takes all faults back."""
    emulator.faults.add("imds", azure.imds_throttled())
    url = f"{emulator.imds_url}/_emulator/faults"
    assert requests.delete(url, timeout=TIMEOUT).ok
    assert imds(emulator, client_id=CLIENT_ID).ok


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("faults", '{"status": 500}', "endpoint"),
        ("faults", '{"endpoint": "imds", "sttus": 500}', "sttus"),
        ("faults", '{"endpoint": "imds", "status": "500"}', "status"),
        ("faults", '{"endpoint": "imds", "name": "nope"}', "nope"),
        ("faults", '{"endpoint": "imds", "name": "no_role", "ip": "x"}', "ip"),
        ("faults", "[]", "expected an object"),
        ("faults", "{", "Expecting"),
        ("settings", '{"clock": 1}', "clock"),
        ("settings", '{"roles": "x"}', "roles"),
        ("settings", '{"refresh_lifetime": true}', "refresh_lifetime"),
        ("settings", '{"federated": {}}', "federated"),
        ("settings", '{"federated": [{"client_id": "x"}]}', "federated"),
        ("settings", '{"federated": [{"client_id": "x", "subject": 5}]}', "federated"),
    ],
)
def test_wrong_body(emulator: Emulator, path: str, body: str, expected: str) -> None:
    """A body that means nothing is refused with what is wrong with it."""
    url = f"{emulator.imds_url}/_emulator/{path}"
    response = requests.post(url, data=body, timeout=TIMEOUT)
    assert response.status_code == 400
    assert expected in response.text


def test_unknown_path(emulator: Emulator) -> None:
    """Other paths are answered with those that exist."""
    response = requests.get(f"{emulator.imds_url}/_emulator/", timeout=TIMEOUT)
    assert response.status_code == 404
    assert "POST /_emulator/faults" in response.text
