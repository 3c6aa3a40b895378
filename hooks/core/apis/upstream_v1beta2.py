"""acrpull.microsoft.com/v1beta2, upstream's second.

msi-acrpull@8ad7a99:api/v1beta2/acrpullbinding_types.go
"""

from typing import Final

from hooks.core.apis.api import Api, parse_scope, upstream_truncated, valid_name
from hooks.core.fields import JSON
from hooks.core.model.binding import Spec
from hooks.core.model.identity import Identity, WorkloadIdentity
from hooks.core.names import (
    PLURAL,
    SECRET_PREFIX,
    UPSTREAM_FEDERATION_AUDIENCE,
    UPSTREAM_KIND,
    UPSTREAM_V1BETA2,
)
from hooks.core.policy.cloud import AUTHORITIES, PUBLIC

V1BETA2_KEPT_LENGTH: Final = 233  # characters of a binding's name that is not cut


def secret_name(binding: str) -> str:
    """Return the name of *binding*'s Secret, upstream's, also of a long one."""
    return valid_name(SECRET_PREFIX + upstream_truncated(binding, V1BETA2_KEPT_LENGTH), binding)


def parse_spec(spec: JSON) -> Spec:
    """Return the valid *spec*; only in a cloud without a name does it say the audience."""
    registry, auth = spec["acr"], spec["auth"]
    environment = registry.get("environment", PUBLIC)
    config = registry.get("cloudConfig", {})
    return Spec(
        registry["server"],
        _identity(auth),
        parse_scope(registry["scope"]),
        audience=config.get("resourceManagerAudience"),
        authority=AUTHORITIES.get(environment) or _host(config["entraAuthorityHost"]),
    )


def _host(authority: str) -> str:
    """Return the host that *authority*, a host or its URL, names."""
    return authority.removeprefix("https://").rstrip("/").lower()


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
    issue_time="lastTokenRefreshTime",
    error="error",
    fields=(
        ("spec.acrServer", "spec.acr.server"),
        ("managedIdentityClientID", "auth.managedIdentity.clientID"),
        ("managedIdentityResourceID", "auth.managedIdentity.resourceID"),
        ("spec.scope", "spec.acr.scope"),
        ("spec.workloadIdentity", "spec.auth.workloadIdentity"),
        ("workloadIdentity.serviceAccountName", "workloadIdentity.serviceAccountRef"),
    ),
    federation_audience=UPSTREAM_FEDERATION_AUDIENCE,
)
