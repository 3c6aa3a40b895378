"""Encodes and decodes the docker config in a pull Secret.

Shape: {"auths": {"<server>": {"username": NULL_GUID, "password": <token>, "auth": base64(u:p)}}}.
kubelet reads username, password and auth, and ignores `identitytoken`.
https://kubernetes.io/docs/concepts/containers/images/#config-json
"""

import base64
import binascii
import json
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from hooks.core.errors import MalformedToken
from hooks.core.exchange.registry_protocol import MAX_ANSWER_BYTES, parse_token
from hooks.core.model.token import AcrToken
from hooks.core.names import NULL_GUID, UPSTREAM_EMAIL

MAX_ENTRIES: Final = 16


def _entry(token: str) -> dict[str, str]:
    auth = base64.b64encode(f"{NULL_GUID}:{token}".encode()).decode()
    return {"username": NULL_GUID, "password": token, "auth": auth}


def encode(server: str | None, token: AcrToken | None) -> str:
    """Return the value of `.dockerconfigjson` in base64. Without a token, `auths` is empty."""
    auths = {server: _entry(token.value)} if server and token else {}
    text = json.dumps({"auths": auths}, separators=(",", ":"))
    return base64.b64encode(text.encode()).decode()


@dataclass(frozen=True, slots=True)
class ManagedEntry:
    """The entry in a docker config that acrpull manages.

    *unmodified* is True if the docker config contains nothing else, except msi-acrpull's `email`.
    """

    server: str
    token: AcrToken
    unmodified: bool


def decode(data: str) -> ManagedEntry | None:
    """Return the managed entry in the docker config *data*, base64, or None.

    The token of a modified docker config may still work until acrpull writes a new token. Only the
    first `MAX_ENTRIES` entries are searched, because acrpull and msi-acrpull write a single entry.
    """
    try:
        auths: Any = json.loads(base64.b64decode(data, validate=True))["auths"]
        for server, entry in islice(auths.items(), MAX_ENTRIES):
            token = _token(entry)
            if token is not None:
                plain = _entry(token.value)
                written = ({server: plain}, {server: {**plain, "email": UPSTREAM_EMAIL}})
                return ManagedEntry(server, token, unmodified=auths in written)
    except (binascii.Error, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None
    return None


def _token(entry: Any) -> AcrToken | None:  # noqa: ANN401  any JSON value
    """Return the token in *entry*, or None if acrpull does not manage *entry*."""
    if not isinstance(entry, dict) or entry.get("username") != NULL_GUID:
        return None
    password = entry.get("password")
    if not isinstance(password, str) or len(password) > MAX_ANSWER_BYTES:
        return None  # from no registry
    try:
        return parse_token(password)
    except MalformedToken:
        return None
