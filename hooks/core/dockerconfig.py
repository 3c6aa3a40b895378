"""The docker config in a pull Secret, to and from a token.

Shape: {"auths": {"<server>": {"username": NULL_GUID, "password": <token>, "auth": base64(u:p)}}}.
kubelet reads username, password and auth; `identitytoken` it ignores.
https://kubernetes.io/docs/concepts/containers/images/#config-json
"""

import base64
import binascii
import json
from typing import Any

from hooks.core.acr import parse_token
from hooks.core.errors import MalformedToken
from hooks.core.model import AcrToken
from hooks.core.names import NULL_GUID


def _entry(token: str) -> dict[str, str]:
    auth = base64.b64encode(f"{NULL_GUID}:{token}".encode()).decode()
    return {"username": NULL_GUID, "password": token, "auth": auth}


def render(server: str | None, token: AcrToken | None) -> str:
    """Return the value of `.dockerconfigjson`, base64; without a token, one with no entry."""
    auths = {server: _entry(token.value)} if server and token else {}
    text = json.dumps({"auths": auths}, separators=(",", ":"))
    return base64.b64encode(text.encode()).decode()


def parse(data: str) -> tuple[str, AcrToken] | None:
    """Return server and token of *data*, base64; None unless it is one whole entry of ours.

    Anything else was tampered with, or is empty: there is no token in it to rely on.
    """
    try:
        config: Any = json.loads(base64.b64decode(data, validate=True))
        ((server, entry),) = config["auths"].items()
        token = parse_token(entry["password"])
    except (binascii.Error, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None
    except MalformedToken:
        return None
    return (server, token) if entry == _entry(token.value) else None
