"""Parses the request bodies of the hooks for bindings, ServiceAccounts and Secrets.

Shape: metacontroller@v4.17.2:pkg/controller/composite/api/v2/hooks.go, decorator/api/v2/hooks.go
and customize/api/v2/hooks.go. A `null` counts as absent. Every function raises `BadRequest`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from hooks.core.account.relation import binding_of
from hooks.core.apis import APIS
from hooks.core.apis.api import Api
from hooks.core.fields import JSON, check, get_object, require
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import Namespace, OwnedSecret, PullSecret, ServiceAccount
from hooks.core.names import (
    ADMISSION_GROUP,
    ADMISSION_KINDS,
    LAST_APPLIED_ANNOTATION,
    NAMESPACES,
    SECRETS,
    SERVICE_ACCOUNTS,
)
from hooks.core.observed import Observed
from hooks.core.renewal.takeover import is_left
from hooks.core.wire.objects import (
    is_claimed,
    is_controlled,
    parse_binding,
    parse_namespace,
    parse_owned_secret,
    parse_secret,
    parse_service_account,
)

# Takes a spec and its binding's apiVersion, and returns the problem with the spec or None.
SpecCheck = Callable[[object, object], str | None]


def parse_observed(body: JSON, check_spec: SpecCheck, *, finalizing: bool = False) -> Observed:
    """Return the observed objects in the body of `/sync`, or of `/finalize` if *finalizing*."""
    binding = parse_parent(body, check_spec)
    binding = replace(binding, deleting=binding.deleting or finalizing)
    children, related = get_object(body, "children", ""), get_object(body, "related", "")
    accounts = _accounts(children, "children")
    secret, other = _secret(children, related, binding)
    namespace = _namespace(related, binding.namespace)
    left = other is not None and is_left(other, binding)
    return Observed(
        binding=binding,
        secret=secret,
        secret_taken=other is not None and not left,
        accounts=accounts,
        related=_accounts(related, "related") if SERVICE_ACCOUNTS in related else None,
        namespace=namespace,
        dynamic_apply=_dynamic_apply(secret or _unlabeled(related, binding), accounts),
        secret_left=left,
        missing_policies=_missing_policies(related),
    )


def parse_parent(body: JSON, check_spec: SpecCheck) -> Binding:
    """Return the binding in the body of a CompositeController's hook."""
    parent = require(body, "parent", dict, "")
    return _binding(parent, "parent", check_spec)


def parse_decorated_account(body: JSON) -> ServiceAccount:
    """Return the ServiceAccount in the body of `/serviceaccount/sync`."""
    return parse_service_account(require(body, "object", dict, ""), "object")


def parse_parent_account(body: JSON) -> ServiceAccount:
    """Return the ServiceAccount in the body of `/serviceaccount/customize`."""
    return parse_service_account(require(body, "parent", dict, ""), "parent")


def parse_related_secrets(body: JSON, apis: Iterable[Api]) -> tuple[OwnedSecret, ...] | None:
    """Return the related Secrets in the body of `/serviceaccount/sync`.

    Secrets of bindings of other APIs than *apis* are omitted. After a move back to msi-acrpull, the
    Secrets of these bindings still have acrpull's labels.

    None if Metacontroller did not look for Secrets: an earlier release of acrpull returned the
    rules, and Metacontroller keeps the rules for 20 minutes.
    """
    related = get_object(body, "related", "")
    if SECRETS not in related:
        return None
    secrets = (parse_owned_secret(*item) for item in objects_in(related, SECRETS, "related"))
    served = {api.api_version for api in apis}
    return tuple(s for s in secrets if (b := binding_of(s)) is None or b.api_version in served)


def parse_decorated_secret(body: JSON) -> OwnedSecret:
    """Return the Secret in the body of `/secret/sync`."""
    return parse_owned_secret(require(body, "object", dict, ""), "object")


def parse_parent_secret(body: JSON) -> OwnedSecret:
    """Return the Secret in the body of `/secret/customize`."""
    return parse_owned_secret(require(body, "parent", dict, ""), "parent")


def parse_bindings(body: JSON, check_spec: SpecCheck) -> tuple[Binding, ...]:
    """Return the related bindings of all APIs in the body of a DecoratorController's sync hook."""
    related = get_object(body, "related", "")
    return tuple(
        _binding(obj, path, check_spec)
        for api in APIS.values()
        for obj, path in objects_in(related, api.group, "related")
    )


def _binding(obj: JSON, path: str, check_spec: SpecCheck) -> Binding:
    return parse_binding(obj, path, check_spec(obj.get("spec"), obj.get("apiVersion")))


def objects_in(groups: JSON, key: str, path: str) -> Iterator[tuple[JSON, str]]:
    """Yield the objects of the group *key* and their paths."""
    at = f"{path}[{key!r}]"
    objects = groups.get(key)
    for name, obj in ({} if objects is None else check(objects, dict, at)).items():
        yield check(obj, dict, f"{at}[{name!r}]"), f"{at}[{name!r}]"


def _accounts(groups: JSON, path: str) -> tuple[ServiceAccount, ...]:
    return tuple(
        parse_service_account(*item) for item in objects_in(groups, SERVICE_ACCOUNTS, path)
    )


def _namespace(related: JSON, name: str) -> Namespace | None:
    for obj, path in objects_in(related, NAMESPACES, "related"):
        if require(obj, "metadata", dict, path).get("name") == name:
            return parse_namespace(obj, path)
    return None


def _missing_policies(related: JSON) -> tuple[str, ...] | None:
    """Return the kinds of the admission policy's objects that do not exist.

    None in the mode `adoption`: Metacontroller did not look for the policy.
    """
    found = {
        kind: bool(related[group])
        for kind in ADMISSION_KINDS
        for group in related
        if group.startswith(f"{kind}.{ADMISSION_GROUP}/")
    }
    return tuple(kind for kind in found if not found[kind]) if found else None


def _secret(
    children: JSON, related: JSON, binding: Binding
) -> tuple[PullSecret | None, OwnedSecret | None]:
    """Return the binding's Secret and None, or None and another Secret with the same name.

    Metacontroller reads related objects after the children, so a Secret created in between is only
    among the related objects. Such a Secret counts as the binding's Secret if Metacontroller would
    claim it as a child.
    """
    other = None
    for groups, where in ((children, "children"), (related, "related")):
        for obj, path in objects_in(groups, SECRETS, where):
            owned = parse_owned_secret(obj, path)
            if owned.name != binding.secret_name:
                continue
            if where == "children" or is_claimed(obj, path, binding.uid):
                return parse_secret(obj, path), None
            other = owned
    return None, other


def _unlabeled(related: JSON, binding: Binding) -> PullSecret | None:
    """Return the Secret of a deleted *binding* after another client removed the Secret's label.

    Metacontroller releases such a Secret only if the binding is not deleted.
    """
    for obj, path in objects_in(related, SECRETS, "related"):
        if is_controlled(parse_owned_secret(obj, path).owners, binding.uid):
            return parse_secret(obj, path)
    return None


def _dynamic_apply(secret: PullSecret | None, accounts: tuple[ServiceAccount, ...]) -> bool | None:
    """True if the children show dynamic-apply, False for server-side apply, None if unknown.

    dynamic-apply adds an annotation to every object; server-side apply removes the annotation.
    A Secret last written by msi-acrpull shows no apply strategy.
    """
    if any(LAST_APPLIED_ANNOTATION in account.annotations for account in accounts):
        return True
    if secret is None or (secret.inherited and secret.inputs is None):
        return None
    return secret.dynamic_apply
