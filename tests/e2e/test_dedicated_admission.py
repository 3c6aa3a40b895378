"""The components `dedicated` and `admission` together: attach, share, move, unbind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import ATTACHMENTS
from tests.e2e.dedicated import ACCOUNT, LISTING, OVERLAY, open_dedicated, play_and_ask
from tests.e2e.install import render
from tests.e2e.rights import FORBIDDEN, granted
from tests.e2e.stage import Stage

BOTH: Final = f"{OVERLAY},{ATTACHMENTS['admission']}"


@pytest.fixture
def dedicated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """Start all but Metacontroller."""
    with open_dedicated(request, tmp_path, LISTING, overlay=BOTH) as stage:
        yield stage


def test_rights(dedicated: Stage, metacontroller_binary: Path) -> None:
    """Metacontroller uses all of its rights in the mode `admission`, and needs no others."""
    requested = play_and_ask(dedicated, metacontroller_binary, BOTH, admission=True)
    assert [right for right, statuses in requested.items() if FORBIDDEN in statuses] == []
    assert set(requested) == granted(render(dedicated.plane, BOTH), ACCOUNT)
