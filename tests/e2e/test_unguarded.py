"""A ServiceAccount that was adopted, but that no answer has guarded yet, is not lost either."""

from collections.abc import Iterator

import pytest

from hooks.core.names import ATTACHED_ANNOTATION, PULL_SECRETS_ANNOTATION
from tests.e2e.audit import requests
from tests.e2e.eventually import eventually
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage

STRIPPED = {PULL_SECRETS_ANNOTATION: None, ATTACHED_ANNOTATION: None}


pytestmark = pytest.mark.adoption


@pytest.fixture(params=[{}, STRIPPED], ids=["marked", "stripped"])
def adopted(request: pytest.FixtureRequest, stage: Stage, scene: Scene) -> Iterator[Scene]:
    """Return a scene whose binding has adopted `late` while its own hooks are down.

    The hooks first answer with the Secret, whose label attaches the binding.
    """
    scene.bind("app", "late")
    scene.says("app", "Attached", "False/ServiceAccountNotFound")
    scene.secret("acr-pull-app")
    stage.recorder.broken |= {"/sync", "/finalize"}
    scene.make_account("late", *USERS)

    def check() -> None:
        owners = scene.account("late")["metadata"].get("ownerReferences", [])
        assert [owner["name"] for owner in owners] == ["app"]

    eventually(check)
    scene.edit("late", metadata={"annotations": request.param})
    yield scene
    stage.recorder.broken.clear()


@pytest.mark.parametrize("propagation", ["Background", "Orphan"])
def test_deleted(stage: Stage, adopted: Scene, propagation: str) -> None:
    """A binding goes once its hooks have seen to the ServiceAccount.

    With Orphan Metacontroller manages no children any more, so an entry that a sync under way has
    listed is left to the next binding.
    """
    adopted.unbind("app", propagation)
    stage.recorder.broken.clear()
    adopted.gone("ACRPullBinding", "app")
    if propagation == "Background":
        adopted.released("late", *USERS)
    check_next(adopted)


def test_deleted_in_the_foreground(stage: Stage, adopted: Scene) -> None:
    """The garbage collector may not delete it; the status says how to let the binding go."""
    size = stage.plane.audit_log.stat().st_size
    adopted.unbind("app", "Foreground")

    def tried() -> None:
        asked = requests(stage.plane.audit_log, size)
        refused = {(r.verb, r.name) for r in asked if is_refusal(r.user, r.status)}
        assert ("delete", "late") in refused

    eventually(tried)
    stage.recorder.broken.clear()
    message = adopted.says("app", "Ready", "False/Deleting")
    assert "late" in message
    assert "ownerReferences" in message
    adopted.edit("late", metadata={"ownerReferences": None})
    adopted.gone("ACRPullBinding", "app")
    check_next(adopted)


def is_refusal(user: str, status: int) -> bool:
    """Tell that the garbage collector was refused something."""
    return user.endswith(":generic-garbage-collector") and status == 403


def check_next(scene: Scene) -> None:
    """The next binding finds the ServiceAccount as it should."""
    scene.bind("jobs", "late")
    scene.ready("jobs")
    scene.listed("late", *USERS, "acr-pull-jobs")
    scene.guarded("late")
