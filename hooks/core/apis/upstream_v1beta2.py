"""acrpull.microsoft.com/v1beta2, upstream's second.

msi-acrpull@8ad7a99:api/v1beta2/acrpullbinding_types.go
"""

import hashlib
from typing import Final

from hooks.core.apis.api import Api, fitted, parse_scope
from hooks.core.fields import JSON
from hooks.core.model import Identity, Spec, WorkloadIdentity
from hooks.core.names import (
    MAX_NAME_LENGTH,
    PLURAL,
    SECRET_PREFIX,
    UPSTREAM_KIND,
    UPSTREAM_V1BETA2,
)

# msi-acrpull@8ad7a99:internal/controller/acrpullbinding_controller.go (pullSecretName)
HASH_LENGTH: Final = 10
LONGEST: Final = MAX_NAME_LENGTH - 10 - HASH_LENGTH  # of a binding's name that is not cut
DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
DEFAULT_ENVIRONMENT: Final = "PublicCloud"
# https://github.com/kubernetes-sigs/cloud-provider-azure/blob/7b31c76/pkg/azclient/cloud.go
AUTHORITIES: Final = {
    DEFAULT_ENVIRONMENT: "login.microsoftonline.com",
    "USGovernmentCloud": "login.microsoftonline.us",
    "ChinaCloud": "login.chinacloudapi.cn",
}


def secret_name(binding: str) -> str:
    """Return the name of *binding*'s Secret, upstream's, also of a long one."""
    if len(binding) <= LONGEST:
        return fitted(SECRET_PREFIX + binding, binding)
    stem = binding[:LONGEST].removesuffix(".")
    digest = hashlib.sha224(binding.encode("utf-8", "surrogatepass")).digest()
    return fitted(f"{SECRET_PREFIX}{stem}-{_base36(digest)[:HASH_LENGTH]}", binding)


def _base36(data: bytes) -> str:
    """Return *data*, a number, in the digits 0 to z."""
    number, text = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        text = DIGITS[digit] + text
    return text


def parse_spec(spec: JSON) -> Spec:
    """Return the valid *spec*.

    The service asks for tokens of its own audience in every cloud that it knows. Only of one that
    has no name does the spec say the audience.
    """
    registry, auth = spec["acr"], spec["auth"]
    environment = registry.get("environment", DEFAULT_ENVIRONMENT)
    config = registry.get("cloudConfig", {})
    return Spec(
        registry["server"],
        _identity(auth),
        parse_scope(registry["scope"]),
        audience=config.get("resourceManagerAudience"),
        authority=AUTHORITIES.get(environment) or config["entraAuthorityHost"],
    )


def _identity(auth: JSON) -> Identity | WorkloadIdentity:
    if "managedIdentity" in auth:
        managed = auth["managedIdentity"]
        return Identity(managed.get("clientID"), managed.get("resourceID"))
    workload = auth["workloadIdentity"]
    return WorkloadIdentity(
        workload["serviceAccountRef"], workload.get("clientID"), workload.get("tenantID")
    )


def target(spec: JSON) -> object:
    """Return the name of the ServiceAccount that lists the Secret."""
    return spec.get("serviceAccountName")


API: Final = Api(
    UPSTREAM_V1BETA2,
    UPSTREAM_KIND,
    PLURAL,
    secret_name,
    parse_spec,
    target,
    refreshed="lastTokenRefreshTime",
    error="error",
    fields=(("spec.acrServer", "spec.acr.server"), ("spec.scope", "spec.acr.scope")),
)
