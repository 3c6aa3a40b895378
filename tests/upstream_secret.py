"""A pull Secret of msi-acrpull's controller.

msi-acrpull@8ad7a99:internal/controller/acrpullbinding_controller.go (newPullSecret)
"""

import base64
import json
from typing import Final

from hooks.core.names import DOCKER_CONFIG_KEY, NULL_GUID
from tests.model.objects import Object, controller_ref

LABEL: Final = "acr.microsoft.com/binding"


def upstream_secret(
    binding: Object, name: str, docker_config: str, refreshed: str, expiry: str
) -> Object:
    """Return the Secret *name* of *binding*; its times are RFC 3339."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "namespace": binding["metadata"]["namespace"],
            "name": name,
            "labels": {LABEL: binding["metadata"]["name"]},
            "annotations": {
                "acr.microsoft.com/token.expiry": expiry,
                "acr.microsoft.com/token.refresh": refreshed,
                "acr.microsoft.com/token.inputs": "6xmh2d0n",
            },
            "ownerReferences": [controller_ref(binding)],
        },
        "type": "kubernetes.io/dockerconfigjson",
        "data": {DOCKER_CONFIG_KEY: docker_config},
    }


def upstream_docker_config(server: str, token: str) -> str:
    """Return the docker config, in base64."""
    auth = base64.b64encode(f"{NULL_GUID}:{token}".encode()).decode()
    who = {"username": NULL_GUID, "password": token, "email": "msi-acrpull@azurecr.io"}
    return base64.b64encode(
        json.dumps({"auths": {server: {**who, "auth": auth}}}).encode()
    ).decode()
