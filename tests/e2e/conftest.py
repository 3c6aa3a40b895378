"""The stage, once for all tests; options say what is the user's: see `make e2e`."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.control_plane import BINARY
from tests.e2e.stage import Stage, open_stage

NO_BINARY = "the control plane is not built: make tests/e2e/kube/bin/kube"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say what may be given."""
    group = parser.getgroup("e2e")
    group.addoption("--metacontroller", default="", help="a Metacontroller binary, >= 4.17.2")
    group.addoption("--metacontroller-crds", default="", help="the file with its CRDs")


def pytest_configure() -> None:
    """Let SIGTERM end the run as Ctrl-C does, so that all that was started is stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def metacontroller_binary(request: pytest.FixtureRequest) -> Path:
    """Return the Metacontroller that was given; a test that needs one is skipped without."""
    given: str = request.config.getoption("--metacontroller")
    if not given:
        pytest.skip("needs a Metacontroller: METACONTROLLER=<binary> make e2e")
    return Path(given)


@pytest.fixture(scope="session")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start all but Metacontroller."""
    if not BINARY.exists():
        pytest.fail(NO_BINARY)
    crds: str = request.config.getoption("--metacontroller-crds")
    directory = tmp_path_factory.mktemp("stage")
    with open_stage(directory, Path(crds) if crds else None) as running:
        yield running
