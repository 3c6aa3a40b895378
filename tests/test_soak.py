"""The short form of `make soak`."""

from tests.soak.plan import SHORT
from tests.soak.soak import Soak


def test_soak() -> None:
    """Faults, kills and time cost no pull, and the worker does not grow."""
    report = Soak(SHORT).run()
    assert not report.problems(), "\n".join(report.lines())
