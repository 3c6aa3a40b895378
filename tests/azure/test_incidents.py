"""What goes wrong at Azure, ready made."""

import pytest

from tests import emulator as azure
from tests.azure.client import CLIENT_ID, exchange, imds
from tests.emulator.emulator import Emulator
from tests.emulator.fault import Fault


@pytest.mark.parametrize(
    ("fault", "status", "length"),
    [
        # Lengths as observed: SqlClient#2344, acs-keyvault-agent#43
        (azure.imds_throttled(), 429, 90),
        (azure.multiple_identities(), 400, 168),
    ],
)
def test_length(emulator: Emulator, fault: Fault, status: int, length: int) -> None:
    """Bodies whose real length is known have that length."""
    emulator.faults.add("imds", fault)
    response = imds(emulator, client_id=CLIENT_ID)
    assert (response.status_code, len(response.content)) == (status, length)
    assert "Retry-After" not in response.headers


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (azure.no_role(), 401, "UNAUTHORIZED"),
        (azure.firewall("203.0.113.9"), 403, "DENIED"),
        (azure.acr_throttled(30), 429, "TOOMANYREQUESTS"),
    ],
)
def test_acr_incident(emulator: Emulator, fault: Fault, status: int, code: str) -> None:
    """The ready-made faults of ACR use its error model."""
    emulator.faults.add("exchange", fault)
    first, second = exchange(emulator), exchange(emulator)
    assert (first.status_code, first.json()["errors"][0]["code"]) == (status, code)
    assert (first.content != second.content) == (status == 401)
    assert first.headers.get("Retry-After") == ("30" if status == 429 else None)
    assert (b"\\u0027203.0.113.9\\u0027" in first.content) == (status == 403)


@pytest.mark.parametrize("status", [403, 503])
def test_pages(emulator: Emulator, status: int) -> None:
    """A web page is one: of the registry's front end, or of what is in between."""
    emulator.faults.add("exchange", azure.registry_down(status, times=1))
    emulator.faults.add("exchange", azure.web_page(status))
    for response in (exchange(emulator), exchange(emulator)):
        assert (response.status_code, response.text[0]) == (status, "<")
        assert response.headers["Content-Type"].startswith("text/html")


def test_denied(emulator: Emulator) -> None:
    """A denial may name no address."""
    emulator.faults.add("exchange", azure.denied())
    response = exchange(emulator)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (403, "DENIED")
    assert b"client with IP" not in response.content


def test_entra_behind_imds(emulator: Emulator) -> None:
    """IMDS quotes Entra, whose ids are new in each body."""
    emulator.faults.add("imds", azure.imds_entra_refused(700016))
    first, second = (imds(emulator, client_id=CLIENT_ID) for _ in range(2))
    assert first.status_code == 400
    assert first.json()["error_description"].startswith("AADSTS700016: ")
    assert first.content != second.content


@pytest.mark.parametrize("seconds", [None, 42])
def test_retry_after(emulator: Emulator, seconds: int | None) -> None:
    """Throttling asks for a wait, or does not."""
    emulator.faults.add("imds", azure.imds_throttled(seconds))
    emulator.faults.add("exchange", azure.acr_throttled(seconds))
    for response in (imds(emulator, client_id=CLIENT_ID), exchange(emulator, access_token="x")):
        expected = None if seconds is None else str(seconds)
        assert (response.status_code, response.headers.get("Retry-After")) == (429, expected)
