"""The exact JSON of the children: only fields that we own, and those always."""

from dataclasses import replace

import pytest

from hooks.core.account.attachment import DesiredServiceAccount
from hooks.core.fields import JSON
from hooks.core.model.cluster import Owner, PullSecret
from hooks.core.wire import dockerconfig
from hooks.core.wire.response import (
    new_owner,
    new_pull_secret,
    new_service_account,
)
from tests.core.builders import (
    ATTACHED,
    GUARD,
    HOLDER,
    NEW_TOKEN,
    SECRET,
    SECRET_NAME,
    SERVER,
)

DESIRED = DesiredServiceAccount(
    name="default",
    namespace="team-a",
    pull_secrets=("zeta", None, SECRET_NAME),
    attached=(SECRET_NAME,),
    owners=(HOLDER, GUARD),
    had_pull_secrets=True,
)
OWNERS_JSON = [
    {
        "apiVersion": "acrpull.dev/v1beta1",
        "kind": "ACRPullBinding",
        "name": "app",
        "uid": "uid-app",
        "controller": True,
        "blockOwnerDeletion": True,
    },
    {
        "apiVersion": "v1",
        "kind": "Namespace",
        "name": "team-a",
        "uid": "uid-team-a",
        "controller": False,
        "blockOwnerDeletion": False,
    },
]


def test_pull_secret() -> None:
    """The Secret has type, docker config, labels and the hash of its inputs, and no other field."""
    assert new_pull_secret("team-a", replace(SECRET, token=NEW_TOKEN, inputs="hash")) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": SECRET_NAME,
            "namespace": "team-a",
            "labels": {"serviceaccount.acrpull.dev/default": "attach"},
            "annotations": {"acrpull.dev/token-inputs": "hash"},
        },
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": dockerconfig.encode(SERVER, NEW_TOKEN)},
    }


def test_empty_pull_secret() -> None:
    """A Secret without a token lists no registry, and has empty maps of labels and annotations."""
    body = new_pull_secret("team-a", PullSecret(SECRET_NAME))
    assert (body["metadata"]["labels"], body["metadata"]["annotations"]) == ({}, {})
    assert body["data"] == {".dockerconfigjson": "eyJhdXRocyI6e319"}


def test_service_account() -> None:
    """The ServiceAccount has its list, nameless entries and all, what is ours, and its owners."""
    assert new_service_account(DESIRED) == {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": "default",
            "namespace": "team-a",
            "annotations": {ATTACHED: SECRET_NAME},
            "ownerReferences": OWNERS_JSON,
        },
        "imagePullSecrets": [{"name": "zeta"}, {}, {"name": SECRET_NAME}],
    }


@pytest.mark.parametrize(
    ("desired", "part", "value"),
    [
        pytest.param(replace(DESIRED, attached=()), "annotations", {}, id="nothing-ours"),
        pytest.param(
            replace(DESIRED, attached=("a", "b")), "annotations", {ATTACHED: "a,b"}, id="two-ours"
        ),
        pytest.param(replace(DESIRED, owners=()), "ownerReferences", [], id="no-owners"),
        pytest.param(replace(DESIRED, owners=None), "ownerReferences", None, id="unsaid-owners"),
    ],
)
def test_service_account_metadata(desired: DesiredServiceAccount, part: str, value: object) -> None:
    """An empty map is said, since one that vanishes would take others' keys with it."""
    assert new_service_account(desired)["metadata"].get(part) == value


@pytest.mark.parametrize(
    ("listed", "had", "value"),
    [
        pytest.param(("a",), False, [{"name": "a"}], id="first"),
        pytest.param((), True, [], id="emptied"),
        pytest.param((), False, None, id="never-one"),
    ],
)
def test_empty_list(listed: tuple[str, ...], value: object, *, had: bool) -> None:
    """An empty list is said only where there is one to empty."""
    body = new_service_account(replace(DESIRED, pull_secrets=listed, had_pull_secrets=had))
    assert body.get("imagePullSecrets") == value
    assert ("imagePullSecrets" in body) is (value is not None)


@pytest.mark.parametrize(
    ("owner", "body"),
    [
        (HOLDER, OWNERS_JSON[0]),
        (GUARD, OWNERS_JSON[1]),
        (
            Owner("", "", "", "u", controller=True),
            {"uid": "u", "controller": True, "blockOwnerDeletion": True},
        ),
    ],
    ids=["binding", "guard", "by-uid"],
)
def test_owner(owner: Owner, body: JSON) -> None:
    """A reference is whole, or goes by uid; only a controller's holds up deletion."""
    assert new_owner(owner) == body
