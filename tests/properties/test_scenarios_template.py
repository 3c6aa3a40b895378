"""The user's labels and annotations of a Secret: set, changed, removed, beside those of others."""

from tests.model.objects import Object
from tests.properties.scene import Scene

OWNED = {"metadata": {"labels": {"team": "shop"}, "annotations": {"example.com/owner": "me"}}}
FOREIGN = {"labels": {"audited": "yes"}, "annotations": {"example.com/ticket": "7"}}
KEYS = {"team", "area", "audited", "example.com/owner", "example.com/ticket"}


def marks(scene: Scene) -> dict[str, str]:
    """Return the labels and annotations of the Secret that a template or a user set."""
    secret = scene.bindings.secret("app") or {}
    meta = secret["metadata"]
    return {
        key: value for key, value in (meta["labels"] | meta["annotations"]).items() if key in KEYS
    }


def annotate(scene: Scene) -> None:
    """Set a label and an annotation as another client."""

    def change(obj: Object) -> None:
        for part, entries in FOREIGN.items():
            obj["metadata"][part].update(entries)

    secret = scene.bindings.secret("app") or {}
    scene.world.cluster.edit("Secret", secret["metadata"]["namespace"], "acr-pull-app", change)


def test_template(scene: Scene) -> None:
    """A changed template changes the Secret without a token request; foreign keys stay."""
    scene.bindings.create("app", "default")
    scene.settle()
    annotate(scene)
    scene.bindings.specify("app", secretTemplate=OWNED)
    scene.settle()
    foreign = {"audited": "yes", "example.com/ticket": "7"}
    assert marks(scene) == {"team": "shop", "example.com/owner": "me", **foreign}
    scene.bindings.specify("app", secretTemplate={"metadata": {"labels": {"area": "shop"}}})
    scene.settle()
    assert marks(scene) == {"area": "shop", **foreign}
    assert len(scene.world.mint.times) == 1
    scene.world.advance(3 * 3600)
    assert len(scene.world.mint.times) == 2
    assert marks(scene) == {"area": "shop", **foreign}
    scene.bindings.specify("app")
    scene.settle()
    assert marks(scene) == foreign


def test_invalid_spec(scene: Scene) -> None:
    """An invalid spec leaves the labels of its template on the Secret."""
    scene.bindings.create("app", "default")
    scene.settle()
    scene.bindings.specify("app", secretTemplate=OWNED)
    scene.settle()
    scene.bindings.specify("app", "invalid", scope="x", secretTemplate=OWNED)
    scene.settle()
    assert marks(scene) == {"team": "shop", "example.com/owner": "me"}
