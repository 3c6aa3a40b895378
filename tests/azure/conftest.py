"""An emulated Azure whose clock stands still."""

from collections.abc import Iterator

import pytest

from tests.azure.client import NOW
from tests.emulator import Emulator


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    """Start it; its keys take a while to make."""
    with Emulator(clock=lambda: NOW) as emulator:
        yield emulator
