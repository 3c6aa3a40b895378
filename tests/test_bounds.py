"""The work of a hook grows with its body, and no faster.

A hook may take a multiple of the CPU time that decoding the body takes. A list that is searched
in a loop takes hundreds or thousands of times as much, so noise does not decide.
"""

import gc
import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import pytest
from werkzeug.test import Client

from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed
from hooks.server.app import create_app
from hooks.server.body import MAX_BODY_BYTES
from hooks.settings.environment import Settings
from tests.bench.bodies import encode
from tests.bounds import Make, cases

pytestmark = pytest.mark.slow

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
# The worst of these cases takes 33: the specs of all bindings differ, and jsonschema checks each.
MULTIPLE: Final = 50
FIXED_SECONDS: Final = 0.005  # Flask, a log line, an answer, JSON within a string
TRIES: Final = 3
CASES: Final = list(cases())


@pytest.fixture(scope="module")
def client() -> Client:
    """Return a caller of the hooks, which mint no token."""
    failed = MintFailed(Reason.TIMEOUT, "no token")
    settings = Settings.from_env({"WORKLOAD_IDENTITY": "enabled"})
    return create_app(settings, lambda *_: failed, lambda: NOW).test_client()


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of *work* in this thread."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


@contextmanager
def cut_off(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` within, after so much CPU time of the process."""

    def end(*_: object) -> None:
        raise TimeoutError(f"over {seconds:.2f} s of CPU time")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@pytest.mark.parametrize(
    ("path", "make"),
    [pytest.param(path, make, id=f"{path}-{what}") for path, what, make in CASES],
)
def test_work_is_linear(client: Client, path: str, make: Make) -> None:
    """The answer takes a small multiple of the CPU time that decoding the body takes."""
    data = encode(make())
    gc.collect()
    assert len(data) <= MAX_BODY_BYTES
    decoding = min(cpu_seconds(lambda: json.loads(data)) for _ in range(TRIES))
    limit = MULTIPLE * decoding + FIXED_SECONDS
    for left in reversed(range(TRIES)):
        with cut_off(4 * limit + 1):
            began = time.thread_time()
            response = client.post(path, data=data)
            answering = time.thread_time() - began
        assert response.status_code == 200, response.text
        if answering <= limit:
            return
        assert left, f"{answering:.3f} s for an answer, {decoding:.3f} s to decode the body"
