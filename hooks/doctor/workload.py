"""The identity of a binding with a workload identity, if the file has its ServiceAccount."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from hooks.core.model.binding import Spec
from hooks.core.model.cluster import ServiceAccount
from hooks.core.model.identity import FederatedIdentity, Identity, WorkloadIdentity
from hooks.core.names import NULL_GUID
from hooks.core.observed import Observed
from hooks.core.policy.policy import Policy

PLACEHOLDER_ID: Final = NULL_GUID


def with_identity(
    observed: Observed, accounts: Iterable[ServiceAccount], policy: Policy
) -> Observed:
    """Return *observed* with the IDs in its spec that annotations of one of *accounts* have.

    If the ServiceAccount is not among *accounts*, unknown IDs are `PLACEHOLDER_ID`.
    """
    binding = observed.binding
    if not isinstance(binding.spec, Spec) or not isinstance(
        binding.spec.identity, WorkloadIdentity
    ):
        return observed
    asked = binding.spec.identity
    name = asked.service_account_name or binding.service_account_name or ""
    account = {(a.namespace, a.name): a for a in accounts}.get((binding.namespace, name))
    if account is None:
        tenant = policy.tenant_id or PLACEHOLDER_ID
        account = ServiceAccount(
            name, binding.namespace, client_id=PLACEHOLDER_ID, tenant_id=tenant
        )
    filled = replace(
        asked,
        client_id=asked.client_id or account.client_id,
        tenant_id=asked.tenant_id or account.tenant_id,
    )
    spec = replace(binding.spec, identity=filled)
    return replace(observed, binding=replace(binding, spec=spec))


def is_unknown(identity: Identity | FederatedIdentity) -> bool:
    """True if an ID of *identity* is a placeholder."""
    if isinstance(identity, Identity):
        return False
    return PLACEHOLDER_ID in {identity.client_id, identity.tenant_id}
