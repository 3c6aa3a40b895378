"""msi-acrpull.microsoft.com/v1beta1, upstream's first.

Its controller writes bindings with every field, so an empty one is as good as none.
msi-acrpull@8ad7a99:api/v1beta1/acrpullbinding_types.go
"""

from typing import Final

from hooks.core.apis.api import DEFAULT_NAME, Api, parse_scope, upstream_truncated, valid_name
from hooks.core.fields import JSON
from hooks.core.model.binding import Spec
from hooks.core.model.identity import Identity
from hooks.core.names import (
    MAX_NAME_LENGTH,
    PLURAL,
    UPSTREAM_KIND,
    UPSTREAM_SECRET_SUFFIX,
    UPSTREAM_V1BETA1,
)

V1BETA1_KEPT_LENGTH: Final = (
    223  # characters of a binding's name in that of its Secret, where it is cut
)


def secret_name(binding: str) -> str:
    """Return the name of *binding*'s Secret: upstream's, which of a name too long could make none.

    msi-acrpull@8ad7a99:internal/controller/acrpullbinding_controller.go (legacySecretName)
    """
    if len(binding + UPSTREAM_SECRET_SUFFIX) > MAX_NAME_LENGTH:
        binding = upstream_truncated(binding, V1BETA1_KEPT_LENGTH)
    return valid_name(binding + UPSTREAM_SECRET_SUFFIX, binding)


def parse_spec(spec: JSON) -> Spec:
    """Return the valid *spec*: with a client ID, the resource ID does not count.

    msi-acrpull@8ad7a99:pkg/authorizer/authorizer.go (AcquireACRAccessToken)
    """
    client_id = spec.get("managedIdentityClientID") or None
    resource_id = (spec.get("managedIdentityResourceID") or "").rstrip("/") or None
    identity = Identity(resource_id=resource_id) if resource_id else None
    if client_id:
        identity = Identity(client_id)
    return Spec(spec.get("acrServer") or None, identity, parse_scope(spec.get("scope")))


def target(spec: JSON) -> object:
    """Return the name of the ServiceAccount."""
    return spec.get("serviceAccountName") or DEFAULT_NAME


API: Final = Api(
    UPSTREAM_V1BETA1,
    UPSTREAM_KIND,
    PLURAL,
    secret_name,
    parse_spec,
    target,
    issue_time="lastTokenRefreshTime",
    error="error",
)
