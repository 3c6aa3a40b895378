"""Flux and Argo CD read live bindings: kstatus by its rules, Argo CD by its Lua script."""

import pytest

from tests.argocd import health
from tests.e2e.eventually import eventually
from tests.e2e.scene import Scene
from tests.kstatus import compute
from tests.test_gitops import SCRIPT


def reading(scene: Scene) -> tuple[str, str]:
    """Return what kstatus and Argo CD read of the binding."""
    found = scene.binding("app")
    return str(compute(found)), health(SCRIPT, found)[0]


def reads(scene: Scene, *expected: str) -> None:
    """Expect kstatus and Argo CD to read *expected* soon."""

    def check() -> None:
        assert reading(scene) == expected

    eventually(check)


@pytest.mark.parametrize("field", ["acrServer", "managedIdentityClientID"])
def test_reading(calm_scene: Scene, field: str) -> None:
    """Both read a new, a healthy, a denied or failing, and a mended binding alike."""
    scene = calm_scene
    made = scene.bind("app")
    assert (compute(made), health(SCRIPT, made)[0]) == ("InProgress", "Progressing")
    reads(scene, "Current", "Healthy")
    broken = {
        "acrServer": "x.evil.example",
        "managedIdentityClientID": "0" * 8 + "-0000" * 3 + "-" + "0" * 12,
    }
    scene.respec("app", **{field: broken[field]})
    if field == "acrServer":
        reads(scene, "Failed", "Degraded")
    else:
        reads(scene, "InProgress", "Progressing")
    scene.respec("app", **{field: scene.spec[field]})
    reads(scene, "Current", "Healthy")
