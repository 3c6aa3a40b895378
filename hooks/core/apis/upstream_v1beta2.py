"""acrpull.microsoft.com/v1beta2, msi-acrpull's second API.

msi-acrpull@8ad7a99:api/v1beta2/acrpullbinding_types.go
"""

from typing import Final

from hooks.core.apis.api import Api, parse_scope, parse_target, upstream_truncated, valid_name
from hooks.core.fields import JSON
from hooks.core.model.binding import Spec
from hooks.core.model.identity import Identity, WorkloadIdentity
from hooks.core.model.targets import Targets
from hooks.core.names import (
    PLURAL,
    SECRET_PREFIX,
    UPSTREAM_FEDERATION_AUDIENCE,
    UPSTREAM_KIND,
    UPSTREAM_V1BETA2,
)
from hooks.core.policy.cloud import AUTHORITIES, PUBLIC

V1BETA2_KEPT_LENGTH: Final = 233  # characters of the longest binding name without truncation


def _secret_name(binding: str) -> str:
    """Return msi-acrpull's name of *binding*'s Secret, truncated if too long."""
    return valid_name(SECRET_PREFIX + upstream_truncated(binding, V1BETA2_KEPT_LENGTH), binding)


def _parse_spec(spec: JSON) -> Spec:
    """Return the `Spec` of the valid *spec*. Only a custom cloud sets an audience."""
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
    """Return the host of *authority*, a host name or a URL."""
    return authority.removeprefix("https://").rstrip("/").lower()


def _identity(auth: JSON) -> Identity | WorkloadIdentity:
    if "managedIdentity" in auth:
        managed = auth["managedIdentity"]
        return Identity(managed.get("clientID"), managed.get("resourceID"))
    workload = auth["workloadIdentity"]
    return WorkloadIdentity(
        workload["serviceAccountRef"], workload.get("clientID"), workload.get("tenantID")
    )


def _targets(spec: JSON) -> Targets | None:
    """Return the ServiceAccount to attach the Secret to."""
    return parse_target(spec.get("serviceAccountName"))


API: Final = Api(
    UPSTREAM_V1BETA2,
    UPSTREAM_KIND,
    PLURAL,
    _secret_name,
    _parse_spec,
    _targets,
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
