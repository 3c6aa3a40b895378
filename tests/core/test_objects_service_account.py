"""ServiceAccounts, as from `kubectl get -o json`, to values."""

import pytest

from hooks.core.errors import BadRequest
from hooks.core.fields import JSON
from hooks.core.model.cluster import Owner, ServiceAccount
from hooks.core.wire.objects import parse_service_account
from tests.core.builders import (
    ATTACHED,
    GUARD,
    HOLDER,
    LAST_APPLIED,
    WANTED,
    changed,
)

CLIENT = "azure.workload.identity/client-id"
TENANT = "azure.workload.identity/tenant-id"
ACCOUNT: JSON = {
    "metadata": {
        "name": "default",
        "namespace": "team-a",
        "labels": {"controller-uid": "uid-app", "team": "a"},
        "annotations": {WANTED: "a,b", ATTACHED: "b", CLIENT: "c", TENANT: "t"},
        "uid": "uid-1",
        "ownerReferences": [
            {
                "apiVersion": "acrpull.dev/v1beta1",
                "kind": "ACRPullBinding",
                "name": "app",
                "uid": "uid-app",
                "controller": True,
                "blockOwnerDeletion": True,
            },
            {"apiVersion": "v1", "kind": "Namespace", "name": "team-a", "uid": "uid-team-a"},
        ],
    },
    "imagePullSecrets": [{"name": "zeta"}, {}, {"name": None}, {"name": "a"}],
}


def test_service_account() -> None:
    """A ServiceAccount is read with its list, nameless entries and all, its marks and owners."""
    assert parse_service_account(ACCOUNT, "object") == ServiceAccount(
        name="default",
        namespace="team-a",
        pull_secrets=("zeta", None, None, "a"),
        wanted=("a", "b"),
        attached=("b",),
        owners=(HOLDER, GUARD),
        annotations=frozenset({WANTED, ATTACHED, CLIENT, TENANT}),
        uid_label="uid-app",
        uid="uid-1",
        client_id="c",
        tenant_id="t",
    )


@pytest.mark.parametrize(
    "obj",
    [
        {"metadata": {"name": "default"}},
        {
            "metadata": {
                "name": "default",
                "namespace": None,
                "labels": None,
                "annotations": None,
                "ownerReferences": None,
                "deletionTimestamp": None,
            },
            "imagePullSecrets": None,
        },
    ],
    ids=["absent", "null"],
)
def test_bare_service_account(obj: JSON) -> None:
    """A name is enough of a ServiceAccount, and null is as good as absent."""
    assert parse_service_account(obj, "object") == ServiceAccount("default", "default")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("a", ("a",)),
        ("b,a", ("b", "a")),
        ("a,a", ("a",)),
        (",a,,b,", ("a", "b")),
    ],
)
def test_names_in_annotation(text: str, names: tuple[str, ...]) -> None:
    """Names are separated by commas, each counts once, in their order."""
    account = parse_service_account(
        changed(ACCOUNT, "metadata/annotations", {WANTED: text, ATTACHED: text}), "object"
    )
    assert (account.wanted, account.attached) == (names, names)


def test_too_many_names() -> None:
    """Of the names in an annotation, 5,000 are read."""
    text = ",".join(f"s{number}" for number in range(6000))
    obj = changed(ACCOUNT, "metadata/annotations", {WANTED: text, ATTACHED: text})
    account = parse_service_account(obj, "object")
    assert account.wanted == account.attached == tuple(text.split(",")[:5000])


def test_marks_of_service_account() -> None:
    """Deletion and what dynamic-apply last wrote are read from the metadata."""
    obj = changed(ACCOUNT, "metadata/deletionTimestamp", "2026-11-23T12:00:00Z")
    obj = changed(obj, "metadata/annotations", {LAST_APPLIED: "{}"})
    account = parse_service_account(obj, "object")
    assert (account.deleting, account.last_applied) == (True, "{}")


def test_bare_owner() -> None:
    """An owner reference may say as little as a uid."""
    obj = changed(ACCOUNT, "metadata/ownerReferences", [{"uid": "u", "controller": None}])
    assert parse_service_account(obj, "object").owners == (Owner("", "", "", "u"),)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("metadata", None, "object.metadata: expected an object, e.g. {}"),
        ("metadata/name", None, 'object.metadata.name: expected a string, e.g. "app"'),
        ("metadata/namespace", 5, "object.metadata.namespace: expected a string"),
        ("metadata/labels", [], "object.metadata.labels: expected an object"),
        ("metadata/labels", {"controller-uid": 5}, "object.metadata.labels.controller-uid: "),
        ("metadata/annotations", {WANTED: 5}, f"object.metadata.annotations.{WANTED}: "),
        ("metadata/annotations", {ATTACHED: []}, f"object.metadata.annotations.{ATTACHED}: "),
        ("metadata/deletionTimestamp", True, "object.metadata.deletionTimestamp: expected a str"),
        ("metadata/ownerReferences", {}, "object.metadata.ownerReferences: expected a list"),
        ("metadata/ownerReferences", [5], "object.metadata.ownerReferences[]: expected an object"),
        (
            "metadata/ownerReferences",
            [{"controller": "true"}],
            "object.metadata.ownerReferences[].controller: expected a boolean",
        ),
        ("metadata/ownerReferences", [{"uid": 5}], "object.metadata.ownerReferences[].uid: "),
        ("imagePullSecrets", {}, "object.imagePullSecrets: expected a list, e.g. []"),
        ("imagePullSecrets", ["zeta"], "object.imagePullSecrets[]: expected an object"),
        ("imagePullSecrets", [{"name": 5}], "object.imagePullSecrets[].name: expected a string"),
    ],
)
def test_bad_service_account(path: str, value: object, message: str) -> None:
    """What is not of its type is an error that names its path."""
    with pytest.raises(BadRequest) as caught:
        parse_service_account(changed(ACCOUNT, path, value), "object")
    assert str(caught.value).startswith(message)
