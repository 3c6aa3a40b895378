"""What the cluster's owner writes on a Namespace takes effect at once, both ways."""

from hooks.core.names import IDENTITIES_ANNOTATION
from tests.e2e.scene import USERS, Scene

OTHER = "99999999-2222-3333-4444-555555555555"


def allow(scene: Scene, identities: str | None) -> None:
    """Write the list of identities, or take it off."""
    metadata = {"annotations": {IDENTITIES_ANNOTATION: identities}}
    scene.api.merge("Namespace", "", scene.name, {"metadata": metadata})
    scene.disturb()


def test_identity_is_denied_and_allowed_again(scene: Scene) -> None:
    """The Secret is withdrawn and its entry taken off; the list gone, both come back."""
    scene.bind("app")
    scene.ready("app")
    scene.listed("default", *USERS, "acr-pull-app")
    allow(scene, OTHER)
    assert scene.name in scene.says("app", "Ready", "False/IdentityNotAllowed")
    scene.gone("Secret", "acr-pull-app")
    scene.released("default", *USERS)
    allow(scene, None)
    scene.ready("app")
    scene.listed("default", *USERS, "acr-pull-app")


def test_denied_from_the_start(scene: Scene) -> None:
    """No Secret is made, the ServiceAccount is not touched, and the binding can be deleted."""
    allow(scene, OTHER)
    scene.bind("app")
    scene.says("app", "Ready", "False/IdentityNotAllowed")
    scene.stays("default", *USERS)
    assert scene.api.find("Secret", scene.name, "acr-pull-app") is None
    scene.unbind("app")
    scene.gone("ACRPullBinding", "app")
    scene.released("default", *USERS)
