"""acrpull.dev/v1beta1, acrpull's own API."""

from typing import Final

from hooks.core.apis.api import (
    DEFAULT_NAME,
    Api,
    parse_scope,
    parse_target,
    parse_target_list,
    valid_name,
)
from hooks.core.fields import JSON
from hooks.core.model.binding import Spec
from hooks.core.model.identity import Identity, WorkloadIdentity
from hooks.core.model.secret_template import SecretTemplate, parse_template
from hooks.core.model.targets import Targets
from hooks.core.names import API_VERSION, KIND, PLURAL, SECRET_PREFIX


def _secret_name(binding: str) -> str:
    """Return the name of *binding*'s Secret."""
    return valid_name(SECRET_PREFIX + binding, binding)


def _parse_spec(spec: JSON) -> Spec:
    """Return the `Spec` of the valid *spec*."""
    return Spec(spec.get("acrServer"), _identity(spec), parse_scope(spec.get("scope")))


def _identity(spec: JSON) -> Identity | WorkloadIdentity | None:
    workload = spec.get("workloadIdentity")
    if workload is not None:
        return WorkloadIdentity(
            workload.get("serviceAccountName"), workload.get("clientID"), workload.get("tenantID")
        )
    client_id = spec.get("managedIdentityClientID")
    resource_id = spec.get("managedIdentityResourceID")
    return Identity(client_id, resource_id) if client_id or resource_id else None


def _targets(spec: JSON) -> Targets | None:
    """Return the ServiceAccounts to attach the Secret to.

    A list takes precedence, because the API server adds the default name beside the list.
    """
    if spec.get("serviceAccountNames") is not None:
        return parse_target_list(spec["serviceAccountNames"])
    return parse_target(spec.get("serviceAccountName", DEFAULT_NAME))


def _secret_template(spec: JSON) -> SecretTemplate:
    """Return the labels and annotations for the Secret."""
    template = spec.get("secretTemplate")
    return parse_template(template.get("metadata") if isinstance(template, dict) else None)


API: Final = Api(API_VERSION, KIND, PLURAL, _secret_name, _parse_spec, _targets, _secret_template)
