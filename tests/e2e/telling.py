"""Plays tests/story.py on a real cluster, and collects Metacontroller's calls."""

import math
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tests.e2e.api import BINDING, Object
from tests.e2e.eventually import eventually
from tests.e2e.stage import Stage
from tests.e2e.user import RealUser
from tests.emulator import Fault
from tests.model.objects import is_deleting
from tests.story import PAUSE_SECONDS, REST_SECONDS, STORY, Step
from tests.traffic import Heard
from tests.user import NAMESPACE

QUIET_SECONDS: Final = 0.4
KINDS: Final = (BINDING, "ServiceAccount", "Secret")


@dataclass
class Telling:
    """The story on a stage with a running Metacontroller.

    `heard` contains the calls about objects of the Namespace. `began` contains the Unix times of
    the actions, each at the beginning of a second.
    """

    stage: Stage
    heard: list[Heard] = field(default_factory=list)
    began: list[int] = field(default_factory=list)

    def tell(self) -> None:
        """Play all steps. Raises `AssertionError` if a step does not end in its expected state."""
        user = RealUser(self.stage.api, self.stage.emulator.acr_server)
        eventually(partial(self._check_calm, STORY[0]), REST_SECONDS)
        for number, step in enumerate(STORY):
            before = len(self.stage.recorder.exchanges)
            self._set_registry(step)
            pause = PAUSE_SECONDS if step.continues else 0
            self.began.append(await_second(self.began[-1] + pause if self.began else 0))
            step.deed(user)
            eventually(partial(self._check_rest, step, before), REST_SECONDS)
            for exchange in self.stage.recorder.exchanges[before:]:
                exchange.check()
                heard = Heard(number, exchange.path, exchange.request, exchange.answer, exchange.at)
                takeover = heard.path.startswith("/secret/")  # no such controller in the model
                if heard.parent["metadata"].get("namespace") == NAMESPACE and not takeover:
                    assert exchange.status == 200
                    self.heard.append(heard)

    def _set_registry(self, step: Step) -> None:
        emulator = self.stage.emulator
        emulator.faults.clear()
        if step.registry != 200:
            emulator.faults.add("exchange", Fault(status=step.registry))
        emulator.refresh_lifetime = step.token_seconds

    def _check_rest(self, step: Step, before: int) -> None:
        """Check the expected state after *step*, whose calls come after the first *before*."""
        assert len(self.stage.recorder.exchanges) > before, f"{step.name}: no hook is called"
        for name, reason in step.ready.items():
            obj = self.stage.api.get(BINDING, NAMESPACE, name)
            conditions = obj.get("status", {}).get("conditions", [])
            found = [c for c in conditions if c["type"] == "Ready"]
            assert [c["reason"] for c in found] == [reason], f"{step.name}: {name} is {found}"
            assert found[0]["observedGeneration"] == obj["metadata"]["generation"]
        assert step.lasts or not self._going()
        self._check_calm(step)

    def _going(self) -> list[Object]:
        """Return the objects under deletion; an empty Namespace does not count."""
        content = [obj for kind in KINDS for obj in self.stage.api.list(kind, NAMESPACE)]
        namespace = self.stage.api.find("Namespace", "", NAMESPACE)
        everything = [*content, namespace] if content and namespace else content
        return [obj for obj in everything if is_deleting(obj)]

    def _check_calm(self, step: Step) -> None:
        """Check that Metacontroller calls no hook for a moment, and that no call is due soon."""
        exchanges = self.stage.recorder.exchanges
        before = len(exchanges)
        time.sleep(QUIET_SECONDS)
        now = time.time()  # noqa: TID251  against which the calls were recorded
        due = [e.at + e.answer.get("resyncAfterSeconds", 0) for e in exchanges]
        assert len(exchanges) == before
        assert not any(now - QUIET_SECONDS < at < now + step.horizon for at in due)


def await_second(earliest: int) -> int:
    """Wait for the beginning of a second, at or after *earliest*; return the second."""
    now = time.time()  # noqa: TID251  the API server's times are whole seconds of it
    second = max(math.ceil(now), earliest)
    time.sleep(second - now)
    return second
