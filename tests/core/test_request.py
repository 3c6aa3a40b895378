"""Hook bodies to values: what is shown, and what is missing."""

import pytest

from hooks.core.apis import OURS, UPSTREAM
from hooks.core.apis.api import Api
from hooks.core.fields import JSON
from hooks.core.model.cluster import OwnedSecret
from hooks.core.wire.request import (
    parse_bindings,
    parse_decorated_account,
    parse_decorated_secret,
    parse_observed,
    parse_parent,
    parse_parent_account,
    parse_parent_secret,
    parse_related_secrets,
)
from tests.core.builders import BINDING, LAST_APPLIED, NAMESPACE, PARENT, SECRET_NAME, changed

OWNED = [{"uid": "uid-app", "controller": True}]
LABELS = {"controller-uid": "uid-app"}


def valid(*_: object) -> None:
    """Find nothing wrong with a spec."""


def wrong(*_: object) -> str:
    """Find a spec wrong."""
    return "is wrong"


def named(name: str, **meta: object) -> JSON:
    """Return an object of Namespace team-a with *meta* in its metadata."""
    return {"metadata": {"name": name, "namespace": "team-a", **meta}}


def grouped(kind: str, *objects: JSON) -> JSON:
    """Return *objects* as a hook's body has those of one *kind*."""
    return {kind: {f"team-a/{obj['metadata']['name']}": obj for obj in objects}}


NAMESPACES = grouped("Namespace.v1", {"metadata": {"name": "team-a", "uid": "uid-team-a"}})
ACCOUNTS = grouped("ServiceAccount.v1", named("default"), named("build"))


def body(children: JSON | None = None, related: JSON | None = None) -> JSON:
    """Return a body of `/sync`."""
    return {"parent": PARENT, "children": children or {}, "related": related or {}}


@pytest.mark.parametrize(
    "request_",
    [{"parent": PARENT}, {"parent": PARENT, "children": None, "related": None}, body()],
    ids=["by-hand", "null", "empty"],
)
def test_parent_alone(request_: JSON) -> None:
    """A body with no more than a parent is a body; that nothing is related is known."""
    observed = parse_observed(request_, valid)
    assert observed.binding == parse_parent(request_, valid)
    assert (observed.accounts, observed.related) == ((), None)
    assert (observed.secret, observed.secret_taken, observed.namespace) == (None, False, None)
    assert observed.dynamic_apply is None


@pytest.mark.parametrize("time", [None, "2026-11-23T12:00:00Z"], ids=["unmarked", "marked"])
def test_finalizing(time: str | None) -> None:
    """A body of `/finalize` is of a binding that goes, also where its metadata don't say so."""
    request = {"parent": changed(PARENT, "metadata/deletionTimestamp", time)}
    assert parse_observed(request, valid, finalizing=True).binding.deleting
    assert parse_observed(request, valid).binding.deleting is (time is not None)


def test_observed() -> None:
    """A body shows children, related ServiceAccounts and the Namespace."""
    observed = parse_observed(body(ACCOUNTS, {**ACCOUNTS, **NAMESPACES}), valid)
    assert [account.name for account in observed.accounts] == ["default", "build"]
    assert observed.related == observed.accounts
    assert observed.namespace == NAMESPACE


POLICIES = "MutatingAdmissionPolicy.admissionregistration.k8s.io"
POLICY_BINDINGS = "MutatingAdmissionPolicyBinding.admissionregistration.k8s.io"
FOUND = {"acrpull-serviceaccounts": {"metadata": {"name": "acrpull-serviceaccounts"}}}


@pytest.mark.parametrize(
    ("groups", "missing"),
    [
        pytest.param({}, None, id="adoption"),
        pytest.param({f"{POLICIES}/v1": FOUND, f"{POLICY_BINDINGS}/v1": FOUND}, (), id="none"),
        pytest.param(
            {f"{POLICIES}/v1beta1": FOUND, f"{POLICY_BINDINGS}/v1beta1": {}},
            ("MutatingAdmissionPolicyBinding",),
            id="one",
        ),
        pytest.param(
            {f"{POLICIES}/v1": None, f"{POLICY_BINDINGS}/v1": {}},
            ("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"),
            id="both",
        ),
    ],
)
def test_missing_policies(groups: JSON, missing: tuple[str, ...] | None) -> None:
    """An empty related group shows that the admission policy does not exist, in any version."""
    assert parse_observed(body(related=groups), valid).missing_policies == missing


@pytest.mark.parametrize("group", [{}, None], ids=["empty", "null"])
def test_no_related_accounts(group: JSON | None) -> None:
    """A related group that is there and empty says that there is no ServiceAccount."""
    assert parse_observed(body(related={"ServiceAccount.v1": group}), valid).related == ()


def test_other_namespaces() -> None:
    """Of several Namespaces only the binding's counts."""
    other = grouped("Namespace.v1", {"metadata": {"name": "team-b"}})
    assert parse_observed(body(related=other), valid).namespace is None


LEFT = named(SECRET_NAME, annotations={"acrpull.dev/token-inputs": "hash"})


@pytest.mark.parametrize(
    ("secret", "finalizing", "left"),
    [
        pytest.param(LEFT, False, True, id="left"),
        pytest.param(LEFT, True, False, id="binding-is-deleted"),
        pytest.param(named(SECRET_NAME), False, False, id="made-by-another"),
        pytest.param(named("x"), False, False, id="another-name"),
    ],
)
def test_secret_left(secret: JSON, *, finalizing: bool, left: bool) -> None:
    """A Secret of acrpull without an owner is left by an earlier binding, so nobody took it."""
    request = body(related=grouped("Secret.v1", secret))
    observed = parse_observed(request, valid, finalizing=finalizing)
    assert observed.secret_left is left
    assert not (left and observed.secret_taken)


@pytest.mark.parametrize(
    ("children", "related", "found", "taken"),
    [
        pytest.param([], [], False, False, id="none"),
        pytest.param([named(SECRET_NAME)], [], True, False, id="child"),
        pytest.param([named(SECRET_NAME)], [named(SECRET_NAME)], True, False, id="both"),
        pytest.param([named("acr-pull-old")], [named("x")], False, False, id="other-names"),
        pytest.param([], [named(SECRET_NAME)], False, True, id="somebody's"),
        pytest.param(
            [],
            [named(SECRET_NAME, labels=LABELS, ownerReferences=OWNED)],
            True,
            False,
            id="made-in-between",
        ),
        pytest.param([], [named(SECRET_NAME, labels=LABELS)], False, True, id="label-alone"),
        pytest.param([], [named(SECRET_NAME, ownerReferences=OWNED)], False, True, id="label-lost"),
        pytest.param(
            [],
            [named(SECRET_NAME, labels=LABELS, ownerReferences=[{"uid": "uid-app"}])],
            False,
            True,
            id="no-controller",
        ),
        pytest.param(
            [],
            [named(SECRET_NAME, labels={"controller-uid": "uid-x"}, ownerReferences=OWNED)],
            False,
            True,
            id="another's-label",
        ),
    ],
)
def test_secret(children: list[JSON], related: list[JSON], *, found: bool, taken: bool) -> None:
    """A Secret of the right name is ours as a child, or if it would be one; else it is taken."""
    observed = parse_observed(
        body(grouped("Secret.v1", *children), grouped("Secret.v1", *related)), valid
    )
    assert (observed.secret is not None, observed.secret_taken) == (found, taken)


APPLIED = {LAST_APPLIED: "{}"}
GUARD = {"apiVersion": "v1", "kind": "Namespace", "name": "team-a", "uid": "uid-team-a"}


@pytest.mark.parametrize(
    ("secrets", "accounts", "dynamic"),
    [
        pytest.param([], [], None, id="nothing"),
        pytest.param([], [named("default")], None, id="not-written-yet"),
        pytest.param([named(SECRET_NAME, annotations=APPLIED)], [], True, id="secret"),
        pytest.param([named(SECRET_NAME)], [], False, id="secret-without"),
        pytest.param([], [named("default", annotations=APPLIED)], True, id="service-account"),
        pytest.param(
            [named(SECRET_NAME)], [named("default", annotations=APPLIED)], True, id="either"
        ),
        pytest.param([named("x", annotations=APPLIED)], [], None, id="another-secret-says-nothing"),
        pytest.param([], [named("default", ownerReferences=[GUARD])], None, id="guard-alone"),
        pytest.param(
            [],
            [named("default", ownerReferences=[GUARD], annotations=APPLIED)],
            True,
            id="guard-and-service-account",
        ),
    ],
)
def test_strategy(secrets: list[JSON], accounts: list[JSON], *, dynamic: bool | None) -> None:
    """The annotation of dynamic-apply shows the strategy once something was written."""
    children = {
        **grouped("Secret.v1", *secrets),
        **grouped("ServiceAccount.v1", *accounts),
    }
    assert parse_observed(body(children), valid).dynamic_apply is dynamic


def test_spec_is_checked() -> None:
    """What the check finds wrong with the spec becomes the binding's spec."""
    seen: list[object] = []

    def check(spec: object, api_version: object) -> str:
        seen.append((spec, api_version))
        return "is wrong"

    assert parse_parent({"parent": PARENT}, check).spec == "is wrong"
    assert parse_observed({"parent": PARENT}, check).binding.spec == "is wrong"
    assert seen == [(PARENT["spec"], PARENT["apiVersion"])] * 2


def test_bindings() -> None:
    """All related bindings are read, an invalid one with its problem."""
    other = {**PARENT, "metadata": {**PARENT["metadata"], "name": "jobs"}}
    related = {"related": grouped("ACRPullBinding.acrpull.dev/v1beta1", PARENT, other)}
    assert [binding.name for binding in parse_bindings(related, valid)] == ["app", "jobs"]
    assert {binding.spec for binding in parse_bindings(related, wrong)} == {"is wrong"}
    assert parse_bindings(related, valid)[0].spec == BINDING.spec


@pytest.mark.parametrize("related", [{}, {"related": None}, {"related": {}}])
def test_no_bindings(related: JSON) -> None:
    """A body without related bindings has none."""
    assert parse_bindings(related, valid) == ()


def test_target() -> None:
    """The decorator's object is the ServiceAccount."""
    assert parse_decorated_account({"object": named("default")}).name == "default"


def test_owned_secrets() -> None:
    """The Secret is `object` in a decorator's sync, and `parent` in its customize."""
    secret = OwnedSecret(SECRET_NAME, "team-a", made_here=True)
    assert parse_decorated_secret({"object": LEFT}) == secret
    assert parse_parent_secret({"parent": LEFT}) == secret


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({"related": grouped("Secret.v1", LEFT)}, [SECRET_NAME]),
        ({"related": {"Secret.v1": None}}, []),
        ({"related": {"ACRPullBinding.acrpull.dev/v1beta1": {}}}, None),
        ({}, None),
    ],
    ids=["one", "none", "rules-of-an-earlier-release", "by-hand"],
)
def test_related_secrets(request_: JSON, names: list[str] | None) -> None:
    """Without a group of Secrets, nothing is known about the Secrets of a ServiceAccount."""
    secrets = parse_related_secrets(request_, (OURS,))
    assert (None if secrets is None else [secret.name for secret in secrets]) == names


@pytest.mark.parametrize("apis", [(OURS,), UPSTREAM])
def test_secrets_of_served_apis(apis: tuple[Api, ...]) -> None:
    """After the move back to msi-acrpull, its Secrets keep their labels, and count no more."""
    owners = [
        {"apiVersion": api.api_version, "kind": api.kind, "name": "app", "controller": True}
        for api in (OURS, *UPSTREAM)
    ]
    secrets = [
        {"metadata": {"name": owner["apiVersion"], "ownerReferences": [owner]}} for owner in owners
    ]
    found = parse_related_secrets({"related": grouped("Secret.v1", *secrets)}, apis)
    assert found is not None
    assert [secret.name for secret in found] == [api.api_version for api in apis]


def test_parent_account() -> None:
    """The decorator's customize names its object `parent`."""
    assert parse_parent_account({"parent": named("default")}).name == "default"
