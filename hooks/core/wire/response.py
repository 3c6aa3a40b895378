"""Builds the response bodies of the hooks for bindings, ServiceAccounts and Secrets.

Objects contain only fields owned by acrpull, because Metacontroller merges the fields into the
cluster's objects. If a response omits a map from the previous response, Metacontroller removes the
map, including the keys of other clients. Therefore the responses keep empty maps.
metacontroller@v4.17.2:pkg/dynamic/apply/apply.go:114

The keys are defined in metacontroller@v4.17.2:pkg/controller/composite/api/v2/hooks.go and
decorator/api/v2/hooks.go. Metacontroller's v2 API rejects other keys.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from hooks.core.account.attachment import DesiredServiceAccount
from hooks.core.account.decoration import Decoration
from hooks.core.account.relation import is_secret_name, target_label
from hooks.core.apis import api_of
from hooks.core.apis.api import DEFAULT_NAME, Api
from hooks.core.fields import JSON
from hooks.core.model.binding import Binding, Condition, Spec, Status
from hooks.core.model.cluster import OwnedSecret, Owner, PullSecret, ServiceAccount
from hooks.core.model.identity import WorkloadIdentity
from hooks.core.model.targets import Targets
from hooks.core.names import (
    ADMISSION_GROUP,
    ADMISSION_POLICY,
    ADMISSION_RESOURCES,
    ALL_TARGETS_LABEL,
    ATTACHED_ANNOTATION,
    DOCKER_CONFIG_KEY,
    INPUTS_ANNOTATION,
    MAX_MESSAGE_LENGTH,
    SECRET_TYPE,
)
from hooks.core.rfc3339 import format_time
from hooks.core.sync import Answer
from hooks.core.wire import dockerconfig


def new_answer(binding: Binding, answer: Answer, *, finalizing: bool) -> JSON:
    """Return the response body of `/sync`, or of `/finalize` if *finalizing*."""
    children = [new_service_account(account) for account in answer.accounts]
    if answer.secret is not None:
        children.insert(0, new_pull_secret(binding.namespace, answer.secret))
    body = {
        "status": new_status_fields(binding, answer.status),
        "children": children,
        "resyncAfterSeconds": answer.resync_after_seconds,
    }
    return {**body, "finalized": answer.finalized} if finalizing else body


def new_pull_secret(namespace: str, secret: PullSecret) -> JSON:
    """Return the Secret. Without a token, the Secret lists no registry."""
    inputs = {} if secret.inputs is None else {INPUTS_ANNOTATION: secret.inputs}
    data = secret.changed_data or dockerconfig.encode(secret.server, secret.token)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret.name,
            "namespace": namespace,
            "labels": {**secret.template.labels, **secret.targets},
            "annotations": {**secret.template.annotations, **inputs},
        },
        "type": SECRET_TYPE,
        "data": {DOCKER_CONFIG_KEY: data},
    }


def new_service_account(account: DesiredServiceAccount) -> JSON:
    """Return the ServiceAccount.

    An empty imagePullSecrets list is included only if the ServiceAccount has entries to remove. The
    API server stores no empty list, so Metacontroller would find a difference at every sync.
    """
    attached = ",".join(account.attached)
    meta: JSON = {
        "name": account.name,
        "namespace": account.namespace,
        "annotations": {ATTACHED_ANNOTATION: attached} if attached else {},
    }
    if account.owners is not None:
        meta["ownerReferences"] = [new_owner(owner) for owner in account.owners]
    body: JSON = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
    if account.pull_secrets or account.had_pull_secrets:
        entries = account.pull_secrets
        body["imagePullSecrets"] = [{} if name is None else {"name": name} for name in entries]
    return body


def new_owner(owner: Owner) -> JSON:
    """Return an owner reference. Without a kind, only the uid identifies the owner."""
    named = {"apiVersion": owner.api_version, "kind": owner.kind, "name": owner.name}
    return {
        **(named if owner.kind else {}),
        "uid": owner.uid,
        "controller": owner.controller,
        "blockOwnerDeletion": owner.controller,
    }


def new_status_fields(binding: Binding, status: Status) -> JSON:
    """Return the complete `.status`, because Metacontroller replaces the old status."""
    api = api_of(binding.api_version)
    fields = {
        "observedGeneration": binding.generation,
        "conditions": [
            new_condition(replace(condition, message=api.in_terms_of_api(condition.message)))
            for condition in status.conditions
        ],
        "secretName": status.secret_name,
        "serviceAccountName": status.targets.only if status.targets else None,
        "serviceAccountNames": _listed(status.targets),
        "attachedServiceAccounts": status.attached_accounts,
        "desiredServiceAccounts": status.desired_accounts,
        api.issue_time: _text(status.token_issue_time),
        "tokenExpirationTime": _text(status.token_expiration_time),
        "secretPendingTime": _text(status.secret_pending_time),
        "writeAttempts": status.write_attempts or None,
        "lastWriteTime": _text(status.last_write_time),
        "attachAttempts": status.attach_attempts or None,
        "lastAttachTime": _text(status.last_attach_time),
    }
    if api.error:
        fields[api.error] = status.trouble and api.in_terms_of_api(status.trouble)
    return {key: value for key, value in fields.items() if value is not None}


def new_condition(condition: Condition) -> JSON:
    """Return an entry of `.status.conditions`."""
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message[:MAX_MESSAGE_LENGTH],
        "observedGeneration": condition.observed_generation,
        "lastTransitionTime": _text(condition.last_transition_time),
    }


def _listed(targets: Targets | None) -> list[str] | None:
    return targets.listed if targets is not None and targets.is_list else None


def _text(at: datetime | None) -> str | None:
    return None if at is None else format_time(at)


def new_rules(binding: Binding, admission_version: str | None = None) -> JSON:
    """Return the response to `/customize`: rules for the related objects of *binding*.

    The rule for the Secret also selects the binding's own Secret, so Metacontroller reports a write
    of this Secret as a change of a child and of a related object. Sometimes these are two calls of
    `/sync`. The rule stays for two reasons:

    - Server-side apply overwrites a Secret of another client that the request does not contain.
      metacontroller@v4.17.2:pkg/controller/common/manage_children.go:486
    - Metacontroller caches the response by uid and generation for 20 minutes, so a rule may not
      depend on the observed Secret or the status. A rule can't combine names with a label selector.
      metacontroller@v4.17.2:pkg/controller/common/customize/manager.go:186,405

    Args:
        binding: The binding.
        admission_version: The version of the admission policies; None in the mode `adoption`.
    """
    namespace = binding.namespace
    policies = [
        {
            "apiVersion": f"{ADMISSION_GROUP}/{admission_version}",
            "resource": resource,
            "names": [ADMISSION_POLICY],
        }
        for resource in ADMISSION_RESOURCES
        if admission_version is not None
    ]
    return {
        "relatedResources": [
            *policies,
            {"apiVersion": "v1", "resource": "namespaces", "names": [namespace]},
            {
                "apiVersion": "v1",
                "resource": "serviceaccounts",
                "namespace": namespace,
                **related_accounts(binding),
            },
            {
                "apiVersion": "v1",
                "resource": "secrets",
                "namespace": namespace,
                "names": [binding.secret_name],
            },
        ]
    }


def related_accounts(binding: Binding) -> JSON:
    """Return the part of a rule for the ServiceAccounts that `sync` of *binding* needs.

    They are the targets, the previous targets, and the ServiceAccount with the identity. A rule
    without names selects all ServiceAccounts of the Namespace.
    """
    spec = binding.spec
    workload = spec.identity if isinstance(spec, Spec) else None
    named = [targets for targets in (binding.targets, binding.status.targets) if targets]
    if any(targets.every for targets in named):
        return {}
    names = {name for targets in named for name in targets.names}
    if isinstance(workload, WorkloadIdentity) and workload.service_account_name:
        names.add(workload.service_account_name)
    return {"names": sorted(names) or [DEFAULT_NAME]}


def new_decorator_rules(account: ServiceAccount) -> JSON:
    """Return the response to `/serviceaccount/customize`: the Secrets of *account*.

    Metacontroller caches the response by uid and generation for 20 minutes. A ServiceAccount has no
    generation, so a rule for current Secrets may depend on the name only. The rule by names selects
    Secrets that an earlier release of acrpull wrote without a label.
    metacontroller@v4.17.2:pkg/controller/common/customize/manager.go:186
    """
    secrets = {"apiVersion": "v1", "resource": "secrets", "namespace": account.namespace}
    rules = [
        {**secrets, "labelSelector": {"matchExpressions": [{"key": key, "operator": "Exists"}]}}
        for key in (target_label(account.name), ALL_TARGETS_LABEL)
    ]
    names = [name for name in account.wanted if is_secret_name(name)]
    if names:
        rules.append({**secrets, "names": names})
    return {"relatedResources": rules}


def new_secret_rules(secret: OwnedSecret, apis: Iterable[Api]) -> JSON:
    """Return the response to `/secret/customize`: the bindings that may take over *secret*.

    A Secret with an owner needs no binding, so changes of bindings must not call the hook.
    """
    named = {api: api.binding_name(secret.name) for api in apis} if not secret.owners else {}
    return {
        "relatedResources": [
            {
                "apiVersion": api.api_version,
                "resource": api.plural,
                "namespace": secret.namespace,
                "names": [name],
            }
            for api, name in named.items()
            if name is not None
        ]
    }


def new_decoration(decoration: Decoration) -> JSON:
    """Return the response to a DecoratorController's sync hook; `null` removes a key."""
    body: JSON = {"labels": decoration.labels, "annotations": decoration.annotations}
    if decoration.resync_after_seconds:
        body["resyncAfterSeconds"] = decoration.resync_after_seconds
    return body
