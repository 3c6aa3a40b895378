"""Identities that trust a ServiceAccount: which one is meant, and whose token is exchanged for it.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from shlex import quote
from typing import Final

from hooks.core.cloud import elsewhere
from hooks.core.cluster import ServiceAccount
from hooks.core.conditions import parse_time
from hooks.core.identity import FederatedIdentity, Identity, TrustedAccount, WorkloadIdentity
from hooks.core.model import Condition, Spec
from hooks.core.names import ACCOUNT_SUBJECT, CLIENT_ID_ANNOTATION, TENANT_ID_ANNOTATION
from hooks.core.observed import Observed
from hooks.core.policy import Policy
from hooks.core.reason import Reason
from hooks.core.token import MintFailed

# A Namespace and a tenant are parts of URLs, and may be nothing else.
NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
EXAMPLE: Final = "11111111-2222-3333-4444-555555555555"
FIELD: Final = "spec.workloadIdentity"
# "A few minutes", in which Entra may know a federated credential at one place and not at another.
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations#errors
PROPAGATION: Final = timedelta(minutes=10)
# Of a federated credential's name, in characters.
# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
MAX_NAME: Final = 120

Refusal = tuple[Reason, str]


def trusted(
    identity: Identity | WorkloadIdentity, observed: Observed, policy: Policy
) -> Identity | FederatedIdentity | Refusal:
    """Return the identity that a token is asked for, or why that can't be said."""
    if isinstance(identity, WorkloadIdentity) and not policy.workload_identity:
        return Reason.INVALID_SPEC, (
            f"{FIELD}: the service has it off; ask the cluster's owner for "
            f"WORKLOAD_IDENTITY=enabled, or give managedIdentityClientID, e.g. {EXAMPLE}"
        )
    spec = observed.binding.spec
    problem = elsewhere(spec, policy) if isinstance(spec, Spec) else None
    if problem is not None:
        return Reason.INVALID_SPEC, problem
    if isinstance(identity, WorkloadIdentity):
        return _by_account(identity, observed, policy)
    if not policy.own_token:
        return identity
    if identity.client_id is None or policy.tenant_id is None:
        return Reason.INVALID_SPEC, (
            "managedIdentityResourceID: of no use here, for the service gets tokens by its own "
            f"workload identity (IDENTITY_SOURCE); give managedIdentityClientID, e.g. {EXAMPLE}"
        )
    return FederatedIdentity(policy.tenant_id, identity.client_id, None)


def _by_account(
    asked: WorkloadIdentity, observed: Observed, policy: Policy
) -> FederatedIdentity | Refusal:
    """Return the identity that trusts the ServiceAccount which *asked* is about.

    A request by hand may leave it out; then it counts as one without annotations.
    """
    if not NAME.fullmatch(observed.binding.namespace):  # by hand, it may be any part of a URL
        return Reason.INVALID_SPEC, "metadata.namespace: not a name; e.g. team-a"
    name = asked.service_account_name or observed.binding.service_account_name or ""
    account = _find(name, observed)
    if account is None:
        return Reason.SERVICE_ACCOUNT_NOT_FOUND, (
            f"ServiceAccount {name}, whose token is to be exchanged, does not exist; create it, or "
            f"correct {FIELD if asked.service_account_name else 'spec'}.serviceAccountName, "
            "e.g. default"
        )
    client_id = asked.client_id or account.client_id
    if client_id is None or not GUID.fullmatch(client_id):
        return _unknown("clientID", CLIENT_ID_ANNOTATION, name, given=client_id is not None)
    tenant_id = asked.tenant_id or account.tenant_id or policy.tenant_id
    if tenant_id is None or not GUID.fullmatch(tenant_id):
        return _unknown("tenantID", TENANT_ID_ANNOTATION, name, given=tenant_id is not None)
    trust = TrustedAccount(observed.binding.namespace, name, account.uid)
    return FederatedIdentity(tenant_id, client_id, trust)


def _find(name: str, observed: Observed) -> ServiceAccount | None:
    namespace = observed.binding.namespace
    known = (*(observed.related or ()), *observed.accounts)
    by_hand = ServiceAccount(name, namespace) if observed.related is None else None
    return next((a for a in known if (a.namespace, a.name) == (namespace, name)), by_hand)


def _unknown(field: str, annotation: str, account: str, *, given: bool) -> Refusal:
    """Say that an ID is missing, or, where it was *given*, that the annotation holds none."""
    if given:
        start = f"annotation {annotation} of ServiceAccount {account} is no GUID; correct it"
    else:
        start = f"annotation {annotation} of ServiceAccount {account} is missing; set it"
    return Reason.INVALID_SPEC, f"{start}, or give {FIELD}.{field}, e.g. {EXAMPLE}"


def young(failed: MintFailed, before: Condition | None, now: datetime) -> MintFailed:
    """Return *failed*; a credential that Entra does not know may be one that it does not know yet.

    *before* is the condition that says since when it fails, be it first for another reason: then it
    is called wrong sooner, and tried again all the same.
    """
    if failed.reason is not Reason.FEDERATION_REFUSED:
        return failed
    refused = {Reason.FEDERATION_PENDING, Reason.FEDERATION_REFUSED}
    known = before is not None and before.status == "False" and before.reason in refused
    since = parse_time(before.last_transition_time) if before is not None and known else None
    if since is not None and now - since >= PROPAGATION:
        return failed
    return replace(failed, reason=Reason.FEDERATION_PENDING)


def subject(account: TrustedAccount) -> str:
    """Return the `sub` of *account*'s tokens."""
    return f"{ACCOUNT_SUBJECT}{account.namespace}:{account.name}"


def trust_command(issuer: str, about: str, audience: str) -> str:
    """Return what lets an identity trust *about*, a subject; *issuer* is a word of a shell's.

    Words in capitals are the user's to fill in.
    https://learn.microsoft.com/cli/azure/identity/federated-credential#az-identity-federated-credential-create
    """
    name = re.sub(r"[^-A-Za-z0-9]+", "-", about.removeprefix(ACCOUNT_SUBJECT))[:MAX_NAME]
    return (
        f"az identity federated-credential create --name {name.strip('-') or 'acrpull'} "
        f"--identity-name IDENTITY --resource-group GROUP --issuer {issuer} "
        f"--subject {quote(about)} --audiences {quote(audience)}"
    )
