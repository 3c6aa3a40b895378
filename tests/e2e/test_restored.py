"""Namespaces restored from a backup: acrpull takes its Secrets over, without a person."""

import copy
from typing import Final
from uuid import uuid4

import pytest

from tests.e2e.api import Api, Object
from tests.e2e.eventually import eventually
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage
from tests.model import binding, namespace

NAMESPACES: Final = 50
BULK_SECONDS: Final = 120


def without_system_fields(obj: Object) -> Object:
    """Return *obj* as a backup restores it: without uid, owners and managed fields."""
    kept = copy.deepcopy(obj)
    for name in ("uid", "resourceVersion", "creationTimestamp", "ownerReferences", "managedFields"):
        kept["metadata"].pop(name, None)
    return kept


def test_restored(scene: Scene) -> None:
    """A binding with another uid gets the Secret of the binding before it."""
    scene.bind("app")
    scene.ready("app")
    secret = without_system_fields(scene.secret("acr-pull-app"))
    scene.unbind("app")
    scene.gone("ACRPullBinding", "app")
    scene.gone("Secret", "acr-pull-app")
    restored = scene.api.create(secret)
    scene.bind("app")
    scene.ready("app")
    scene.listed("default", *USERS, "acr-pull-app")
    assert scene.secret("acr-pull-app")["metadata"]["uid"] == restored["metadata"]["uid"]
    (owner,) = scene.secret("acr-pull-app")["metadata"]["ownerReferences"]
    assert owner["uid"] == scene.binding("app")["metadata"]["uid"]


def test_secret_of_a_user(scene: Scene) -> None:
    """A pull Secret without acrpull's annotation stays unchanged."""
    secret = left_secret(scene.name)
    del secret["metadata"]["labels"], secret["metadata"]["annotations"]
    made = scene.api.create(secret)
    scene.bind("app")
    scene.says("app", "Ready", "False/SecretNameTaken")
    assert scene.secret("acr-pull-app") == made


@pytest.mark.usefixtures("calm")
def test_fifty_namespaces(stage: Stage, strategy: str) -> None:
    """A whole cluster is restored at once."""
    stage.emulator.reset()
    spec = {"acrServer": stage.emulator.acr_server, "managedIdentityClientID": str(uuid4())}
    names = [f"restored-{number}-{strategy}" for number in range(NAMESPACES)]
    for name in names:
        stage.api.create(namespace(name))
        stage.api.create(left_secret(name))
        stage.api.create(binding(name, "app", **spec))
    try:
        eventually(lambda: all_ready(stage.api, names), BULK_SECONDS)
    finally:
        for name in names:
            stage.api.delete("Namespace", "", name)


def left_secret(namespace: str) -> Object:
    """Return what a backup restores of a pull Secret."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "acr-pull-app",
            "namespace": namespace,
            "labels": {"controller-uid": "99999999-0000-0000-0000-000000000000"},
            "annotations": {"acrpull.dev/token-inputs": "0" * 64},
        },
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": "eyJhdXRocyI6e319"},
    }


def all_ready(api: Api, namespaces: list[str]) -> None:
    """Check that the binding in each Namespace is Ready."""
    states = {}
    for obj in api.list("ACRPullBinding"):
        if obj["metadata"]["namespace"] in namespaces:
            found = {c["type"]: c["reason"] for c in obj.get("status", {}).get("conditions", [])}
            states[obj["metadata"]["namespace"]] = found.get("Ready")
    assert states == dict.fromkeys(namespaces, "Ready")
