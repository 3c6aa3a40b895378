"""How Hypothesis runs here; on CI, which it sees by itself, it tries the same cases each time."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.properties.rest import check_fixpoint
from tests.properties.scene import Scene
from tests.properties.world import STRATEGIES

settings.register_profile("properties", settings(), deadline=None)
settings.load_profile("properties")


@pytest.fixture(params=STRATEGIES)
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """Return a scene that is at its fixpoint in the end."""
    scene = Scene(request.param)
    yield scene
    check_fixpoint(scene.world)
