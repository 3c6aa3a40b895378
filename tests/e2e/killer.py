"""Kills Metacontroller or the hooks at moments that a seed determines."""

import threading
import time
from dataclasses import dataclass, field
from random import Random
from typing import Final, Protocol

LATEST_SECONDS: Final = 0.6  # an attachment takes about as long
DOWN_SECONDS: Final = 0.6  # at most


class Victim(Protocol):
    """A program that a test can kill and restart."""

    def kill(self) -> None:
        """End the program with SIGKILL."""

    def start(self) -> None:
        """Start the program."""


@dataclass
class Killer:
    """Kills *process* and restarts it, at random moments after some of the writes.

    *chance* is the probability of a kill after a write. The same *random* and the same writes give
    the same moments. `kills` is the number of kills.
    """

    process: Victim | None
    random: Random
    chance: float
    kills: int = 0
    _pending: threading.Thread | None = field(default=None, init=False)

    def after_write(self) -> None:
        """Decide whether and when to kill. Returns at once."""
        chance, wait, down = (self.random.random() for _ in range(3))
        if chance < self.chance:
            self.join()
            moments = (wait * LATEST_SECONDS, down * DOWN_SECONDS)
            self._pending = threading.Thread(target=self._kill, args=moments)
            self._pending.start()

    def join(self) -> None:
        """Wait until no kill is in progress; the process then runs."""
        if self._pending is not None:
            self._pending.join()

    def _kill(self, wait: float, down: float) -> None:
        assert self.process is not None, "the tests did not start this process"
        time.sleep(wait)
        self.process.kill()
        time.sleep(down)
        self.process.start()
        self.kills += 1
