"""Notes on a whole file: skipped checks, and settings to consider. No I/O."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from hooks.core.apis import api_of
from hooks.core.fields import JSON
from hooks.core.model.identity import FederatedIdentity
from hooks.core.model.token import TokenRequest
from hooks.core.names import (
    CLIENT_ID_ANNOTATION,
    CLUSTER_KIND,
    FEDERATION_AUDIENCE,
    IDENTITIES_ANNOTATION,
    SERVERS_ANNOTATION,
    TENANT_ID_ANNOTATION,
    UPSTREAM_V1BETA2,
)
from hooks.doctor.cluster_diagnosis import UNREAD, is_cluster_binding
from hooks.doctor.conflicts import are_replaced, shared_registries, taken_names
from hooks.doctor.diagnosis import PLACEHOLDER_ID, Diagnosis, Plan
from hooks.doctor.selection import Selection
from hooks.schemas import version_of
from hooks.settings.environment import Settings

# Variables that make azure-identity call another endpoint than IMDS.
# azure-sdk-for-python@azure-identity_1.27.0:azure/identity/_credentials/managed_identity.py
OTHER_SOURCES: Final = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")
# The default of --service-account-token-audience.
# msi-acrpull@61a198f:cmd/main.go
UPSTREAM_AUDIENCE: Final = "api://AzureCRTokenExchange"
OTHER_SETTINGS: Final = (
    "The settings in this environment were used. Set the variables of the service here, e.g. "
    "ALLOWED_ACR_SERVER_SUFFIXES=azurecr.us, or run the doctor in acrpull's Pod: "
    "kubectl -n acrpull-system exec -i deploy/acrpull -- python -m hooks.doctor - < binding.yaml"
)
UNSERVED: Final = (
    "UPSTREAM_APIS=disabled: acrpull does not serve bindings of msi-acrpull. Add the component "
    "metacontroller/upstream, which enables them."
)
AUDIENCE: Final = (
    f"msi-acrpull uses the audience {UPSTREAM_AUDIENCE} by default. To keep federated credentials "
    f"with that audience, set SERVICE_ACCOUNT_TOKEN_AUDIENCE={UPSTREAM_AUDIENCE} and the same "
    "audience in the policy acrpull-token-requests (see docs/migrating.md). Otherwise each "
    "identity needs a second credential."
)
REPLACED: Final = (
    "Two bindings give a ServiceAccount the same token. If one replaces the other, restart the "
    "Pods before you delete the old binding, because running Pods name the old Secret (see "
    "docs/operations.md)."
)
TEMPLATE: Final = (
    'The file contains "{{" and looks like a template. Render it first, e.g. with helm template.'
)


def file_notes(
    diagnoses: list[Diagnosis], found: Selection, settings: Settings, environ: Mapping[str, str]
) -> Iterator[str]:
    """Yield the notes on a file with the objects *found*, each note once for all bindings."""
    yield from _other_sources(environ)
    versions = {version_of(binding) for binding in found.bindings}
    if any(api_of(version) not in settings.apis for version in versions):
        yield UNSERVED
    if any(diagnosis.refused for diagnosis in diagnoses):
        yield OTHER_SETTINGS
    if settings.federation.audience == FEDERATION_AUDIENCE and any(
        map(_has_upstream_credential, found.bindings)
    ):
        yield AUDIENCE
    yield from _assumed_namespace(b for b in found.bindings if not is_cluster_binding(b))
    yield from _unread_accounts(d.plan for d in diagnoses if d.plan)
    namespaced = [d for d in diagnoses if d.kind != CLUSTER_KIND]
    plans = [(str(d.namespace), d.plan) for d in namespaced if d.plan]
    yield from _unread_namespaces(plans, found, required=settings.policy.namespace_required)
    if any(d.kind == CLUSTER_KIND and d.plan for d in diagnoses):
        yield UNREAD
    yield from shared_registries(diagnoses)
    yield from taken_names(diagnoses)
    if are_replaced(namespaced):
        yield REPLACED


def _other_sources(environ: Mapping[str, str]) -> Iterator[str]:
    for name in OTHER_SOURCES:
        if environ.get(name):
            yield f"{name} is set, so azure-identity calls that endpoint instead of IMDS. Unset it."


def _has_upstream_credential(binding: JSON) -> bool:
    """True if *binding* is of msi-acrpull's v1beta2 and has a workload identity."""
    spec = binding.get("spec")
    auth = spec.get("auth") if isinstance(spec, dict) else None
    return (
        version_of(binding) == UPSTREAM_V1BETA2
        and isinstance(auth, dict)
        and "workloadIdentity" in auth
    )


def _assumed_namespace(bindings: Iterable[JSON]) -> Iterator[str]:
    metas = (binding.get("metadata") for binding in bindings)
    names = [
        str(meta["name"])
        for meta in metas
        if isinstance(meta, dict) and meta.get("name") and not meta.get("namespace")
    ]
    if names:
        yield (
            f'{", ".join(names)}: metadata.namespace is not set, so "default" is assumed '
            "(kubectl uses the namespace of its context)."
        )


def _unread_accounts(plans: Iterable[Plan]) -> Iterator[str]:
    """Yield a note for each ServiceAccount with unknown annotations and a missing ID."""
    for identity in dict.fromkeys(plan.request.identity for plan in plans):
        if isinstance(identity, FederatedIdentity):
            ids = {
                CLIENT_ID_ANNOTATION: identity.client_id,
                TENANT_ID_ANNOTATION: identity.tenant_id,
            }
            unknown = [key for key, value in ids.items() if value == PLACEHOLDER_ID]
            if unknown:
                yield (
                    f"ServiceAccount {identity.account} is not in this file, so its annotations "
                    f"were not read ({', '.join(unknown)}). {PLACEHOLDER_ID} stands for the ID."
                )


def _unread_namespaces(
    plans: Iterable[tuple[str, Plan]], found: Selection, *, required: bool
) -> Iterator[str]:
    """Yield a note on Namespaces outside the file, and if *required*, on their allow-lists."""
    read = {namespace.name for namespace in found.namespaces}
    unread: defaultdict[str, list[TokenRequest]] = defaultdict(list)
    for name, plan in plans:
        if name not in read:
            unread[name].append(plan.request)
    if unread:
        names = ", ".join(unread)
        yield (
            f"Namespace {names} is not in this file, so its allow-lists were not checked."
            if len(unread) == 1
            else f"Namespaces {names} are not in this file, so their allow-lists were not checked."
        )
    for name, requests in unread.items() if required else ():
        lists = {
            IDENTITIES_ANNOTATION: [str(r.identity) for r in requests if not _is_federated(r)],
            SERVERS_ANNOTATION: [r.server for r in requests],
        }
        needed = (f"{key}={','.join(dict.fromkeys(v))}" for key, v in lists.items() if v)
        yield f"NAMESPACE_POLICY=required: Namespace {name} needs {' and '.join(needed)}"


def _is_federated(request: TokenRequest) -> bool:
    """True if Entra issues tokens of the identity only for ServiceAccounts with a credential.

    The Namespace's list of identities does not apply then.
    """
    identity = request.identity
    return isinstance(identity, FederatedIdentity) and identity.account is not None
