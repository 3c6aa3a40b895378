"""A short run of `make soak`."""

import pytest

from tests.soak.plan import SHORT
from tests.soak.soak import Soak


@pytest.mark.slow
@pytest.mark.process
def test_soak() -> None:
    """The service is killed, tokens are renewed, and the report has no problem."""
    report = Soak(SHORT).run()
    assert not report.problems(), "\n".join(report.lines())
    assert report.kills > 0
    assert report.tokens > SHORT.bindings, "No token was renewed."
