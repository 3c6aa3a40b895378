"""The docker config in a pull Secret, to and from a token.

Shape: {"auths": {"<server>": {"username": NULL_GUID, "password": <token>, "auth": base64(u:p)}}}.
kubelet reads username, password and auth; `identitytoken` it ignores.
https://kubernetes.io/docs/concepts/containers/images/#config-json
"""

import base64
import binascii
import json
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Found:
    """What a docker config holds of ours; *intact* says that it is nothing else."""

    server: str
    token: AcrToken
    intact: bool


def parse(data: str) -> Found | None:
    """Return what *data*, base64, holds of ours; None if that is nothing.

    With anything changed it was tampered with. A token in it may still work, until a new one comes.
    """
    try:
        auths: Any = json.loads(base64.b64decode(data, validate=True))["auths"]
        server, entry = next((s, e) for s, e in auths.items() if e["username"] == NULL_GUID)
        token = parse_token(entry["password"])
    except (binascii.Error, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None
    except (MalformedToken, StopIteration):
        return None
    return Found(server, token, intact=auths == {server: _entry(token.value)})
