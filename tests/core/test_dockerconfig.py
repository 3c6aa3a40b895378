"""The docker config, byte for byte, and all that is not one of ours."""

import base64
import json
from typing import Any

import pytest

from hooks.core.model.token import AcrToken
from hooks.core.wire.dockerconfig import ManagedEntry, decode, encode
from tests.core.builders import EXPIRED, NEW_TOKEN, SERVER, new_jwt

USER = "00000000-0000-0000-0000-000000000000"
AUTH = base64.b64encode(f"{USER}:{NEW_TOKEN.value}".encode()).decode()
ENTRY = {"username": USER, "password": NEW_TOKEN.value, "auth": AUTH}
LONG = new_jwt({"exp": 1_900_000_000, "access": "x" * 65_536})


def encoded(config: Any) -> str:  # noqa: ANN401  any JSON value
    """Return *config* as a Secret holds it."""
    return base64.b64encode(json.dumps(config).encode()).decode()


def test_render() -> None:
    """The config has one registry with user, password and both in base64, and no space."""
    expected = (
        f'{{"auths":{{"{SERVER}":{{"username":"00000000-0000-0000-0000-000000000000",'
        f'"password":"{NEW_TOKEN.value}","auth":"{AUTH}"}}}}}}'
    )
    assert base64.b64decode(encode(SERVER, NEW_TOKEN), validate=True).decode() == expected


@pytest.mark.parametrize(
    ("server", "token"),
    [(None, None), (SERVER, None), (None, NEW_TOKEN)],
    ids=["neither", "server", "token"],
)
def test_render_empty(server: str | None, token: AcrToken | None) -> None:
    """Without both server and token the config lists no registry, and is valid still."""
    assert base64.b64decode(encode(server, token)) == b'{"auths":{}}'


@pytest.mark.parametrize("token", [NEW_TOKEN, EXPIRED], ids=["new", "expired"])
def test_round_trip(token: AcrToken) -> None:
    """What was rendered is read as the same, however old."""
    assert decode(encode(SERVER, token)) == ManagedEntry(SERVER, token, unmodified=True)


def test_spacing_is_no_tampering() -> None:
    """The same config with spaces, or its keys in another order, is still ours."""
    config = {"auths": {SERVER: dict(reversed(ENTRY.items()))}}
    assert decode(encoded(config)) == ManagedEntry(SERVER, NEW_TOKEN, unmodified=True)


MINE = {"username": "me", "password": "x"}


@pytest.mark.parametrize(
    ("auths", "token"),
    [
        pytest.param({SERVER: {**ENTRY, "email": "a@b"}}, NEW_TOKEN, id="further-key"),
        pytest.param({SERVER: {**ENTRY, "password": EXPIRED.value}}, EXPIRED, id="other-password"),
        pytest.param({SERVER: {**ENTRY, "auth": "eDp5"}}, NEW_TOKEN, id="other-auth"),
        pytest.param(
            {SERVER: {"username": USER, "password": NEW_TOKEN.value}}, NEW_TOKEN, id="no-auth"
        ),
        pytest.param({SERVER: ENTRY, "b.io": ENTRY}, NEW_TOKEN, id="two-servers"),
        pytest.param({SERVER: ENTRY, "b.io": MINE}, NEW_TOKEN, id="user's-behind"),
        pytest.param({"b.io": MINE, SERVER: ENTRY}, NEW_TOKEN, id="user's-before"),
        pytest.param({SERVER: ENTRY, "b.io": None}, NEW_TOKEN, id="rubbish-behind"),
    ],
)
def test_changed(auths: object, token: AcrToken) -> None:
    """A token that a change left in its entry is found, and that it is not intact is known."""
    assert decode(encoded({"auths": auths})) == ManagedEntry(SERVER, token, unmodified=False)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"auths": {SERVER: {**ENTRY, "username": "me"}}}, id="other-user"),
        pytest.param({"auths": {SERVER: MINE}}, id="user's"),
        pytest.param({"auths": {SERVER: {**ENTRY, "password": "hunter2"}}}, id="no-jwt"),
        pytest.param({"auths": {SERVER: {**ENTRY, "password": None}}}, id="null-password"),
        pytest.param({"auths": {SERVER: {**ENTRY, "password": LONG}}}, id="long-password"),
        pytest.param({"auths": {SERVER: {"auth": AUTH}}}, id="auth-only"),
        pytest.param({"auths": {SERVER: {"username": USER}}}, id="no-password"),
        pytest.param({"auths": {SERVER: None}}, id="null-entry"),
        pytest.param({"auths": {SERVER: [ENTRY]}}, id="list-entry"),
        pytest.param({"auths": {}}, id="no-server"),
        pytest.param({"auths": [ENTRY]}, id="list-of-auths"),
        pytest.param({"auths": None}, id="null-auths"),
        pytest.param({}, id="no-auths"),
        pytest.param([], id="list"),
        pytest.param(None, id="null"),
        pytest.param("text", id="text"),
        pytest.param(5, id="number"),
    ],
)
def test_nothing_found(config: object) -> None:
    """A config without our user, or without a token as its password, holds nothing of ours."""
    assert decode(encoded(config)) is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("", id="empty"),
        pytest.param("%%%", id="no-base64"),
        pytest.param("\u00e4", id="no-ascii"),
        pytest.param(encode(SERVER, NEW_TOKEN) + "\n", id="line-break"),
        pytest.param(encode(SERVER, NEW_TOKEN)[:-4], id="cut"),
        pytest.param(base64.b64encode(b"\xff\xfe\xfd").decode(), id="no-utf-8"),
        pytest.param(base64.b64encode(b"{").decode(), id="no-json"),
        pytest.param(base64.b64encode(b"[" * 100000).decode(), id="nested-too-deep"),
    ],
)
def test_unreadable(data: str) -> None:
    """Data that can't be read holds no token either, and is no error."""
    assert decode(data) is None


@pytest.mark.parametrize(("before", "found"), [(15, True), (16, False)])
def test_many_entries(before: int, *, found: bool) -> None:
    """A token is looked for in the first 16 entries."""
    auths = {f"{number}.example.com": MINE for number in range(before)}
    token = decode(encoded({"auths": {**auths, SERVER: ENTRY}}))
    assert token == (ManagedEntry(SERVER, NEW_TOKEN, unmodified=False) if found else None)
