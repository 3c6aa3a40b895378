"""The service with a clock under a test's control: the app `tests.clocked:app`.

The file CLOCK_FILE contains the seconds by which the clock is ahead. The monotonic clock of the
process is unchanged, as on a node after a change of the clock.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

FILE: Final = Path(os.environ["CLOCK_FILE"])  # noqa: TID251  the process is the test's
machine_time = time.time  # noqa: TID251  what the file's number is added to


def ahead() -> float:
    """Return the seconds by which the clock is ahead."""
    return float(FILE.read_text())


def now() -> datetime:
    """Return the time in UTC by this clock."""
    return datetime.now(UTC) + timedelta(seconds=ahead())  # noqa: TID251  as above


time.time = lambda: machine_time() + ahead()  # noqa: TID251  for azure-identity and MSAL

from hooks import wsgi  # noqa: E402  it reads the clock from here on

vars(wsgi)["datetime"] = type("Clock", (), {"now": staticmethod(lambda _zone: now())})
app = wsgi.app
