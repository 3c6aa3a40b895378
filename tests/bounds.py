"""Bodies of hooks with the largest objects that an API server stores, one kind of data each.

A user with the role `edit` in a Namespace can write all data except the Namespace's annotations.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from hooks.core.names import (
    ATTACHED_ANNOTATION,
    INHERITED,
    INPUTS_ANNOTATION,
    NULL_GUID,
    UPSTREAM_LABEL,
)
from hooks.server.body import MAX_BODY_BYTES
from tests.bounds_objects import (
    GUARD,
    GUID,
    HOLDER,
    SERVER,
    account,
    applied,
    attaching_secret,
    auths,
    binding,
    composite,
    decorated_account,
    decorated_secret,
    filled,
    listing,
    metadata,
    names,
    namespace,
    owner,
    secret,
    unlabeled_secret,
)
from tests.client import Object
from tests.core.builders import new_jwt
from tests.fleet import SPEC, member, new_body, parent
from tests.fleet import namespace as selected

# Bytes of all annotations of an object.
# kubernetes@v1.36.0:staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go
ANNOTATIONS: Final = 256 * 1024
# Bytes of an object; etcd accepts requests of 1.5 MiB.
# https://etcd.io/docs/v3.6/dev-guide/limit/
OBJECT: Final = 1_400_000
ROOM: Final = MAX_BODY_BYTES - OBJECT - 100_000  # for other objects in a body
MISSPELLED: Final = "azureworkloadidentityclientid"
LATER: Final = 1_900_000_000  # seconds since 1970

Make = Callable[[], Object]


def similar() -> Object:
    """Return annotations whose keys consist of the letters of a known key."""
    turned = (MISSPELLED[at:] + MISSPELLED[:at] for at in range(1, len(MISSPELLED)))
    return {f"{key}{'.' * dots}": "" for key in turned for dots in range(1, 150)}


ACCOUNTS: Final[dict[str, Make]] = {
    "wanted": lambda: account((), listing(names(45_000))),
    "attached": lambda: account((), listing(names(45_000), ATTACHED_ANNOTATION)),
    "wanted and attached": lambda: account(
        [*names(15_000, "w"), *names(15_000, "a"), *names(10_000)],
        listing(names(15_000, "w")) | listing(names(15_000, "a"), ATTACHED_ANNOTATION),
    ),
    "entries": lambda: account(names(60_000)),
    "wanted x entries": lambda: account(names(60_000, "e"), listing(names(45_000))),
    "wanted in entries": lambda: account(names(60_000), listing(names(45_000))),
    "attached in entries": lambda: account(
        names(60_000), listing(names(45_000), ATTACHED_ANNOTATION)
    ),
    "owners": lambda: account(owners=[HOLDER, *filled(owner, OBJECT - 10_000)]),
    "guards": lambda: account(owners=filled(lambda n: GUARD | {"uid": str(n)}, OBJECT - 10_000)),
    "labels": lambda: account(labels=names(90_000)),
    "annotations": lambda: account((), dict.fromkeys(names(45_000), "")),
    "similar annotations": lambda: account((), similar()),
    "last-applied entries": lambda: account(
        names(50_000), applied({"imagePullSecrets": [{"name": name} for name in names(14_000)]})
    ),
    "last-applied owners": lambda: account(
        ("0",),
        applied({"metadata": {"ownerReferences": [{"uid": name} for name in names(14_000)]}}),
    ),
    "last-applied lists": lambda: account(("0",), applied({"a": [[]] * (ANNOTATIONS // 3 - 99)})),
    "last-applied garbage": lambda: account(("0",), applied(f"[{'[],' * (ANNOTATIONS // 3 - 99)}")),
}

CONDITION: Final = {"type": "A", "status": "True", "reason": "R", "message": ""}
REMOVED: Final = {
    "type": "Attached",
    "status": "False",
    "reason": "EntryRemoved",
    "lastTransitionTime": "2026-11-23T11:59:00Z",
}
FOUGHT: Final = {
    "serviceAccountName": "default",
    "attachAttempts": 9,
    "lastAttachTime": "2026-11-23T11:59:59Z",
    "conditions": [REMOVED],
}
FOUGHT_EVERYWHERE: Final = {
    **FOUGHT,
    "serviceAccountNames": ["*"],
    "attachedServiceAccounts": 5000,
}
EVERY: Final = {"acrServer": SERVER, "serviceAccountNames": ["*"]}
FIFTY: Final = {"acrServer": SERVER, "serviceAccountNames": names(50, "b")}
LISTS: Final[dict[str, Make]] = {
    "identities": lambda: namespace(identities=",".join(GUID.format(n) for n in range(6900))),
    "servers": lambda: namespace(servers=",".join(f"{name}.azurecr.io" for name in names(16_000))),
}
ACCESS: Final = {"type": ["x"] * 30_000, "name": "n", "actions": ["a"] * 30_000}
SCOPED: Final = {
    "acrServer": SERVER,
    "managedIdentityClientID": GUID.format(1),
    "scope": "repository:a:pull",
}


def crowd(number: int) -> list[Object]:
    """Return *number* ServiceAccounts, owned by the binding `app`."""
    return [account((), listing(("x",)), name=name) for name in names(number, "a")]


def inherited(access: object) -> Object:
    """Return a binding, and its Secret of msi-acrpull with a token of msi-acrpull."""
    token = new_jwt({"exp": LATER, "access": [access]})
    config = {"auths": {SERVER: {"username": NULL_GUID, "password": token}}}
    obj = secret(config, labels={UPSTREAM_LABEL: "app"})
    obj["metadata"]["annotations"] = {INPUTS_ANNOTATION: INHERITED}
    return composite(binding(spec=SCOPED), secrets=[obj])


def actions(number: float) -> Object:
    """Return the claim of a token with many times *number* as actions."""
    return {"type": "repository", "name": "a", "actions": [number] * 200_000}


COMPOSITES: Final[dict[str, Make]] = {
    "conditions": lambda: composite(
        binding(status={"conditions": [CONDITION] * 20_000}), [account()]
    ),
    "accounts": lambda: composite(binding(), crowd(6000)),
    "every account": lambda: composite(binding(spec=EVERY, status=FOUGHT_EVERYWHERE), crowd(5000)),
    "absent accounts": lambda: composite(binding(spec=FIFTY), [account()], crowd(6000)),
    "finalizers x accounts": lambda: composite(
        binding(finalizers=names(40_000, "metacontroller.io/")), crowd(5000)
    ),
    "accounts x owners": lambda: composite(
        binding(),
        [account(name="big", owners=[HOLDER, *filled(owner, OBJECT - 10_000)])],
        crowd(6000),
    ),
    "held back x entries": lambda: composite(
        binding(status=FOUGHT), [account(names(60_000, "e"), listing(names(45_000)))]
    ),
    "Secrets": lambda: composite(
        binding(),
        [account()],
        secrets=[secret(auths(7000, "a.b.c")) | {"metadata": metadata(n)} for n in names(6)],
    ),
    "entries of a Secret": lambda: composite(binding(), secrets=[secret(auths(11_000, "a.b.c"))]),
    "tokens of a Secret": lambda: composite(
        binding(), secrets=[secret(auths(6500, new_jwt({"exp": LATER})))]
    ),
    "access of a token": lambda: inherited(ACCESS),
    "floats in a token": lambda: inherited(actions(0.1)),
    "integers in a token": lambda: inherited(actions(1)),
    "allowed identities": lambda: composite(binding(), [account()], within=LISTS["identities"]()),
    "allowed servers": lambda: composite(binding(), [account()], within=LISTS["servers"]()),
}


def distinct(number: int) -> Object:
    """Return a binding with a unique spec."""
    identity = GUID.format(number)
    return binding(number, {"acrServer": SERVER, "managedIdentityClientID": identity})


def unlike(spec: Callable[[int], Object]) -> Callable[[int], Object]:
    """Return a function from a number to a binding with the spec *spec(number)*."""
    return lambda number: binding(number, spec(number))


CROWDS: Final[dict[str, Callable[[int], Object]]] = {
    "bindings": binding,
    "distinct bindings": distinct,
    "invalid bindings": unlike(lambda number: {"acrServer": str(number), "scope": "a" * 30}),
    "large specs": unlike(lambda number: {str(number): "a" * 16_400}),
    "many fields": unlike(lambda number: dict.fromkeys(names(300, f"{number:x}f"), 5)),
}
SECRETS: Final[dict[str, Make]] = {
    "owners": lambda: secret(ownerReferences=filled(owner, OBJECT - 10_000)),
    "labels": lambda: secret(labels=dict.fromkeys(names(90_000), "v")),
    "data": lambda: secret("a" * 1_000_000),
}


# Bindings by their numbers; each case has as many of them as a body can contain.
FLEETS: Final[dict[str, Callable[[int], Object]]] = {
    "members": lambda number: member(f"{number:x}"),
    "members written": lambda number: member(
        f"{number:x}", annotations=applied({"metadata": {}, "spec": SPEC})
    ),
    "members failing": lambda number: member(f"{number:x}", "False/Pending"),
    "members with labels": lambda number: member(
        f"{number:x}", labels=dict.fromkeys(names(2000), "v")
    ),
    "members with owners": lambda number: member(
        f"{number:x}", ownerReferences=[owner(index) for index in range(500)]
    ),
}


def cases() -> Iterator[tuple[str, str, Make]]:
    """Yield the path of a hook, the name of the large data, and a function to make the body."""
    yield from _composite_cases()
    yield from _cluster_cases()
    yield from _account_cases()
    yield from _secret_cases()


def _composite_cases() -> Iterator[tuple[str, str, Make]]:
    owning: dict[str, Make] = {
        what: partial(_with, make, _owned) for what, make in ACCOUNTS.items()
    }
    for what, make in {**owning, **COMPOSITES}.items():
        for path in ("/sync", "/finalize"):
            yield path, what, make
    for what, make in COMPOSITES.items():
        yield "/customize", what, partial(_with, make, lambda body: {"parent": body["parent"]})


def _cluster_cases() -> Iterator[tuple[str, str, Make]]:
    texts = dict.fromkeys(names(20_000), "v" * 20)
    template = {"metadata": {"labels": texts, "annotations": texts}, "spec": SPEC}
    expression = {"key": "k", "operator": "In", "values": names(60_000)}
    parents: dict[str, Make] = {
        "template": lambda: parent(template=template),
        "spec of the template": lambda: parent(template={"spec": {"scope": "a" * OBJECT}}),
        "labels to match": lambda: parent(namespaceSelector={"matchLabels": texts}),
        "values": lambda: parent(namespaceSelector={"matchExpressions": [expression]}),
        "expressions": lambda: parent(
            namespaceSelector={
                "matchExpressions": [{"key": "k", "operator": "Exists"} for _ in range(20_000)]
            }
        ),
    }
    for what, make in parents.items():
        yield "/clusterbinding/sync", what, partial(_with, make, _with_fleet)
        yield "/clusterbinding/customize", what, partial(_with, make, _as_parent)
    for what, one in FLEETS.items():
        yield "/clusterbinding/sync", what, partial(_fleet, one)
    yield "/clusterbinding/sync", "kept members", partial(_kept_fleet, FLEETS["members"])


def _account_cases() -> Iterator[tuple[str, str, Make]]:
    for what, make in ACCOUNTS.items():
        yield "/serviceaccount/sync", what, partial(_with, make, _bound)
        yield "/serviceaccount/customize", what, partial(_with, make, _as_parent)
    entries: Make = partial(account, names(60_000))
    both: Make = partial(account, names(60_000), listing(names(45_000)))
    for what, make, one in (
        ("Secrets x entries", entries, attaching_secret),
        ("Secrets x wanted", both, attaching_secret),
        ("unlabeled Secrets x wanted", both, unlabeled_secret),
    ):
        yield "/serviceaccount/sync", what, partial(_crowded_account, make, one)


def _secret_cases() -> Iterator[tuple[str, str, Make]]:
    for what, make in SECRETS.items():
        yield "/secret/sync", what, partial(_with, make, _bound_secret)
        yield "/secret/customize", what, partial(_with, make, _as_parent)
    for what, one in CROWDS.items():
        yield "/secret/sync", what, partial(_crowded_secret, one)


def _with(make: Make, use: Callable[[Object], Object]) -> Object:
    return use(make())


def _owned(obj: Object) -> Object:
    return composite(binding(), [obj])


def _bound(obj: Object) -> Object:
    return decorated_account(obj, [attaching_secret(0)])


def _bound_secret(obj: Object) -> Object:
    return decorated_secret(obj, [binding()])


def _as_parent(obj: Object) -> Object:
    return {"parent": obj}


def _with_fleet(obj: Object) -> Object:
    return new_body(obj, ["team-a"], [member("team-a")])


def _fleet(one: Callable[[int], Object]) -> Object:
    """Return a body of `one`: a third are children, and a third are other related bindings."""
    found = filled(one, ROOM // 2)
    half = len(found) // 2
    spaces = [selected(obj["metadata"]["namespace"]) for obj in found]
    return new_body(parent(), spaces, found[:half], found[half:])


def _kept_fleet(one: Callable[[int], Object]) -> Object:
    return {**_fleet(one), "parent": parent(template={})}


def _crowded_account(make: Make, one: Callable[[int], Object]) -> Object:
    return decorated_account(make(), filled(one, ROOM))


def _crowded_secret(one: Callable[[int], Object]) -> Object:
    return decorated_secret(secret(), filled(one, ROOM))
