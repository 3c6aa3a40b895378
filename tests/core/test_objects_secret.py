"""Secrets and Namespaces, as from `kubectl get -o json`, to values."""

import base64
import json

import pytest

from hooks.core.errors import BadRequest
from hooks.core.fields import JSON
from hooks.core.model.cluster import Namespace, OwnedSecret, Owner
from hooks.core.wire import dockerconfig
from hooks.core.wire.objects import parse_namespace, parse_owned_secret, parse_secret
from tests.core.builders import LAST_APPLIED, NEW_TOKEN, SECRET_NAME, SERVER, changed

SECRET: JSON = {
    "metadata": {"name": SECRET_NAME, "annotations": {"acrpull.dev/token-inputs": "hash"}},
    "type": "kubernetes.io/dockerconfigjson",
    "data": {".dockerconfigjson": dockerconfig.encode(SERVER, NEW_TOKEN)},
}


def test_secret() -> None:
    """A Secret of ours is read with server, token and the hash of its inputs."""
    secret = parse_secret(SECRET, "at")
    assert (secret.name, secret.server, secret.token) == (SECRET_NAME, SERVER, NEW_TOKEN)
    assert (secret.inputs, secret.unmodified, secret.dynamic_apply) == ("hash", True, False)


def test_changed_secret() -> None:
    """A Secret that was changed is read with the token that it still has, as not intact."""
    auths = json.loads(base64.b64decode(SECRET["data"][".dockerconfigjson"]))["auths"]
    data = json.dumps({"auths": {**auths, "b.io": {"auth": "eDp5"}}}).encode()
    obj = changed(SECRET, "data", {".dockerconfigjson": base64.b64encode(data).decode()})
    secret = parse_secret(obj, "at")
    assert (secret.server, secret.token, secret.unmodified) == (SERVER, NEW_TOKEN, False)


def test_secret_shows_strategy() -> None:
    """The annotation that dynamic-apply leaves shows on the Secret."""
    annotated = changed(SECRET, "metadata", {"name": "s", "annotations": {LAST_APPLIED: "{}"}})
    assert parse_secret(annotated, "at").dynamic_apply


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("type", "Opaque", id="type"),
        pytest.param("type", None, id="no-type"),
        pytest.param("data", None, id="no-data"),
        pytest.param("data", {}, id="no-key"),
        pytest.param("data", {".dockerconfigjson": None}, id="null"),
        pytest.param("data", {".dockerconfigjson": "e30="}, id="empty"),
        pytest.param(
            "data",
            {
                ".dockerconfigjson": base64.b64encode(
                    json.dumps({"auths": {SERVER: {"auth": "eDp5"}}}).encode()
                ).decode()
            },
            id="user's",
        ),
    ],
)
def test_secret_without_token(path: str, value: object) -> None:
    """A Secret that is not what we write has neither server nor token."""
    secret = parse_secret(changed(SECRET, path, value), "at")
    assert (secret.name, secret.server, secret.token) == (SECRET_NAME, None, None)
    assert not secret.unmodified


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("metadata", [], "at.metadata: expected an object"),
        ("metadata", {"name": 5}, "at.metadata.name: expected a string"),
        ("data", "x", "at.data: expected an object"),
        ("data", {".dockerconfigjson": 5}, "at.data..dockerconfigjson: expected a string"),
    ],
)
def test_bad_secret(path: str, value: object, message: str) -> None:
    """What is not of its type is an error that names its path, and shows no data."""
    with pytest.raises(BadRequest) as caught:
        parse_secret(changed(SECRET, path, value), "at")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("meta", "secret"),
    [
        ({"name": "s"}, OwnedSecret("s", "default")),
        (
            {
                "name": "s",
                "namespace": "team-a",
                "labels": {"controller-uid": "uid-app"},
                "annotations": {"acrpull.dev/token-inputs": "hash"},
                "ownerReferences": [{"uid": "uid-x", "controller": True}],
                "deletionTimestamp": "2026-11-23T12:00:00Z",
            },
            OwnedSecret(
                "s",
                "team-a",
                owners=(Owner("", "", "", "uid-x", controller=True),),
                uid_label="uid-app",
                made_here=True,
                deleting=True,
            ),
        ),
    ],
    ids=["bare", "whole"],
)
def test_owned_secret(meta: JSON, secret: OwnedSecret) -> None:
    """A Secret is read with its marks and owners, and without its data."""
    assert parse_owned_secret({**SECRET, "metadata": meta}, "at") == secret


def test_owned_secret_without_name() -> None:
    """A Secret without a name is an error that names its path."""
    with pytest.raises(BadRequest, match=r"^at\.metadata\.name: expected a string"):
        parse_owned_secret({"metadata": {}}, "at")


@pytest.mark.parametrize(
    ("meta", "namespace"),
    [
        ({"uid": "u"}, Namespace("u")),
        ({"uid": "u", "deletionTimestamp": None}, Namespace("u")),
        (
            {"uid": "u", "deletionTimestamp": "2026-11-23T12:00:00Z"},
            Namespace("u", terminating=True),
        ),
        (
            {"uid": "u", "name": "n", "annotations": {"acrpull.dev/allowed-identities": " a,, b "}},
            Namespace("u", name="n", identities=frozenset({"a", "b"})),
        ),
        (
            {"uid": "u", "annotations": {"acrpull.dev/allowed-acr-servers": ""}},
            Namespace("u", servers=frozenset()),
        ),
    ],
    ids=["alive", "null", "terminating", "identities", "no-server"],
)
def test_namespace(meta: JSON, namespace: Namespace) -> None:
    """A Namespace is its uid, whether it is being deleted, and what it lists."""
    assert parse_namespace({"metadata": meta}, "at") == namespace


def test_namespace_without_uid() -> None:
    """A Namespace without a uid could guard nothing."""
    with pytest.raises(BadRequest, match=r"^at\.metadata\.uid: expected a string"):
        parse_namespace({"metadata": {"name": "team-a"}}, "at")
