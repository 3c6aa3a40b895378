"""The labels of a Secret: which ServiceAccounts the Secret belongs to."""

import re
from dataclasses import replace
from typing import NoReturn

import pytest

from hooks.core.account.relation import relation, target_label
from hooks.core.apis import APIS
from hooks.core.fields import JSON
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import OwnedSecret, ServiceAccount
from hooks.core.model.targets import one_target
from hooks.core.wire.objects import parse_owned_secret, parse_secret
from hooks.handlers import Hooks
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    DELETED,
    FOREIGN,
    HOLDER,
    INVALID,
    NOW,
    OBSERVED,
    POLICY,
    RELATED,
    SECRET,
    SECRET_NAME,
    TARGET,
    TARGETS,
    UNTOUCHED,
    decide,
    finalize,
    sync,
)

BUILD = "serviceaccount.acrpull.dev/build"
MOVED = replace(BINDING, targets=one_target("build"))
NAMELESS = replace(INVALID.binding, targets=None)
LONG = ["a" * 64, "a" * 63 + "b", "a" * 253, "a" * 500, ("a" * 45 + ".") * 5]


@pytest.mark.parametrize(
    ("account", "name"),
    [
        ("default", "default"),
        ("a.b-c", "a.b-c"),
        ("a" * 63, "a" * 63),
        ("a" * 64, "a" * 46 + "-ffe054fe7ae0cb6d"),
    ],
)
def test_label(account: str, name: str) -> None:
    """The label's key ends with the ServiceAccount's name, or with a hash of a long name."""
    assert target_label(account) == f"serviceaccount.acrpull.dev/{name}"


def test_labels_of_long_names() -> None:
    """The API server accepts the keys for long names, and the keys differ."""
    names = [target_label(name).partition("/")[2] for name in LONG]
    assert len(set(names)) == len(LONG)
    assert all(re.fullmatch(r"[a-z0-9][-a-z0-9_.]{0,61}[a-z0-9]", name) for name in names)


@pytest.mark.parametrize(
    ("binding", "children", "labels"),
    [
        pytest.param(BINDING, (), {TARGET: "attach"}, id="new"),
        pytest.param(BINDING, (ACCOUNT,), {TARGET: "attach"}, id="attached"),
        pytest.param(MOVED, (ACCOUNT,), {BUILD: "attach", TARGET: "release"}, id="moving"),
        pytest.param(MOVED, (), {BUILD: "attach"}, id="moved"),
        pytest.param(NAMELESS, (ACCOUNT,), {TARGET: "attach"}, id="name-unknown"),
    ],
)
def test_sync(
    binding: Binding, children: tuple[ServiceAccount, ...], labels: dict[str, str]
) -> None:
    """An answer attaches the Secret to the target, and releases the other ServiceAccounts."""
    observed = replace(OBSERVED, binding=binding, accounts=children)
    secret = sync(observed, decide(observed, POLICY, NOW), None, POLICY, NOW).secret
    assert secret is not None
    assert secret.targets == labels


@pytest.mark.parametrize("children", [(), (ACCOUNT,)], ids=["labeled", "adopted"])
def test_finalize(children: tuple[ServiceAccount, ...]) -> None:
    """An answer for a deleted binding shows the deletion to the target and the children."""
    observed = replace(
        OBSERVED, binding=replace(MOVED, deleting=True), accounts=children, related=(ACCOUNT,)
    )
    secret = finalize(observed, POLICY, NOW).secret
    assert secret is not None
    assert secret.targets == {BUILD: "deleted"} | ({TARGET: "deleted"} if children else {})


UNLABELED = replace(RELATED, targets={})


@pytest.mark.parametrize(
    ("secret", "account", "expected"),
    [
        pytest.param(RELATED, UNTOUCHED, "attach", id="attach"),
        pytest.param(replace(RELATED, targets={TARGET: "release"}), ACCOUNT, "release", id="moved"),
        pytest.param(DELETED, ACCOUNT, "deleted", id="deleted"),
        pytest.param(replace(RELATED, targets={BUILD: "attach"}), ACCOUNT, None, id="elsewhere"),
        pytest.param(UNLABELED, ACCOUNT, "attach", id="unlabeled-in-the-annotation"),
        pytest.param(UNLABELED, replace(ACCOUNT, wanted=()), None, id="unlabeled"),
        pytest.param(replace(RELATED, deleting=True), ACCOUNT, None, id="secret-is-deleted"),
        pytest.param(replace(RELATED, owners=()), ACCOUNT, None, id="without-owner"),
        pytest.param(replace(RELATED, owners=(FOREIGN,)), ACCOUNT, None, id="foreign"),
        pytest.param(
            replace(RELATED, owners=(replace(HOLDER, controller=False),)),
            ACCOUNT,
            None,
            id="without-controller",
        ),
        pytest.param(replace(UNLABELED, owners=(FOREIGN,)), ACCOUNT, None, id="foreign-unlabeled"),
        pytest.param(
            replace(UNLABELED, deleting=True), ACCOUNT, None, id="deleted-secret-unlabeled"
        ),
    ],
)
def test_relation(secret: OwnedSecret, account: ServiceAccount, expected: str | None) -> None:
    """The label counts on a binding's Secret. Without labels, the annotation counts."""
    assert relation(secret, account) == expected


def new_secret(binding: str, api_version: str, kind: str, name: str, second: int) -> JSON:
    """Return the Secret of a binding, created at *second*."""
    owner = {"apiVersion": api_version, "kind": kind, "name": binding, "uid": f"uid of {name}"}
    return {
        "metadata": {
            "name": name,
            "namespace": "team-a",
            "creationTimestamp": f"2026-11-23T11:00:0{second}Z",
            "labels": {TARGET: "attach", "controller-uid": owner["uid"]},
            "ownerReferences": [{**owner, "controller": True}],
        }
    }


SECRETS = {
    "b": new_secret("app", "acrpull.microsoft.com/v1beta2", "AcrPullBinding", "acr-pull-b", 2),
    "c": new_secret("app", "acrpull.dev/v1beta1", "ACRPullBinding", "acr-pull-app", 3),
    "a": new_secret("app", "msi-acrpull.microsoft.com/v1beta1", "AcrPullBinding", "x", 1),
}
OBJECT = {"metadata": {"name": "default", "namespace": "team-a"}}


def _refuse(*_: object) -> NoReturn:
    """Fail: the decorator requests no token."""
    pytest.fail("a token was requested")


HOOKS = Hooks(POLICY, _refuse, lambda: NOW, APIS.values())


def test_all_kinds() -> None:
    """The decorator lists the Secrets of bindings of all kinds, the oldest Secret first."""
    body = HOOKS.decorate({"object": OBJECT, "related": {"Secret.v1": SECRETS}}).body
    assert body == {
        "labels": {"controller-uid": "uid of x"},
        "annotations": {"acrpull.dev/pull-secrets": "x,acr-pull-b,acr-pull-app"},
    }


@pytest.mark.parametrize("related", [{}, {"ACRPullBinding.acrpull.dev/v1beta1": {}}])
@pytest.mark.parametrize("version", [None, "v1"], ids=["adoption", "admission"])
def test_secrets_unknown(related: JSON, version: str | None) -> None:
    """Nothing is changed while Metacontroller still uses the rules of an earlier release."""
    meta = {"labels": {"controller-uid": "u"}, "annotations": {"acrpull.dev/pull-secrets": "x"}}
    account = {"metadata": {**OBJECT["metadata"], **meta}}
    policy = replace(POLICY, admission_version=version)
    hooks = Hooks(policy, lambda *_: pytest.fail("a token was requested"), lambda: NOW)
    assert hooks.decorate({"object": account, "related": related}).body == {
        "labels": {},
        "annotations": {},
    }


def test_parsed() -> None:
    """Of a Secret's labels, only the labels for ServiceAccounts are targets."""
    labels = {"app": "x", "controller-uid": "u", TARGET: "attach", BUILD: None}
    obj = {"metadata": {"name": SECRET_NAME, "namespace": "team-a", "labels": labels}}
    assert parse_owned_secret(obj, "secret").targets == TARGETS
    assert parse_secret(obj, "secret").targets == TARGETS == SECRET.targets
