"""Finds conflicts of a binding with other bindings and objects in the same file."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from hooks.core.account.ownership import foreign_controller
from hooks.core.model.cluster import Owner, ServiceAccount
from hooks.core.names import CLUSTER_KIND, KIND
from hooks.doctor.diagnosis import Diagnosis, Plan
from hooks.doctor.selection import SecretOwner, Selection


def with_conflicts(diagnoses: Iterable[Diagnosis], found: Selection) -> list[Diagnosis]:
    """Return *diagnoses*, each with its conflicts with other bindings and with objects in *found*.

    A Secret name already in use is a problem. A ServiceAccount of another controller is a note, and
    acrpull does not change the ServiceAccount.
    """
    known = [_with_owned_accounts(diagnosis, found.accounts) for diagnosis in diagnoses]
    return [_with_name_clashes(diagnosis, known, found.secrets) for diagnosis in known]


def _with_owned_accounts(diagnosis: Diagnosis, accounts: Iterable[ServiceAccount]) -> Diagnosis:
    plan = diagnosis.plan
    if plan is None:
        return diagnosis
    local = [a for a in accounts if a.namespace == diagnosis.namespace and a.name in plan.targets]
    owners = {a.name: (a, owner) for a in local if (owner := foreign_controller(a)) is not None}
    notes = tuple(_owned(account, owner, plan.secret_name) for account, owner in owners.values())
    children = tuple(
        child
        for child in plan.children
        if child["kind"] == "Secret" or child["metadata"]["name"] not in owners
    )
    plan = replace(plan, children=children)
    return replace(diagnosis, notes=(*diagnosis.notes, *notes), plan=plan)


def _owned(account: ServiceAccount, owner: Owner, secret: str) -> str:
    """Return the note on *account*, which the controller *owner* owns."""
    note = f"ServiceAccount {account.name} belongs to {owner.kind} {owner.name} and stays as it is"
    if secret in account.pull_secrets:
        return f"{note}. It lists Secret {secret} already."
    return (
        f"{note} (ServiceAccountOwned). List Secret {secret} in imagePullSecrets where "
        f"{owner.kind} {owner.name} defines the ServiceAccount."
    )


def _with_name_clashes(
    diagnosis: Diagnosis, known: Iterable[Diagnosis], secrets: Iterable[SecretOwner]
) -> Diagnosis:
    if diagnosis.plan is None:
        return diagnosis
    problems = tuple(dict.fromkeys(_name_clashes(diagnosis, diagnosis.plan, known, secrets)))
    return replace(diagnosis, problems=problems, plan=None) if problems else diagnosis


def _name_clashes(
    diagnosis: Diagnosis,
    plan: Plan,
    known: Iterable[Diagnosis],
    secrets: Iterable[SecretOwner],
) -> Iterator[str]:
    binding, secret = (diagnosis.kind, diagnosis.name), (diagnosis.namespace, plan.secret_name)
    for other in known:
        created = other.plan and (other.namespace, other.plan.secret_name)
        if created == secret and (other.kind, other.name) != binding:
            yield (
                f"Secret {plan.secret_name} would also be created by {other.kind} {other.name}, "
                "and only one binding can own it (SecretNameTaken). Rename one of the bindings."
            )
    for held in secrets:
        if (held.namespace, held.name) == secret and held.owner != binding:
            yield (
                f"Secret {plan.secret_name} is in this file and does not belong to the binding "
                "(SecretNameTaken). Delete the Secret, or rename the binding."
            )


def taken_names(diagnoses: Sequence[Diagnosis]) -> Iterator[str]:
    """Yield a note for each binding with the name of a ClusterACRPullBinding."""
    names = {d.name for d in diagnoses if d.kind == CLUSTER_KIND}
    for diagnosis in diagnoses:
        if diagnosis.kind == KIND and diagnosis.name in names:
            yield (
                f"ClusterACRPullBinding {diagnosis.name} creates no binding in Namespace "
                f"{diagnosis.namespace}, because ACRPullBinding {diagnosis.name} exists there "
                "(BindingNameTaken). Rename one of the two."
            )


def are_replaced(diagnoses: Iterable[Diagnosis]) -> bool:
    """True if two bindings give a ServiceAccount the same token, as during a rename."""
    plans = [(d.namespace, d.plan) for d in diagnoses if d.plan is not None]
    tokens = [(namespace, p.targets, p.request) for namespace, p in plans]
    return len(set(tokens)) < len(tokens)


def shared_registries(diagnoses: Iterable[Diagnosis]) -> Iterator[str]:
    """Yield a note for each ServiceAccount with different tokens for a single registry.

    A kubelet tries each token. Most other clients merge the Secrets into one entry per registry:
    google/go-containerregistry@046d56f:pkg/authn/kubernetes/keychain.go (NewFromPullSecrets)
    """
    groups: defaultdict[tuple[str | None, str], dict[tuple[str, str], Plan]] = defaultdict(dict)
    for diagnosis in diagnoses:
        plan = diagnosis.plan
        if plan is not None:
            key = (diagnosis.namespace, plan.request.server)
            groups[key][diagnosis.kind, str(diagnosis.name)] = plan
    for (namespace, server), own in groups.items():
        group = own if namespace is None else {**groups.get((None, server), {}), **own}
        every = {key: plan for key, plan in group.items() if plan.targets.every}
        if _differ(every) and every.keys() & own.keys():
            yield _shared(_accounts(namespace, None, every), server, every)
        names = dict.fromkeys(name for p in group.values() for name in sorted(p.targets.names))
        for name in names:
            plans = {key: plan for key, plan in group.items() if name in plan.targets}
            if _differ(plans) and plans.keys() & own.keys():
                yield _shared(_accounts(namespace, name, plans), server, plans)


def _accounts(namespace: str | None, name: str | None, plans: Iterable[tuple[str, str]]) -> str:
    """Return the subject of a note: the ServiceAccount *name*, or every ServiceAccount.

    *plans* has kind and name of each binding. *namespace* is None for ClusterACRPullBindings, whose
    selectors may overlap.
    """
    account = "every ServiceAccount" if name is None else f"ServiceAccount {name}"
    if namespace is None:
        return f"In a Namespace that all of these ClusterACRPullBindings select, {account}"
    selecting = " and ".join(name for kind, name in plans if kind == CLUSTER_KIND)
    if selecting:
        return f"If {CLUSTER_KIND} {selecting} selects Namespace {namespace}, {account}"
    if name is None:
        return f"Every ServiceAccount of Namespace {namespace}"
    return f"ServiceAccount {namespace}/{name}"


def _differ(plans: dict[tuple[str, str], Plan]) -> bool:
    """True if *plans* have different tokens."""
    return len({plan.request for plan in plans.values()}) > 1


def _shared(account: str, server: str, plans: dict[tuple[str, str], Plan]) -> str:
    """Return the note on *plans*, which give *account* several Secrets for *server*."""
    names = ", ".join(plan.secret_name for plan in plans.values())
    return (
        f"{account} gets {len(plans)} Secrets for {server}: {names}. A kubelet tries each of them. "
        "Most other readers (k8schain, Flux, Kaniko, Argo CD Image Updater) use only one Secret "
        f"per registry. {_remedy(plans)}"
    )


def _remedy(plans: dict[tuple[str, str], Plan]) -> str:
    """Return what the user can do for clients that use only one of the Secrets."""
    if len({str(plan.request.identity) for plan in plans.values()}) > 1:
        return "For them, use one binding with an identity that can pull all images."
    scopes = [plan.request.scope for plan in plans.values()]
    if None in scopes:
        name = next(name for (_, name), plan in plans.items() if plan.request.scope is None)
        return f"For them, use only binding {name}, which has no scope and covers the others."
    return f"For them, use one binding with this scope: {scope_union(map(str, scopes))}"


def scope_union(scopes: Iterable[str]) -> str:
    """Return a scope with all actions of *scopes*, each resource once."""
    actions: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for scope in " ".join(scopes).split():
        resource, _, verbs = scope.rpartition(":")
        actions[resource].update(dict.fromkeys(verbs.split(",")))
    return " ".join(f"{resource}:{','.join(verbs)}" for resource, verbs in actions.items())
