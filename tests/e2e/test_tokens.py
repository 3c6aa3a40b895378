"""Tokens in time: renewed before they expire, and kept while Azure or the service is down."""

import pytest

from tests.e2e.eventually import eventually
from tests.e2e.scene import USERS, Scene
from tests.e2e.stage import Stage
from tests.emulator import Fault, no_role

LIFETIME_SECONDS = 24  # renewed after half of it


def config(scene: Scene) -> str:
    """Return what the Secret holds."""
    data: str = scene.secret("acr-pull-app")["data"][".dockerconfigjson"]
    return data


def renewed(scene: Scene, before: str) -> None:
    """Expect another token in the Secret soon."""

    def check() -> None:
        assert config(scene) != before

    eventually(check)


def test_renewed(stage: Stage, scene: Scene) -> None:
    """A token is replaced while it still works."""
    stage.emulator.refresh_lifetime = LIFETIME_SECONDS
    scene.bind("app")
    scene.ready("app")
    before, status = config(scene), scene.binding("app")["status"]
    renewed(scene, before)

    def told() -> None:
        refreshed = scene.binding("app")["status"]["tokenIssueTime"]
        assert status["tokenIssueTime"] < refreshed < status["tokenExpirationTime"]

    eventually(told)
    scene.ready("app")


def test_azure_down_at_first(stage: Stage, scene: Scene) -> None:
    """The status says what is wrong, the list is ready for the Secret, and it comes by itself."""
    stage.emulator.faults.add("imds", Fault(reset=True))
    scene.bind("app")
    message = scene.says("app", "Ready", "False/IdentityUnavailable")
    assert "IMDS" in message
    scene.listed("default", *USERS, "acr-pull-app")
    stage.emulator.faults.clear()
    scene.ready("app")


def test_azure_down_at_renewal(stage: Stage, scene: Scene) -> None:
    """The old token stays, and stays Ready, until it is renewed."""
    stage.emulator.refresh_lifetime = LIFETIME_SECONDS
    scene.bind("app")
    scene.ready("app")
    before = config(scene)
    stage.emulator.faults.add("exchange", no_role())
    message = scene.says("app", "Ready", "True/RefreshFailing")
    scene.says("app", "RenewalHealthy", "False/RegistryDenied")
    assert "AcrPull" in message
    assert config(scene) == before
    stage.emulator.faults.clear()
    renewed(scene, before)
    scene.ready("app")


@pytest.mark.parametrize(
    ("field", "value"), [("acrServer", "a..b"), ("managedIdentityClientID", "not-a-guid")]
)
def test_spec_made_invalid(scene: Scene, field: str, value: str) -> None:
    """The API server refuses it by the field's name, and nothing changes."""
    scene.bind("app")
    scene.ready("app")
    with pytest.raises(Exception, match=rf"422: .*spec\.{field}"):
        scene.respec("app", **{field: value})
    scene.listed("default", *USERS, "acr-pull-app")


def test_spec_not_allowed_and_back(stage: Stage, scene: Scene) -> None:
    """A registry that the service does not allow takes the Secret away once its token expired."""
    stage.emulator.refresh_lifetime = LIFETIME_SECONDS
    scene.bind("app")
    scene.ready("app")
    before = config(scene)
    scene.respec("app", acrServer="registry.example.com")
    message = scene.says("app", "Ready", "False/ServerNotAllowed")
    assert "ALLOWED_ACR_SERVER_SUFFIXES" in message
    assert config(scene) == before
    scene.listed("default", *USERS, "acr-pull-app")
    scene.gone("Secret", "acr-pull-app")
    scene.listed("default", *USERS)
    scene.respec("app", acrServer=scene.spec["acrServer"])
    scene.ready("app")
    scene.listed("default", *USERS, "acr-pull-app")


def test_no_identity(scene: Scene) -> None:
    """A spec that the service alone can tell is wrong keeps its Secret, its place and a token."""
    scene.bind("app")
    scene.ready("app")
    before = config(scene)
    scene.respec("app", managedIdentityClientID=None)
    message = scene.says("app", "Ready", "False/InvalidSpec")
    assert "managedIdentityClientID" in message
    assert config(scene) == before
    scene.listed("default", *USERS, "acr-pull-app")
    scene.respec("app", managedIdentityClientID=scene.spec["managedIdentityClientID"])
    scene.ready("app")


def test_service_killed(stage: Stage, scene: Scene) -> None:
    """What was asked of it meanwhile is done once it is back, and what was there stays."""
    scene.bind("app")
    scene.ready("app")
    before = config(scene)
    stage.service.kill()
    try:
        scene.bind("jobs")
        scene.relist("default", lambda names: ["first", *names])
    finally:
        stage.service.start()
    scene.listed("default", "first", *USERS, "acr-pull-app", "acr-pull-jobs")
    scene.ready("app", "jobs")
    assert config(scene) == before
