"""A pull with the Secret that is in the cluster, before and after it was renewed."""

import base64
import json
import time
from collections.abc import Iterator

import jwt
import pytest

from tests.e2e.eventually import eventually
from tests.e2e.registry import DIGEST, DockerRegistry
from tests.e2e.scene import Scene
from tests.e2e.skopeo import pull
from tests.e2e.stage import Stage
from tests.tools import require

LIFETIME_SECONDS = 24  # renewed after half of it


@pytest.fixture
def registry(stage: Stage) -> Iterator[None]:
    """Put a registry behind the stage's Azure."""
    require("docker-registry", "skopeo")
    emulator = stage.emulator
    with DockerRegistry(emulator.acr_server, emulator.token_file) as running:
        emulator.registry_url = running.url
        yield
        emulator.registry_url = ""


@pytest.mark.usefixtures("registry")
def test_pull(stage: Stage, calm_scene: Scene) -> None:
    """The Secret of a binding pulls; so does the renewed one, and then the old one no more."""
    emulator = stage.emulator
    emulator.refresh_lifetime = LIFETIME_SECONDS
    image = f"{emulator.acr_server}/app:1"
    calm_scene.bind("app")
    calm_scene.ready("app")
    first = config(calm_scene)
    assert pull(first, image, emulator.ca_file).digest == DIGEST

    def renewed() -> bytes:
        found = config(calm_scene)
        assert found != first
        return found

    second = eventually(renewed)
    assert pull(second, image, emulator.ca_file).digest == DIGEST
    time.sleep(max(0, expiry(first) - emulator.clock().timestamp()))
    refused = pull(first, image, emulator.ca_file)
    assert refused.status == 1
    assert "unauthorized" in refused.output
    assert pull(config(calm_scene), image, emulator.ca_file).digest == DIGEST


def config(scene: Scene) -> bytes:
    """Return what the Secret holds."""
    return base64.b64decode(scene.secret("acr-pull-app")["data"][".dockerconfigjson"])


def expiry(docker_config: bytes) -> float:
    """Return the Unix time at which the token in *docker_config* expires."""
    (entry,) = json.loads(docker_config)["auths"].values()
    claims = jwt.decode(entry["password"], options={"verify_signature": False})
    return float(claims["exp"])
