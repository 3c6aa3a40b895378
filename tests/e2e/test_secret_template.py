"""The user's labels and annotations of a Secret, as an admission policy may demand them."""

from typing import Any, Final

from tests.e2e.eventually import eventually
from tests.e2e.other_policy import validating_policy
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage
from tests.test_schemas import longest_keys

LIFETIME_SECONDS: Final = 24  # renewed after half of it
SECRET: Final = "acr-pull-app"
DEMAND: Final = "object.metadata.?labels[?'example.com/cost-center'].hasValue()"
KEYS: Final = {"team", "area", "audited", "example.com/owner", "example.com/ticket"}
FOREIGN: Final = {"audited": "yes", "example.com/ticket": "7"}


def template(annotations: dict[str, str] | None = None, **labels: str) -> dict[str, Any]:
    """Return a secretTemplate for a merge patch, which removes the other keys of the test."""
    removed = dict.fromkeys(KEYS)
    return {"metadata": {"labels": removed | labels, "annotations": annotations or removed}}


def marked(scene: Scene, **expected: str) -> None:
    """Expect the Secret to have the keys *expected* and `FOREIGN`, and no other key of the test."""

    def check() -> None:
        meta = scene.secret(SECRET)["metadata"]
        found = {**meta["labels"], **meta["annotations"]}
        assert {key: value for key, value in found.items() if key in KEYS} == {
            **FOREIGN,
            **expected,
        }

    eventually(check)


def test_policy_that_demands_a_label(stage: Stage, calm_scene: Scene) -> None:
    """The template makes a cluster usable whose policy demands a label on each Secret."""
    scene = calm_scene
    stage.emulator.refresh_lifetime = LIFETIME_SECONDS
    with validating_policy(scene, DEMAND, "CREATE", "UPDATE"):
        scene.bind("app")
        scene.says("app", "Ready", "False/SecretNotWritten")
        labels = {"example.com/cost-center": "c-1"}
        scene.respec("app", secretTemplate={"metadata": {"labels": labels}})
        scene.ready("app")
        scene.listed("default", *USERS, SECRET)
        before = scene.secret(SECRET)

        def renewed() -> None:
            after = scene.secret(SECRET)
            assert after["data"] != before["data"]
            assert after["metadata"]["uid"] == before["metadata"]["uid"]

        eventually(renewed)
        scene.ready("app")
        scene.unbind("app")
        scene.gone("ACRPullBinding", "app")
        scene.gone("Secret", SECRET)
        scene.listed("default", *USERS)


def test_template(stage: Stage, scene: Scene) -> None:
    """A changed template changes the Secret without a token request; foreign keys stay."""
    scene.bind("app", secretTemplate={"metadata": {"labels": {"team": "shop", "area": "north"}}})
    scene.ready("app")
    labels, annotations = {"audited": "yes"}, {"example.com/ticket": "7"}
    meta = {"labels": labels, "annotations": annotations}
    scene.api.merge("Secret", scene.name, SECRET, {"metadata": meta})
    scene.disturb()
    marked(scene, team="shop", area="north")
    uid, requests = scene.secret(SECRET)["metadata"]["uid"], stage.emulator.count("exchange")
    scene.respec("app", secretTemplate=template({"example.com/owner": "me"}, team="food"))
    marked(scene, team="food", **{"example.com/owner": "me"})
    scene.respec("app", secretTemplate=template(team="food"))
    marked(scene, team="food")
    assert stage.emulator.count("exchange") == requests
    data = scene.secret(SECRET)["data"]
    scene.respec("app", scope="repository:app:pull")

    def renewed() -> None:
        assert scene.secret(SECRET)["data"] != data

    eventually(renewed)
    marked(scene, team="food")
    scene.respec("app", secretTemplate=None)
    marked(scene)
    scene.ready("app")
    assert scene.secret(SECRET)["metadata"]["uid"] == uid


def test_longest_template(calm_scene: Scene) -> None:
    """The API server accepts the longest template, also with the copy that dynamic-apply writes."""
    scene = calm_scene
    keys = longest_keys()
    labels, annotations = dict.fromkeys(keys, "a" * 63), dict.fromkeys(keys, "\u2028" * 1024)
    scene.bind("app", secretTemplate={"metadata": {"labels": labels, "annotations": annotations}})
    scene.ready("app")
    meta = scene.secret(SECRET)["metadata"]
    assert meta["labels"].items() >= labels.items()
    assert meta["annotations"].items() >= annotations.items()
