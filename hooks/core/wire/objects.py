"""Parses Kubernetes objects, in the shape of `kubectl get -o json`. Raises `BadRequest`."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from hooks.core.account.relation import targets_of
from hooks.core.apis import api_of
from hooks.core.apis.api import DEFAULT_NAME, parse_target_list
from hooks.core.fields import JSON, check, get, get_object, get_text, get_time, require
from hooks.core.model.binding import Binding, Condition, Status
from hooks.core.model.cluster import Namespace, OwnedSecret, Owner, PullSecret, ServiceAccount
from hooks.core.model.secret_template import SecretTemplate, parse_template
from hooks.core.model.targets import Targets, one_target
from hooks.core.names import (
    ATTACHED_ANNOTATION,
    CLIENT_ID_ANNOTATION,
    DOCKER_CONFIG_KEY,
    FINALIZER_PREFIX,
    IDENTITIES_ANNOTATION,
    INHERITED,
    INPUTS_ANNOTATION,
    LAST_APPLIED_ANNOTATION,
    PULL_SECRETS_ANNOTATION,
    REMOVE,
    REPEATED,
    SECRET_TYPE,
    SERVERS_ANNOTATION,
    TENANT_ID_ANNOTATION,
    UID_LABEL,
    UPSTREAM_LABEL,
)
from hooks.core.policy.permission import identity_keys, server_keys
from hooks.core.rfc3339 import EARLIEST, parse_time
from hooks.core.wire import dockerconfig

# More than the Secrets of a ServiceAccount: a decorator's request contains all of them, and their
# usual size of 3 KiB fits some 2,500 into a body. Names beyond count as the user's.
MAX_NAMES: Final = 5000
MAX_DIGITS: Final = 6  # of a number of repeated writes


def parse_binding(obj: JSON, path: str, problem: str | None = None) -> Binding:
    """Return the binding *obj*; *problem* is the message for an invalid spec, or None."""
    api = api_of(obj.get("apiVersion"))
    meta = require(obj, "metadata", dict, path)
    at = f"{path}.metadata"
    name = require(meta, "name", str, at)
    status = _parse_status(get_object(obj, "status", path), f"{path}.status", api.issue_time)
    spec = obj.get("spec")
    if spec is None:
        spec = {}
    targets, template = None, SecretTemplate()
    if isinstance(spec, dict):
        targets, template = api.targets(spec), api.secret_template(spec)
    return Binding(
        name=name,
        namespace=get_text(meta, "namespace", at) or DEFAULT_NAME,
        uid=get_text(meta, "uid", at),
        api_version=get_text(obj, "apiVersion", path) or api.api_version,
        kind=get_text(obj, "kind", path) or api.kind,
        generation=get(meta, "generation", int, at) or 0,
        created_at=get_time(meta, "creationTimestamp", at) or EARLIEST,
        deleting=bool(get_text(meta, "deletionTimestamp", at)),
        deleted_at=get_time(meta, "deletionTimestamp", at),
        other_finalizers=_other_finalizers(meta, at),
        secret_name=api.secret_name(name),
        targets=status.targets if targets is None else targets,
        spec=problem if problem is not None else api.parse_spec(spec),
        status=status,
        secret_template=template,
    )


def _other_finalizers(meta: JSON, path: str) -> frozenset[str]:
    at = f"{path}.finalizers[]"
    names = (check(item, str, at) for item in get(meta, "finalizers", list, path) or ())
    return frozenset(name for name in names if not name.startswith(FINALIZER_PREFIX))


def _parse_status(status: JSON, path: str, issue_time: str) -> Status:
    """Return *status*; *issue_time* is the key of the token's issue time.

    Without conditions, the issue time is ignored, because another controller wrote the status.
    """
    conditions = parse_conditions(status, path)
    issued = get_time(status, issue_time, path)
    return Status(
        conditions=conditions,
        secret_name=get(status, "secretName", str, path),
        targets=_parse_targets(status, path),
        token_issue_time=issued if conditions else None,
        attached_accounts=get(status, "attachedServiceAccounts", int, path),
        secret_pending_time=get_time(status, "secretPendingTime", path),
        write_attempts=get(status, "writeAttempts", int, path) or 0,
        last_write_time=get_time(status, "lastWriteTime", path),
        attach_attempts=get(status, "attachAttempts", int, path) or 0,
        last_attach_time=get_time(status, "lastAttachTime", path),
    )


def parse_conditions(status: JSON, path: str) -> tuple[Condition, ...]:
    """Return the conditions in *status*."""
    conditions = []
    for index, item in enumerate(get(status, "conditions", list, path) or ()):
        at = f"{path}.conditions[{index}]"
        condition = check(item, dict, at)
        texts = (get_text(condition, key, at) for key in ("type", "status", "reason", "message"))
        kind, value, reason, message = texts
        since = get_time(condition, "lastTransitionTime", at)
        generation = get(condition, "observedGeneration", int, at) or 0
        conditions.append(Condition(kind, value, reason, message, generation, since))
    return tuple(conditions)


def _parse_targets(status: JSON, path: str) -> Targets | None:
    """Return the ServiceAccounts in *status*; None if there are none."""
    names = get(status, "serviceAccountNames", list, path)
    if names is not None:
        return parse_target_list(names)
    name = get(status, "serviceAccountName", str, path)
    return None if name is None else one_target(name)


def parse_service_account(obj: JSON, path: str) -> ServiceAccount:
    """Return the ServiceAccount *obj*."""
    meta = require(obj, "metadata", dict, path)
    at = f"{path}.metadata"
    annotations = get_object(meta, "annotations", at)
    names = _names(annotations, PULL_SECRETS_ANNOTATION, at)
    repeats, repeated_at = _repeats(names)
    return ServiceAccount(
        name=require(meta, "name", str, at),
        namespace=get_text(meta, "namespace", at) or DEFAULT_NAME,
        pull_secrets=_parse_pull_secrets(obj, path),
        wanted=tuple(name for name in names if not name.startswith((REMOVE, REPEATED))),
        unwanted=tuple(name.removeprefix(REMOVE) for name in names if name.startswith(REMOVE)),
        repeats=repeats,
        repeated_at=repeated_at,
        attached=_names(annotations, ATTACHED_ANNOTATION, at),
        owners=parse_owners(meta, at),
        annotations=frozenset(annotations),
        last_applied=get(annotations, LAST_APPLIED_ANNOTATION, str, f"{at}.annotations"),
        uid_label=get(get_object(meta, "labels", at), UID_LABEL, str, f"{at}.labels"),
        deleting=bool(get_text(meta, "deletionTimestamp", at)),
        created_at=get_time(meta, "creationTimestamp", at),
        uid=get_text(meta, "uid", at),
        client_id=get(annotations, CLIENT_ID_ANNOTATION, str, f"{at}.annotations"),
        tenant_id=get(annotations, TENANT_ID_ANNOTATION, str, f"{at}.annotations"),
    )


def _parse_pull_secrets(obj: JSON, path: str) -> tuple[str | None, ...]:
    at = f"{path}.imagePullSecrets[]"
    entries = get(obj, "imagePullSecrets", list, path) or ()
    return tuple(get(check(entry, dict, at), "name", str, at) for entry in entries)


def _names(annotations: JSON, key: str, path: str) -> tuple[str, ...]:
    """Return the comma-separated names in annotation *key*, without duplicates.

    acrpull writes at most one name for each binding, so only `MAX_NAMES` names are read. An
    imagePullSecrets entry with any other name counts as the user's entry and stays.
    """
    text = get_text(annotations, key, f"{path}.annotations")
    return tuple(dict.fromkeys(filter(None, text.split(",", MAX_NAMES)[:MAX_NAMES])))


def _repeats(names: Iterable[str]) -> tuple[int, datetime | None]:
    """Return the number and the time of the last repeated write among *names*, or 0 and None."""
    mark = next((name for name in names if name.startswith(REPEATED)), "")
    number, _, text = mark.removeprefix(REPEATED).partition(REPEATED)
    at = parse_time(text)
    valid = at is not None and number.isdecimal() and len(number) <= MAX_DIGITS
    return (int(number), at) if valid else (0, None)


def parse_owners(meta: JSON, path: str) -> tuple[Owner, ...]:
    """Return the owner references in the metadata *meta*."""
    at = f"{path}.ownerReferences[]"
    owners = []
    for item in get(meta, "ownerReferences", list, path) or ():
        owner = check(item, dict, at)
        version, kind, name, uid = (
            get_text(owner, key, at) for key in ("apiVersion", "kind", "name", "uid")
        )
        controller = bool(get(owner, "controller", bool, at))
        owners.append(Owner(version, kind, name, uid, controller))
    return tuple(owners)


def is_controlled(owners: Iterable[Owner], uid: str) -> bool:
    """True if the controller reference among *owners* points to the object *uid*."""
    return any(owner.uid == uid and owner.controller for owner in owners)


def is_claimed(obj: JSON, path: str, uid: str) -> bool:
    """True if *obj* has the label and the controller reference of a child of the parent *uid*."""
    meta = require(obj, "metadata", dict, path)
    at = f"{path}.metadata"
    owned = is_controlled(parse_owners(meta, at), uid)
    return owned and get_object(meta, "labels", at).get(UID_LABEL) == uid


def parse_secret(obj: JSON, path: str) -> PullSecret:
    """Return the Secret *obj*, with its token if the Secret is a pull Secret."""
    meta = require(obj, "metadata", dict, path)
    at = f"{path}.metadata"
    annotations = get_object(meta, "annotations", at)
    data = get_text(get_object(obj, "data", path), DOCKER_CONFIG_KEY, f"{path}.data")
    found = dockerconfig.decode(data) if obj.get("type") == SECRET_TYPE else None
    inputs = get(annotations, INPUTS_ANNOTATION, str, f"{at}.annotations")
    labels = get_object(meta, "labels", at)
    from_upstream = UPSTREAM_LABEL in labels
    unmodified = found is not None and found.unmodified
    return PullSecret(
        name=require(meta, "name", str, at),
        server=found.server if found else None,
        token=found.token if found else None,
        unmodified=unmodified,
        changed_data=None if unmodified else data,
        inputs=inputs,
        dynamic_apply=LAST_APPLIED_ANNOTATION in annotations,
        inherited=from_upstream and inputs in {None, INHERITED},
        targets=targets_of(labels),
        template=parse_template(meta),
    )


def parse_owned_secret(obj: JSON, path: str) -> OwnedSecret:
    """Return the Secret *obj* without its data."""
    meta = require(obj, "metadata", dict, path)
    at = f"{path}.metadata"
    labels = get_object(meta, "labels", at)
    return OwnedSecret(
        name=require(meta, "name", str, at),
        namespace=get_text(meta, "namespace", at) or DEFAULT_NAME,
        owners=parse_owners(meta, at),
        uid_label=get(labels, UID_LABEL, str, f"{at}.labels"),
        made_here=INPUTS_ANNOTATION in get_object(meta, "annotations", at),
        deleting=bool(get_text(meta, "deletionTimestamp", at)),
        created_at=get_time(meta, "creationTimestamp", at) or EARLIEST,
        targets=targets_of(labels),
    )


def parse_namespace(obj: JSON, path: str) -> Namespace:
    """Return the Namespace *obj*."""
    meta = require(obj, "metadata", dict, path)
    at = f"{path}.metadata"
    annotations = get_object(meta, "annotations", at)
    return Namespace(
        uid=require(meta, "uid", str, at),
        terminating=bool(get_text(meta, "deletionTimestamp", at)),
        name=get_text(meta, "name", at),
        identities=_listed(annotations, IDENTITIES_ANNOTATION, at, identity_keys),
        servers=_listed(annotations, SERVERS_ANNOTATION, at, server_keys),
    )


def _listed(
    annotations: JSON, key: str, path: str, to_keys: Callable[[str], frozenset[str]]
) -> frozenset[str] | None:
    """Return *to_keys* of the text in annotation *key*; None without the annotation."""
    if key not in annotations:
        return None
    return to_keys(get_text(annotations, key, f"{path}.annotations"))
