"""What the emulator was asked."""

import re

from tests.azure.client import ACR, get_basic, post_password, refresh_token
from tests.emulator.emulator import Emulator


def test_requests(emulator: Emulator) -> None:
    """The log tells requests apart and holds no token."""
    token = refresh_token(emulator)
    post_password(emulator, token)
    get_basic(emulator, token)
    records = emulator.requests
    assert [record.endpoint for record in records] == ["imds", "exchange", "token", "token"]
    assert records[0].query["resource"] == ACR
    assert records[1].form["service"] == emulator.acr_server
    assert re.fullmatch("sha256:[0-9a-f]{12}", records[1].form["access_token"])
    assert records[3].authorization.startswith("Basic sha256:")
    assert token not in repr(records)
