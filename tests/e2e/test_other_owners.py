"""ServiceAccounts with other owners, as the Operator Lifecycle Manager creates them."""

import time
from typing import Any, Final

import pytest

from tests.e2e.api import Object
from tests.e2e.scene import USERS, Scene

PAUSE_SECONDS: Final = 0.2  # longer than most repairs


@pytest.fixture
def owner(scene: Scene) -> Object:
    """Return a reference that does not control, to an object that exists."""
    config: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "my-operator.v1.2.3", "namespace": scene.name},
    }
    made = scene.api.create(config)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "my-operator.v1.2.3",
        "uid": made["metadata"]["uid"],
        "controller": False,
        "blockOwnerDeletion": False,
    }


def owned(scene: Scene, uid: str) -> None:
    """Expect the other owner still to be one."""
    owners = scene.account("default")["metadata"]["ownerReferences"]
    assert uid in {reference["uid"] for reference in owners}


def attached_and_released(scene: Scene, owner: Object) -> None:
    """Expect the entry until the binding is deleted, and the *owner* before and after."""
    scene.listed("default", *USERS, "acr-pull-app")
    owned(scene, owner["uid"])
    scene.unbind("app")
    scene.gone("ACRPullBinding", "app")
    scene.listed("default", *USERS)
    owned(scene, owner["uid"])


def test_owner_that_came_first(scene: Scene, owner: Object) -> None:
    """An owner that does not control the ServiceAccount is no obstacle, and stays."""
    scene.edit("default", metadata={"ownerReferences": [owner]})
    scene.bind("app")
    scene.ready("app")
    attached_and_released(scene, owner)


def rewrite(scene: Scene, owner: Object, *, keeps_label: bool) -> None:
    """Replace the whole ServiceAccount, as `kubectl replace` and the OLM do."""
    labels = scene.account("default")["metadata"].get("labels", {}) if keeps_label else {}
    meta: dict[str, Any] = {
        "name": "default",
        "namespace": scene.name,
        "labels": labels,
        "ownerReferences": [owner],
    }
    entries = [{"name": name} for name in USERS]
    scene.api.replace(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": meta,
            "imagePullSecrets": entries,
        }
    )
    scene.disturb()


@pytest.mark.parametrize("times", [1, 12])
@pytest.mark.parametrize("keeps_label", [True, False], ids=["label-kept", "label-gone"])
def test_owner_that_rewrites(scene: Scene, owner: Object, times: int, *, keeps_label: bool) -> None:
    """A rewritten ServiceAccount gets its entry back, whether or not the label survived."""
    scene.bind("app")
    scene.ready("app")
    for _ in range(times):
        rewrite(scene, owner, keeps_label=keeps_label)
        time.sleep(PAUSE_SECONDS)
    attached_and_released(scene, owner)


@pytest.mark.parametrize("pause", [0, 0.02, 0.05, 0.1])
def test_owner_that_comes_meanwhile(scene: Scene, owner: Object, pause: float) -> None:
    """An owner that rewrites the ServiceAccount during the attachment is no obstacle."""
    scene.bind("app")
    time.sleep(pause)
    rewrite(scene, owner, keeps_label=True)
    scene.listed("default", *USERS, "acr-pull-app")
    scene.ready("app")
    owned(scene, owner["uid"])
