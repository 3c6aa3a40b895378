"""Which identity a binding by workload identity means, as far as a file shows it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from hooks.core.cluster import ServiceAccount
from hooks.core.identity import FederatedIdentity, Identity, WorkloadIdentity
from hooks.core.model import Spec
from hooks.core.names import CLIENT_ID_ANNOTATION, TENANT_ID_ANNOTATION
from hooks.core.observed import Observed
from hooks.core.policy import Policy

STAND_IN: Final = "00000000-0000-0000-0000-000000000000"


def identified(
    observed: Observed, accounts: Iterable[ServiceAccount], policy: Policy
) -> tuple[Observed, tuple[str, ...]]:
    """Return *observed* with the IDs that one of *accounts* gives its spec, and what to note.

    Where the ServiceAccount is not among them, its IDs have a stand-in.
    """
    binding = observed.binding
    if not isinstance(binding.spec, Spec) or not isinstance(
        binding.spec.identity, WorkloadIdentity
    ):
        return observed, ()
    asked = binding.spec.identity
    name = asked.service_account_name or binding.service_account_name or ""
    account = {(a.namespace, a.name): a for a in accounts}.get((binding.namespace, name))
    notes = () if account else tuple(_notes(asked, f"{binding.namespace}/{name}", policy))
    if account is None:
        tenant = policy.tenant_id or STAND_IN
        account = ServiceAccount(name, binding.namespace, client_id=STAND_IN, tenant_id=tenant)
    filled = replace(
        asked,
        client_id=asked.client_id or account.client_id,
        tenant_id=asked.tenant_id or account.tenant_id,
    )
    spec = replace(binding.spec, identity=filled)
    return replace(observed, binding=replace(binding, spec=spec)), notes


def is_unknown(identity: Identity | FederatedIdentity) -> bool:
    """Say whether a part of *identity* is but a stand-in."""
    if isinstance(identity, Identity):
        return False
    return STAND_IN in {identity.client_id, identity.tenant_id}


def _notes(asked: WorkloadIdentity, account: str, policy: Policy) -> Iterator[str]:
    unknown = {
        CLIENT_ID_ANNOTATION: asked.client_id,
        TENANT_ID_ANNOTATION: asked.tenant_id or policy.tenant_id,
    }
    for annotation, known in unknown.items():
        if known is None:
            yield (
                f"the annotation {annotation} of ServiceAccount {account} is not looked at, and "
                f"{STAND_IN} stands for it: give its manifest in the same file"
            )
