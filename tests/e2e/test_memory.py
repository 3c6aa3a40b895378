"""The memory of Metacontroller with many bindings; only with the option `--bindings`."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import ATTACHMENTS, given_crds
from tests.e2e.eventually import eventually
from tests.e2e.load import attach, bindings_of_one_identity, make_accounts
from tests.e2e.process import Process
from tests.e2e.stage import Stage, open_stage
from tests.e2e.test_rest import await_quiet

IN_A_NAMESPACE: Final = 50
AT_ONCE: Final = 500
START_SECONDS: Final = 600


@pytest.fixture
def memory_stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start everything except Metacontroller."""
    overlay = ATTACHMENTS[request.config.getoption("--attachment")]
    with open_stage(tmp_path_factory.mktemp("memory"), given_crds(request), overlay) as running:
        yield running


def test_memory(
    request: pytest.FixtureRequest,
    memory_stage: Stage,
    metacontroller_binary: Path,
    figures: list[str],
) -> None:
    """Bindings are created, and then Metacontroller restarts."""
    numbers: str = request.config.getoption("--bindings")
    if not numbers:
        pytest.skip("needs the numbers of bindings: --bindings 1000,5000")
    new_binding, made = bindings_of_one_identity(memory_stage), 0
    with memory_stage.run_metacontroller(metacontroller_binary, "dynamic-apply") as process:
        for number in map(int, numbers.split(",")):
            for begin in range(made, number, AT_ONCE):
                many = min(AT_ONCE, number - begin)
                spaces = [f"memory-{n}" for n in range(begin, begin + many, IN_A_NAMESPACE)]
                accounts = make_accounts(memory_stage.api, spaces, many)
                delays = attach(memory_stage.api, accounts, new_binding, within=START_SECONDS)
                figures.append(f"{begin + many} bindings, {many} attached in {delays.total:.0f} s")
                memory_stage.recorder.exchanges.clear()  # they need more memory than the others
            made = number
            await_quiet(memory_stage, within=START_SECONDS)
            figures.append(f"{number} bindings: {memory_of(process)}")
            memory_stage.recorder.exchanges.clear()
            process.stop()
            process.start()
            eventually(partial(called, memory_stage))
            await_quiet(memory_stage, within=START_SECONDS)
            figures.append(f"{number} bindings, after a restart: {memory_of(process)}")


def called(stage: Stage) -> None:
    """Expect a hook call."""
    assert stage.recorder.exchanges


def memory_of(process: Process) -> str:
    """Return the resident memory of *process*, now and at most; Linux."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    now, peak = (int(found[key].split()[0]) // 1024 for key in ("VmRSS", "VmHWM"))
    return f"{now} MiB now, {peak} MiB at most"
