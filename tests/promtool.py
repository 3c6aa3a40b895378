"""Prometheus' own checks: https://prometheus.io/docs/prometheus/latest/command-line/promtool/."""

import subprocess

from tests.service import clean_environment
from tests.tools import require


def promtool(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool with *text* as its input; skip the test without promtool."""
    require("promtool", package="prometheus")
    return subprocess.run(  # noqa: S603  our own arguments
        ["promtool", *arguments],  # noqa: S607  wherever it is installed
        env=clean_environment(),
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
