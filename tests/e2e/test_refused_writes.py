"""Secrets that Metacontroller can't write: the status says so, and Azure is not asked again."""

import time
from typing import Final

from tests.e2e.other_policy import validating_policy
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage

LIFETIME_SECONDS: Final = 40  # renewed after half of it
WATCHED_SECONDS: Final = 60  # three lives of a token that is not written
SECRET: Final = "acr-pull-app"


def conditions(scene: Scene) -> dict[str, str]:
    """Return "status/reason" of each condition of the binding."""
    found = scene.binding("app")["status"]["conditions"]
    return {c["type"]: f"{c['status']}/{c['reason']}" for c in found}


def expiry(scene: Scene) -> str:
    """Return the expiry in the binding's status."""
    text: str = scene.binding("app")["status"]["tokenExpirationTime"]
    return text


def exchanges(stage: Stage) -> int:
    """Return how many tokens were requested from the registry."""
    return stage.emulator.count("exchange")


def make_immutable(scene: Scene) -> None:
    """Refuse every update of the Secret, as the API server does for an immutable one."""
    scene.api.merge("Secret", scene.name, SECRET, {"immutable": True})


def test_update_refused(stage: Stage, calm_scene: Scene) -> None:
    """A token that can't be written is not reported as the token in the Secret."""
    scene = calm_scene
    stage.emulator.refresh_lifetime = LIFETIME_SECONDS
    scene.bind("app")
    scene.ready("app")
    make_immutable(scene)
    before, requested = expiry(scene), exchanges(stage)
    message = scene.says("app", "RenewalHealthy", "False/SecretNotWritten")
    assert SECRET in message
    assert conditions(scene)["TokenFresh"] == "True/RefreshFailing"
    scene.says("app", "Ready", "False/SecretNotWritten")
    assert expiry(scene) == before
    assert conditions(scene)["TokenFresh"] == "False/SecretNotWritten"
    scene.listed("default", *USERS, SECRET)
    since = transition(scene)
    time.sleep(WATCHED_SECONDS)
    # A token lives for 40 s here and can't be used for longer: then the next one is requested.
    assert exchanges(stage) - requested <= 2 + WATCHED_SECONDS // (LIFETIME_SECONDS // 2)
    assert transition(scene) == since
    scene.api.delete("Secret", scene.name, SECRET)
    scene.ready("app")


def transition(scene: Scene) -> str:
    """Return when Ready last changed."""
    found = scene.binding("app")["status"]["conditions"]
    return next(str(c["lastTransitionTime"]) for c in found if c["type"] == "Ready")


def test_one_token_for_all_retries(stage: Stage, calm_scene: Scene) -> None:
    """Metacontroller's retries write the token that acrpull obtained first."""
    scene = calm_scene
    with validating_policy(scene, "false", "CREATE"):
        scene.bind("app")
        scene.says("app", "Ready", "False/SecretNotWritten")
        status = scene.binding("app")["status"]
        assert not {"secretName", "tokenIssueTime", "tokenExpirationTime"} & status.keys()
        assert status["secretPendingTime"]
        time.sleep(20)
        assert exchanges(stage) == 1
    scene.ready("app")
    assert exchanges(stage) == 1
    assert "secretPendingTime" not in scene.binding("app")["status"]
