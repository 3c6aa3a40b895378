"""Completes a binding's workload identity with the annotations of a ServiceAccount in the file."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from hooks.core.model.binding import Spec
from hooks.core.model.cluster import ServiceAccount
from hooks.core.model.identity import FederatedIdentity, Identity, WorkloadIdentity
from hooks.core.names import NULL_GUID
from hooks.core.observed import Observed
from hooks.core.policy.decision_settings import Policy

PLACEHOLDER_ID: Final = NULL_GUID


def with_identity(
    observed: Observed, accounts: Iterable[ServiceAccount], policy: Policy
) -> Observed:
    """Return *observed* with missing IDs in its spec filled in from a ServiceAccount's annotations.

    If the ServiceAccount is not among *accounts*, its annotations are unknown. The client ID is
    then `PLACEHOLDER_ID`, and the tenant ID is the service's, or else `PLACEHOLDER_ID`.
    """
    binding = observed.binding
    if not isinstance(binding.spec, Spec) or not isinstance(
        binding.spec.identity, WorkloadIdentity
    ):
        return observed
    identity = binding.spec.identity
    name = identity.service_account_name or binding.service_account_name or ""
    account = {(a.namespace, a.name): a for a in accounts}.get((binding.namespace, name))
    if account is None:
        tenant = policy.tenant_id or PLACEHOLDER_ID
        account = ServiceAccount(
            name, binding.namespace, client_id=PLACEHOLDER_ID, tenant_id=tenant
        )
    filled = replace(
        identity,
        client_id=identity.client_id or account.client_id,
        tenant_id=identity.tenant_id or account.tenant_id,
    )
    spec = replace(binding.spec, identity=filled)
    return replace(observed, binding=replace(binding, spec=spec))


def is_unknown(identity: Identity | FederatedIdentity) -> bool:
    """True if an ID of *identity* is a placeholder."""
    if isinstance(identity, Identity):
        return False
    return PLACEHOLDER_ID in {identity.client_id, identity.tenant_id}
