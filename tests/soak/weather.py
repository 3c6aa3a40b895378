"""The faults of Azure, and their times."""

import random
import threading
from collections.abc import Callable

from tests.emulator import Emulator, Fault, acr_throttled, imds_throttled
from tests.emulator.fault import Endpoint
from tests.soak.plan import Plan
from tests.soak.tally import Tally

HANG_SECONDS = 20
IMDS: list[Callable[[], Fault]] = [
    imds_throttled,
    lambda: Fault(status=500),
    lambda: Fault(reset=True),
    lambda: Fault(delay=1),
]
ACR: list[Callable[[], Fault]] = [
    acr_throttled,
    lambda: Fault(status=500),
    lambda: Fault(status=200, body=b"<html>"),
    lambda: Fault(reset=True),
    lambda: Fault(delay=1),
    lambda: Fault(delay=HANG_SECONDS),
]
ENDPOINTS: list[tuple[Endpoint, list[Callable[[], Fault]]]] = [
    ("imds", IMDS), ("exchange", ACR), ("token", ACR)
]  # fmt: skip


class Weather:
    """Alternates between a fault of up to `fault_seconds`, and a pause of `fault_seconds`.

    For a third of the time, a registry never answers.

    Attributes:
        dead: The registry without answers. Its tokens may expire.
    """

    def __init__(self, emulator: Emulator, plan: Plan, tally: Tally) -> None:
        self.dead = emulator.acr_servers[1]
        self._emulator = emulator
        self._plan = plan
        self._tally = tally
        self._random = random.Random(plan.seed)  # noqa: S311  faults to try, not a secret

    def run(self, stop: threading.Event) -> None:
        """Cause faults until *stop*, and none in the last turn."""
        turns = int(self._plan.seconds / self._plan.fault_seconds / 2)
        for turn in range(turns):
            dead = turns / 3 <= turn < turns * 2 / 3
            self._change(dead=dead, strike=turn < turns - 1)
            if stop.wait(self._plan.fault_seconds * self._random.uniform(0.3, 1)):
                return
            self._change(dead=dead, strike=False)
            if stop.wait(self._plan.fault_seconds):
                return
        self._emulator.faults.clear()

    def _change(self, *, dead: bool, strike: bool) -> None:
        faults = self._emulator.faults
        faults.clear()
        if dead:
            faults.add("exchange", Fault(delay=HANG_SECONDS, host=self.dead))
            faults.add("token", Fault(delay=HANG_SECONDS, host=self.dead))
        if strike:
            endpoint, choices = self._random.choice(ENDPOINTS)
            faults.add(endpoint, self._random.choice(choices)())
            self._tally.count("faults")
