"""Sends random requests to a running service and checks the answers and the log.

`make test` sends 100 requests, `make soak` 5,000.
"""

from dataclasses import dataclass, field
from typing import Final

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.client import Client
from tests.emulator import Emulator
from tests.fuzz.requests import Request, requests
from tests.fuzz.rules import check_answers, check_log
from tests.fuzz.seeds import captured, tokens_in
from tests.fuzz.wire import exchange
from tests.service import Service

WARM_UP: Final = 100  # cases, until all allocations that happen once are done
GROWTH_BYTES: Final = 48 * 2**20


def environment(emulator: Emulator) -> dict[str, str]:
    """Return the environment of a service for all kinds of bindings."""
    return emulator.environment() | emulator.federation() | {"UPSTREAM_APIS": "enabled"}


@dataclass
class Summary:
    """The results of a run."""

    cases: int = 0
    answers: dict[int, int] = field(default_factory=dict)  # by status; 0 means no answer
    before_bytes: int = 0
    after_bytes: int = 0

    def __str__(self) -> str:
        """Return the results in one line."""
        by_status = ", ".join(
            f"{count} x {status}" for status, count in sorted(self.answers.items())
        )
        before, after = self.before_bytes // 2**20, self.after_bytes // 2**20
        return (
            f"{self.cases} cases: {by_status}; {before} MiB after warm-up, {after} MiB at the end"
        )


class Fuzz:
    """Cases against *service*; its log is read as it grows."""

    def __init__(self, service: Service, emulator: Emulator) -> None:
        self._service = service
        self._address = service.address
        self._captured = captured(Client(service.url, emulator.acr_server), emulator)
        self._tokens = tokens_in(self._captured)
        self._read = service.log_file.stat().st_size
        self.summary = Summary()

    def run(self, cases: int, seed: int) -> Summary:
        """Try *cases* from *seed*. Raises `AssertionError`, with the smallest failing request."""
        worker = self._service.worker_pid
        self._try(WARM_UP, seed)
        self.summary.before_bytes = self._service.rss_bytes()
        self._try(cases, seed + 1)
        self.summary.after_bytes = self._service.rss_bytes()
        assert self._service.worker_pid == worker, "the worker has died"
        assert self.summary.after_bytes - self.summary.before_bytes < GROWTH_BYTES, self.summary
        return self.summary

    def _try(self, cases: int, seed: int) -> None:
        @hypothesis.seed(seed)
        @settings(
            max_examples=cases,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(requests(self._captured))
        def check(request: Request) -> None:
            self._check(request)

        check()

    def _check(self, request: Request) -> None:
        answers = exchange(self._address, request.data, bodiless=request.method == b"HEAD")
        self.summary.cases += 1
        for status in [answer.status for answer in answers] or [0]:
            self.summary.answers[status] = self.summary.answers.get(status, 0) + 1
        check_answers(request, answers, self._tokens)
        check_log(self._new_lines(), self._tokens)

    def _new_lines(self) -> str:
        """Return the new complete lines of the log since the last call."""
        with self._service.log_file.open("rb") as log:
            log.seek(self._read)
            data = log.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.decode()
