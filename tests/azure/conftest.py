"""An emulated Azure with a fixed clock."""

from collections.abc import Iterator

import pytest

from tests.azure.client import NOW
from tests.emulator import Emulator


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    """Start the emulator; the generation of its keys takes a while."""
    with Emulator(clock=lambda: NOW) as emulator:
        yield emulator
