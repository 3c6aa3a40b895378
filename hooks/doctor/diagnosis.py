"""Diagnoses a binding's manifest: its problems, or the objects that acrpull would create.

No I/O, no clock.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hooks.core.apis import api_of
from hooks.core.exchange.federation import token_account
from hooks.core.fields import JSON
from hooks.core.model.binding import Spec
from hooks.core.model.cluster import Namespace, ServiceAccount
from hooks.core.model.identity import FederatedIdentity, Identity, WorkloadIdentity
from hooks.core.model.targets import Targets
from hooks.core.model.token import AcrToken, TokenRequest
from hooks.core.names import NULL_GUID
from hooks.core.observed import Observed
from hooks.core.policy.decision_settings import Policy
from hooks.core.policy.permission import ANY
from hooks.core.renewal.decision import Mint, decide
from hooks.core.renewal.resolve import Wanted, resolve
from hooks.core.sync import sync
from hooks.core.wire.request import parse_observed
from hooks.core.wire.response import new_answer
from hooks.doctor.hints import (
    fork_fields,
    regional_endpoint,
    several_accounts,
    with_swapped_fields,
)
from hooks.schemas import check_manifest, check_spec, prune, version_of

PLACEHOLDER_ID: Final = NULL_GUID  # of an unknown client or tenant
# No child depends on the time, so any instant will do.
SOME_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
PLACEHOLDER_TOKEN: Final = AcrToken("<token>", SOME_TIME, SOME_TIME + timedelta(hours=3))

MORE_THAN_PULL: Final = (
    "spec.scope has other actions than pull. The role of the identity must allow them."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The result of a binding without problems. acrpull would return *children*."""

    secret_name: str
    targets: Targets
    request: TokenRequest
    default_server: bool
    default_identity: bool
    children: tuple[JSON, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The problems and notes of a binding. *plan* is None if there are problems.

    *accepted* is True if an API server would accept the manifest. *refused* is True if acrpull
    would reject the accepted binding under its settings.
    """

    kind: str
    name: str | None
    namespace: str | None
    accepted: bool
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    plan: Plan | None = None
    refused: bool = False


def diagnose(
    manifest: JSON,
    policy: Policy,
    namespaces: Iterable[Namespace] = (),
    accounts: Iterable[ServiceAccount] = (),
) -> Diagnosis:
    """Return the diagnosis of *manifest*, a binding, under the service's *policy*.

    *namespaces* (allow-lists) and *accounts* (annotations with IDs) are from the same file.
    """
    manifest = prune(manifest)
    meta = manifest.get("metadata")
    named = meta if isinstance(meta, dict) else {}
    name, namespace = _text(named.get("name")), _text(named.get("namespace"))
    found = check_manifest(manifest)
    if found.problems:
        problems = with_swapped_fields(manifest, found.problems)
        notes = (*fork_fields(manifest), *several_accounts(manifest))
        kind = api_of(version_of(manifest)).kind
        return Diagnosis(kind, name, namespace, found.stored, problems, notes)
    return diagnose_valid(manifest, policy, namespaces, accounts)


def diagnose_valid(
    manifest: JSON,
    policy: Policy,
    namespaces: Iterable[Namespace] = (),
    accounts: Iterable[ServiceAccount] = (),
) -> Diagnosis:
    """Return the diagnosis of *manifest*, a valid binding, like `diagnose`."""
    api, name = api_of(version_of(manifest)), manifest["metadata"]["name"]
    observed = _with_identity(_observe(manifest), accounts, policy)
    where = observed.binding.namespace
    within = replace(observed, namespace={n.name: n for n in namespaces}.get(where))
    problems = tuple(dict.fromkeys(map(api.in_terms_of_api, _refusals(within, policy))))
    if problems:
        return Diagnosis(api.kind, name, where, accepted=True, problems=problems, refused=True)
    plan = _plan(observed, resolve(within, policy), policy)
    notes = tuple(map(api.in_terms_of_api, _notes(plan.request)))
    return Diagnosis(api.kind, name, where, accepted=True, notes=notes, plan=plan)


def is_unknown(identity: Identity | FederatedIdentity) -> bool:
    """True if an ID of *identity* is a placeholder."""
    if isinstance(identity, Identity):
        return False
    return PLACEHOLDER_ID in {identity.client_id, identity.tenant_id}


def _text(value: Any) -> str | None:  # noqa: ANN401  any JSON value
    return value if isinstance(value, str) else None


def _observe(manifest: JSON) -> Observed:
    """Return the observed state just after the creation of *manifest*, without other objects."""
    meta = {key: manifest["metadata"].get(key) for key in ("name", "namespace")}
    return parse_observed({"parent": {**manifest, "metadata": meta, "status": {}}}, check_spec)


def _with_identity(
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
    name = token_account(identity, binding)
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


def _refusals(observed: Observed, policy: Policy) -> Iterator[str]:
    """Yield why acrpull would request no token.

    `resolve` returns only the first reason, so a rejected server hides a rejected identity. The
    second try has a server that is always allowed.
    """
    suffix = policy.acr_server_suffixes[0]
    server = suffix if ":" in suffix else f"registry.{suffix}"
    asked, namespace = observed.binding, observed.namespace
    spec = asked.spec
    variants = [observed]
    if isinstance(spec, Spec):
        anywhere = replace(namespace, servers={ANY}) if namespace else None
        allowed = replace(asked, spec=replace(spec, server=server))
        variants.append(replace(observed, binding=allowed, namespace=anywhere))
    for variant in variants:
        outcome = resolve(variant, policy)
        if not isinstance(outcome, TokenRequest):
            yield outcome.message


def _plan(observed: Observed, wanted: Wanted, policy: Policy) -> Plan:
    decision = decide(observed, wanted, policy, SOME_TIME)
    if not isinstance(decision, Mint):
        raise TypeError(f"{decision} of a new binding whose spec resolves")
    answer = sync(observed, wanted, decision, PLACEHOLDER_TOKEN, policy, SOME_TIME)
    asked = observed.binding
    spec = asked.spec
    return Plan(
        secret_name=asked.secret_name,
        targets=asked.targets or Targets(frozenset()),
        request=decision.request,
        default_server=isinstance(spec, Spec) and spec.server is None,
        default_identity=isinstance(spec, Spec) and spec.identity is None,
        children=tuple(new_answer(asked, answer, finalizing=False)["children"]),
    )


def _notes(request: TokenRequest) -> Iterator[str]:
    scopes = (request.scope or "").split()
    if any(scope.rpartition(":")[2] != "pull" for scope in scopes):
        yield MORE_THAN_PULL
    yield from regional_endpoint(request.server)
