"""The objects of a former msi-acrpull controller: a binding, its Secret, and an entry."""

from datetime import datetime, timedelta

from hooks.core.names import UID_LABEL
from hooks.core.rfc3339 import format_time
from tests.model.objects import Object, uid_of
from tests.properties.kinds import secret_of
from tests.properties.tokens import granted, new_jwt
from tests.upstream_secret import upstream_docker_config, upstream_secret

WHO = "upstream"  # the subject of its tokens


def left_secret(
    binding: Object, called: str, server: str, issued: datetime, life: timedelta
) -> Object:
    """Return the Secret of *binding*, with a token for *server* that was good for *life*."""
    claims = {"iat": int(issued.timestamp()), "exp": int((issued + life).timestamp())}
    scopes = binding["spec"].get("acr", {}).get("scope", "").split()
    access = [granted(scope) for scope in scopes]
    token = new_jwt({"sub": WHO, "jti": uid_of(binding), "access": access, **claims})
    config = upstream_docker_config(server, token)
    times = format_time(issued), format_time(issued + life)
    return upstream_secret(binding, secret_of(called), config, *times)


def left_status(issued: datetime, life: timedelta) -> Object:
    """Return the binding's status, without any condition."""
    return {
        "lastTokenRefreshTime": format_time(issued),
        "tokenExpirationTime": format_time(issued + life),
    }


def labelled(secret: Object, binding: Object) -> Object:
    """Return *secret* with the label that docs/migrating.md adds."""
    meta = secret["metadata"]
    return {
        **secret,
        "metadata": {**meta, "labels": {**meta["labels"], UID_LABEL: uid_of(binding)}},
    }
