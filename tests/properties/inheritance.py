"""What upstream's controller left: a binding of its kind, the Secret that it made, an entry.

msi-acrpull@8ad7a99:internal/controller/acrpullbinding_controller.go (newPullSecret)
"""

import base64
import json
from datetime import datetime, timedelta

from hooks.core.conditions import format_time
from hooks.core.names import NULL_GUID, UID_LABEL, UPSTREAM_EMAIL, UPSTREAM_LABEL
from tests.model.objects import Object, controller_ref, uid_of
from tests.properties.kinds import secret_of
from tests.properties.tokens import granted, new_jwt

WHO = "upstream"  # the subject of its tokens


def left_secret(
    binding: Object, called: str, server: str, issued: datetime, life: timedelta
) -> Object:
    """Return the Secret of *binding*, with a token for *server* that was good for *life*."""
    claims = {"iat": int(issued.timestamp()), "exp": int((issued + life).timestamp())}
    scopes = binding["spec"].get("acr", {}).get("scope", "").split()
    access = [granted(scope) for scope in scopes]
    token = new_jwt({"sub": WHO, "jti": uid_of(binding), "access": access, **claims})
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "namespace": binding["metadata"]["namespace"],
            "name": secret_of(called),
            "labels": {UPSTREAM_LABEL: binding["metadata"]["name"]},
            "annotations": {
                "acr.microsoft.com/token.expiry": format_time(issued + life),
                "acr.microsoft.com/token.refresh": format_time(issued),
                "acr.microsoft.com/token.inputs": "6xmh2d0n",
            },
            "ownerReferences": [controller_ref(binding)],
        },
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": _docker_config(server, token)},
    }


def _docker_config(server: str, token: str) -> str:
    auth = base64.b64encode(f"{NULL_GUID}:{token}".encode()).decode()
    entry = {"username": NULL_GUID, "password": token, "email": UPSTREAM_EMAIL, "auth": auth}
    return base64.b64encode(json.dumps({"auths": {server: entry}}).encode()).decode()


def left_status(issued: datetime, life: timedelta) -> Object:
    """Return the status beside it, without any condition."""
    return {
        "lastTokenRefreshTime": format_time(issued),
        "tokenExpirationTime": format_time(issued + life),
    }


def labelled(secret: Object, binding: Object) -> Object:
    """Return *secret* with the label that docs/migrating.md has put on it."""
    meta = secret["metadata"]
    return {
        **secret,
        "metadata": {**meta, "labels": {**meta["labels"], UID_LABEL: uid_of(binding)}},
    }
