"""msi-acrpull.microsoft.com/v1beta1, msi-acrpull's first API.

msi-acrpull writes bindings with every field, so an empty field counts as absent.
msi-acrpull@8ad7a99:api/v1beta1/acrpullbinding_types.go
"""

from typing import Final

from hooks.core.apis.api import (
    DEFAULT_NAME,
    Api,
    parse_scope,
    parse_target,
    upstream_truncated,
    valid_name,
)
from hooks.core.fields import JSON
from hooks.core.model.binding import Spec
from hooks.core.model.identity import Identity
from hooks.core.model.targets import Targets
from hooks.core.names import (
    MAX_NAME_LENGTH,
    PLURAL,
    UPSTREAM_KIND,
    UPSTREAM_SECRET_SUFFIX,
    UPSTREAM_V1BETA1,
)

V1BETA1_KEPT_LENGTH: Final = 223  # characters of a binding's name in a truncated Secret name


def _secret_name(binding: str) -> str:
    """Return msi-acrpull's name of *binding*'s Secret, truncated if too long.

    msi-acrpull itself can't create a Secret with a name that is too long.
    msi-acrpull@8ad7a99:internal/controller/acrpullbinding_controller.go (legacySecretName)
    """
    if len(binding + UPSTREAM_SECRET_SUFFIX) > MAX_NAME_LENGTH:
        binding = upstream_truncated(binding, V1BETA1_KEPT_LENGTH)
    return valid_name(binding + UPSTREAM_SECRET_SUFFIX, binding)


def _parse_spec(spec: JSON) -> Spec:
    """Return the `Spec` of the valid *spec*. A client ID takes precedence over a resource ID.

    msi-acrpull@8ad7a99:pkg/authorizer/authorizer.go (AcquireACRAccessToken)
    """
    client_id = spec.get("managedIdentityClientID") or None
    resource_id = (spec.get("managedIdentityResourceID") or "").rstrip("/") or None
    identity = Identity(resource_id=resource_id) if resource_id else None
    if client_id:
        identity = Identity(client_id)
    return Spec(spec.get("acrServer") or None, identity, parse_scope(spec.get("scope")))


def _targets(spec: JSON) -> Targets | None:
    """Return the ServiceAccount to attach the Secret to."""
    return parse_target(spec.get("serviceAccountName") or DEFAULT_NAME)


API: Final = Api(
    UPSTREAM_V1BETA1,
    UPSTREAM_KIND,
    PLURAL,
    _secret_name,
    _parse_spec,
    _targets,
    issue_time="lastTokenRefreshTime",
    error="error",
)
