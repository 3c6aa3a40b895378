"""The docker config in a pull Secret, to and from a token.

Shape: {"auths": {"<server>": {"username": NULL_GUID, "password": <token>, "auth": base64(u:p)}}}.
kubelet reads username, password and auth; `identitytoken` it ignores.
https://kubernetes.io/docs/concepts/containers/images/#config-json
"""

import base64
import binascii
import json
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from hooks.core.errors import MalformedToken
from hooks.core.exchange.acr import parse_token
from hooks.core.model.token import AcrToken
from hooks.core.names import NULL_GUID, UPSTREAM_EMAIL

MAX_ENTRIES: Final = 16


def _entry(token: str) -> dict[str, str]:
    auth = base64.b64encode(f"{NULL_GUID}:{token}".encode()).decode()
    return {"username": NULL_GUID, "password": token, "auth": auth}


def encode(server: str | None, token: AcrToken | None) -> str:
    """Return the value of `.dockerconfigjson`, base64; without a token, one with no entry."""
    auths = {server: _entry(token.value)} if server and token else {}
    text = json.dumps({"auths": auths}, separators=(",", ":"))
    return base64.b64encode(text.encode()).decode()


@dataclass(frozen=True, slots=True)
class ManagedEntry:
    """What a docker config holds of ours; *intact* says that it lists nothing else."""

    server: str
    token: AcrToken
    unmodified: bool


def decode(data: str) -> ManagedEntry | None:
    """Return what *data*, base64, holds of ours; None if that is nothing.

    With anything changed it was tampered with, but for what upstream's controller writes besides. A
    token in it may still work, until a new one comes. The token is looked for in the first
    `MAX_ENTRIES` only: acrpull and upstream's controller write one.
    """
    try:
        auths: Any = json.loads(base64.b64decode(data, validate=True))["auths"]
        for server, entry in islice(auths.items(), MAX_ENTRIES):
            token = _token(entry)
            if token is not None:
                ours = _entry(token.value)
                unmodified = auths in ({server: ours}, {server: {**ours, "email": UPSTREAM_EMAIL}})
                return ManagedEntry(server, token, unmodified)
    except (binascii.Error, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None
    return None


def _token(entry: Any) -> AcrToken | None:  # noqa: ANN401  any JSON value
    """Return the token that an entry holds for us, if it does."""
    if not isinstance(entry, dict) or entry.get("username") != NULL_GUID:
        return None
    try:
        return parse_token(entry.get("password", ""))
    except MalformedToken:
        return None
