"""The federated identity of a binding, and the ServiceAccount that the identity trusts.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from shlex import quote
from typing import Final

from hooks.core.model.binding import Binding, Condition, Spec
from hooks.core.model.cluster import ServiceAccount
from hooks.core.model.identity import FederatedIdentity, Identity, TrustedAccount, WorkloadIdentity
from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed
from hooks.core.names import ACCOUNT_SUBJECT, CLIENT_ID_ANNOTATION, TENANT_ID_ANNOTATION
from hooks.core.observed import Observed
from hooks.core.policy.cloud import wrong_cloud
from hooks.core.policy.decision_settings import Policy

# The Namespace and the tenant ID become parts of URLs, so other characters are rejected.
NAMESPACE_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
EXAMPLE: Final = "11111111-2222-3333-4444-555555555555"
FIELD: Final = "spec.workloadIdentity"
# Time until all of Entra knows a new federated credential. Microsoft says "a few minutes".
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations#errors
PROPAGATION: Final = timedelta(minutes=10)
# Maximum length of a federated credential's name, in characters.
# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
MAX_NAME: Final = 120
# An annotation's key. https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/
KEY: Final = re.compile(r"[-./_A-Za-z0-9]{1,317}")
# Minimum similarity of the letters of a key and its misspelling, from 0 to 1: two letters of 29 may
# differ, but "tenant" does not match "client".
SAME_KEY: Final = 0.93
MAX_KEYS: Final = 100  # far more annotations than a ServiceAccount has

Unresolved = tuple[Reason, str]


def resolve_identity(
    identity: Identity | WorkloadIdentity, observed: Observed, policy: Policy
) -> Identity | FederatedIdentity | Unresolved:
    """Return the identity to request a token for, or the reason and message if there is none."""
    if isinstance(identity, WorkloadIdentity) and not policy.workload_identity:
        return Reason.INVALID_SPEC, (
            "Workload identity is disabled. Ask a cluster administrator to set "
            "WORKLOAD_IDENTITY=enabled, or set spec.managedIdentityClientID in place of "
            f"{FIELD}, e.g. {EXAMPLE}"
        )
    spec = observed.binding.spec
    problem = wrong_cloud(spec, policy) if isinstance(spec, Spec) else None
    if problem is not None:
        return Reason.INVALID_SPEC, problem
    if isinstance(identity, WorkloadIdentity):
        return _by_account(identity, observed, policy)
    if not policy.own_token:
        return identity
    if identity.client_id is None or policy.tenant_id is None:
        return Reason.INVALID_SPEC, (
            "spec.managedIdentityResourceID is not supported with IDENTITY_SOURCE=workload. Set "
            f"spec.managedIdentityClientID instead, e.g. {EXAMPLE}"
        )
    return FederatedIdentity(policy.tenant_id, identity.client_id, None)


def token_account(asked: WorkloadIdentity, binding: Binding) -> str:
    """Return the name of the ServiceAccount with the token for *asked*, or "" without a name."""
    return asked.service_account_name or (binding.targets and binding.targets.only) or ""


def _by_account(
    asked: WorkloadIdentity, observed: Observed, policy: Policy
) -> FederatedIdentity | Unresolved:
    """Return the identity that trusts the ServiceAccount named in *asked*.

    A hand-written request may omit the ServiceAccount. acrpull then assumes no annotations.
    """
    namespace = observed.binding.namespace
    if not NAMESPACE_NAME.fullmatch(namespace):  # a hand-written request can contain any text
        return Reason.INVALID_SPEC, "metadata.namespace is not a valid name. Fix it, e.g. team-a"
    name = token_account(asked, observed.binding)
    account = _find(name, observed)
    if account is None:
        field = FIELD if asked.service_account_name else "spec"
        return Reason.SERVICE_ACCOUNT_NOT_FOUND, (
            f'ServiceAccount "{name}", whose token is exchanged, was not found. Create it, or fix '
            f"{field}.serviceAccountName, e.g. default"
        )
    client_id = asked.client_id or account.client_id
    if client_id is None or not GUID.fullmatch(client_id):
        return _unknown("clientID", CLIENT_ID_ANNOTATION, account, given=client_id is not None)
    tenant_id = asked.tenant_id or account.tenant_id or policy.tenant_id
    if tenant_id is None or not GUID.fullmatch(tenant_id):
        given = (tenant_id or account.tenant_id) is not None
        return _unknown("tenantID", TENANT_ID_ANNOTATION, account, given=given)
    trust = TrustedAccount(namespace, name, account.uid)
    return FederatedIdentity(tenant_id, client_id, trust)


def _find(name: str, observed: Observed) -> ServiceAccount | None:
    namespace = observed.binding.namespace
    known = (*(observed.related or ()), *observed.accounts)
    by_hand = ServiceAccount(name, namespace) if observed.related is None else None
    return next((a for a in known if (a.namespace, a.name) == (namespace, name)), by_hand)


def _unknown(field: str, annotation: str, account: ServiceAccount, *, given: bool) -> Unresolved:
    """Return the reason and message for a missing ID or, if *given*, for an invalid GUID."""
    start = f'The annotation "{annotation}" of ServiceAccount "{account.name}" is'
    if given:
        start = f"{start} not a GUID. Fix it"
    elif other := _misspelled(annotation, account.annotations):
        start = f'{start} missing, but "{other}" is set. Rename that annotation'
    else:
        start = f"{start} missing. Set it"
    return Reason.INVALID_SPEC, f"{start}, or set {FIELD}.{field}, e.g. {EXAMPLE}"


def _misspelled(annotation: str, keys: Iterable[str]) -> str | None:
    """Return the key in *keys* that misspells *annotation*, or None.

    Each comparison is slow, so only `MAX_KEYS` keys are compared.
    https://github.com/Azure/azure-workload-identity/issues/1026
    """
    others = sorted(key for key in keys if key != annotation and KEY.fullmatch(key))
    spelled = {_letters(key): key for key in others[:MAX_KEYS]}
    found = get_close_matches(_letters(annotation), spelled, 1, SAME_KEY)
    return spelled[found[0]] if found else None


def _letters(key: str) -> str:
    return re.sub("[^a-z]", "", key.lower())


def pending_if_new(failed: MintFailed, before: Condition | None, now: datetime) -> MintFailed:
    """Return *failed* as `FederationPending` while a missing credential may still be new.

    *before* is the condition RenewalHealthy of the previous response. Its transition time counts
    only if the credential was already missing then.
    """
    if failed.reason is not Reason.FEDERATION_REFUSED:
        return failed
    refused = {Reason.FEDERATION_PENDING, Reason.FEDERATION_REFUSED}
    known = before is not None and before.status == "False" and before.reason in refused
    since = before.last_transition_time if before is not None and known else None
    if since is not None and now - since >= PROPAGATION:
        return failed
    return replace(failed, reason=Reason.FEDERATION_PENDING)


def subject(account: TrustedAccount) -> str:
    """Return the `sub` claim of *account*'s tokens."""
    return f"{ACCOUNT_SUBJECT}{account.namespace}:{account.name}"


def trust_command(issuer: str, about: str, audience: str) -> str:
    """Return the Azure CLI command to make an identity trust the subject *about*.

    *issuer* is already quoted for a shell. The user replaces the words in capitals.
    https://learn.microsoft.com/cli/azure/identity/federated-credential#az-identity-federated-credential-create
    """
    name = re.sub(r"[^-A-Za-z0-9]+", "-", about.removeprefix(ACCOUNT_SUBJECT))[:MAX_NAME]
    return (
        f"az identity federated-credential create --name {name.strip('-') or 'acrpull'} "
        f"--identity-name IDENTITY --resource-group GROUP --issuer {issuer} "
        f"--subject {quote(about)} --audiences {quote(audience)}"
    )
