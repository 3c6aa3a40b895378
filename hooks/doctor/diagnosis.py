"""What is wrong with a binding's manifest, or what would come of it. No I/O, no clock."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hooks.core import answer, binding
from hooks.core.apis import api_of
from hooks.core.cluster import Namespace, ServiceAccount
from hooks.core.decision import Mint, decide, resolve
from hooks.core.fields import JSON
from hooks.core.identity import FederatedIdentity
from hooks.core.model import Spec
from hooks.core.names import IDENTITIES_ANNOTATION, SERVERS_ANNOTATION
from hooks.core.observed import Observed
from hooks.core.permission import ANY
from hooks.core.policy import Policy
from hooks.core.request import parse_observed
from hooks.core.token import AcrToken, TokenRequest
from hooks.doctor.target import left_alone
from hooks.doctor.workload import identified
from hooks.schemas import check_manifest, check_spec, prune, version_of

PLACEHOLDER: Final = "<token>"
# No child depends on the time, so the same manifest has the same diagnosis.
SOME_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
TOKEN: Final = AcrToken(PLACEHOLDER, SOME_TIME, SOME_TIME + timedelta(hours=3))

NO_NAMESPACE: Final = (
    "metadata.namespace is missing: kubectl puts the binding into its context's, here it is default"
)
OTHER_SETTINGS: Final = "judged by the settings in this environment: give it those of the service"
MORE_THAN_PULL: Final = "spec.scope asks for more than pull: give the identity a role that has it"


@dataclass(frozen=True, slots=True)
class Plan:
    """What would come of a binding. The children are as the service would answer them."""

    secret_name: str
    service_account_name: str
    request: TokenRequest
    default_server: bool
    default_identity: bool
    children: tuple[JSON, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What there is to say of a binding; *accepted* says that an API server would store it.

    *plan* is None where there are problems.
    """

    kind: str
    name: str | None
    namespace: str | None
    accepted: bool
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    plan: Plan | None = None


def diagnose(
    manifest: JSON,
    policy: Policy,
    namespaces: Iterable[Namespace] = (),
    accounts: Collection[ServiceAccount] = (),
) -> Diagnosis:
    """Return what there is to say of *manifest*, a binding, under the service's *policy*.

    Its Namespace counts as far as it is among *namespaces*, and the ServiceAccount of its identity
    as far as that is among *accounts*.
    """
    manifest = prune(manifest)
    meta = manifest.get("metadata")
    named = meta if isinstance(meta, dict) else {}
    name, namespace = _text(named.get("name")), _text(named.get("namespace"))
    api = api_of(version_of(manifest))
    found = check_manifest(manifest)
    if found.problems:
        return Diagnosis(api.kind, name, namespace, found.stored, found.problems)
    observed, unread = identified(_observe(manifest), accounts, policy)
    where = observed.binding.namespace
    policy = replace(policy, namespace={n.name: n for n in namespaces}.get(where))
    problems = tuple(dict.fromkeys(map(api.worded, _refusals(observed, policy))))
    if problems:
        return Diagnosis(
            api.kind, name, namespace, accepted=True, problems=problems, notes=(OTHER_SETTINGS,)
        )
    plan = _plan(observed, policy)
    notes = (*_notes(namespace, plan.request), *unread, *_unseen(where, plan.request, policy))
    owned = left_alone(observed.binding, accounts, plan.secret_name)
    if owned is not None:
        notes = (*notes, owned)
        plan = replace(plan, children=plan.children[:1])  # the Secret
    return Diagnosis(api.kind, name, where, True, notes=tuple(map(api.worded, notes)), plan=plan)


def _text(value: Any) -> str | None:  # noqa: ANN401  any JSON value
    return value if isinstance(value, str) else None


def _observe(manifest: JSON) -> Observed:
    """Return *manifest* as the service sees it once it is made, and nothing around it."""
    meta = {key: manifest["metadata"].get(key) for key in ("name", "namespace")}
    return parse_observed({"parent": {**manifest, "metadata": meta, "status": {}}}, check_spec)


def _refusals(observed: Observed, policy: Policy) -> Iterator[str]:
    """Yield why the service would not mint: for the server that is asked for, then for any."""
    suffix = policy.acr_server_suffixes[0]
    server = suffix if ":" in suffix else f"registry.{suffix}"
    asked, namespace = observed.binding, policy.namespace
    spec = asked.spec
    variants = [(asked, policy)]
    if isinstance(spec, Spec):
        anywhere = replace(namespace, servers=(ANY,)) if namespace else None
        allowed = replace(asked, spec=replace(spec, server=server))
        variants.append((allowed, replace(policy, namespace=anywhere)))
    for variant, terms in variants:
        outcome = resolve(replace(observed, binding=variant), terms)
        if not isinstance(outcome, TokenRequest):
            yield outcome.message


def _plan(observed: Observed, policy: Policy) -> Plan:
    decision = decide(observed, policy, SOME_TIME)
    if not isinstance(decision, Mint):
        raise TypeError(f"{decision} of a new binding whose spec resolves")
    result = binding.sync(observed, decision, TOKEN, policy, SOME_TIME)
    asked = observed.binding
    spec = asked.spec
    return Plan(
        secret_name=asked.secret_name,
        service_account_name=asked.service_account_name or "",
        request=decision.request,
        default_server=isinstance(spec, Spec) and spec.server is None,
        default_identity=isinstance(spec, Spec) and spec.identity is None,
        children=tuple(answer.new_answer(asked, result, finalizing=False)["children"]),
    )


def _notes(namespace: str | None, request: TokenRequest) -> Iterator[str]:
    if namespace is None:
        yield NO_NAMESPACE
    scopes = (request.scope or "").split()
    if any(scope.rpartition(":")[2] != "pull" for scope in scopes):
        yield MORE_THAN_PULL


def _unseen(namespace: str, request: TokenRequest, policy: Policy) -> Iterator[str]:
    """Yield what has to be so in a *namespace* that *policy* does not know."""
    if policy.namespace is not None:
        return
    yield (
        f"the annotations of Namespace {namespace} are not looked at: give its manifest in the "
        "same file"
    )
    if policy.namespace_required:
        federated = isinstance(request.identity, FederatedIdentity) and request.identity.account
        who = () if federated else (f"{IDENTITIES_ANNOTATION} must list {request.identity}",)
        what = (*who, f"{SERVERS_ANNOTATION} must list {request.server}")
        yield f"NAMESPACE_POLICY=required: on Namespace {namespace}, {', and '.join(what)}"
