"""Settings of Hypothesis. On CI, which Hypothesis detects, each run has the same cases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.properties.rest import check_fixpoint
from tests.properties.scene import Scene
from tests.properties.world import STRATEGIES

settings.register_profile("properties", settings(), deadline=None)
settings.load_profile("properties")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark all tests of this folder."""
    if item.path.is_relative_to(Path(__file__).parent):
        item.add_marker("properties")


@pytest.fixture(params=STRATEGIES)
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """Return a scene; at the end, check that the scene is at its fixpoint."""
    scene = Scene(request.param)
    yield scene
    check_fixpoint(scene.world)
