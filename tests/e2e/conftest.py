"""The stage, started once for all tests, and scenes on the stage. Options: see Makefile."""

import signal
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final

import pytest
import requests

from tests.e2e.api import Api, ApiError
from tests.e2e.control_plane import BINARY, ControlPlane
from tests.e2e.ground import Ground, open_cluster
from tests.e2e.install import BASE, crds_text
from tests.e2e.killer import Killer
from tests.e2e.process import Process
from tests.e2e.scene import Scene
from tests.e2e.stage import METACONTROLLER, Stage, open_stage
from tests.model import namespace as new_namespace

OPERATOR_CRDS: Final = BINARY.with_name("operator-crds.yaml")
NO_BINARY: Final = "the control plane is not built: make tests/e2e/kube/bin/kube"
USAGE: Final = "KUBECONFIG=<file> make e2e-cluster ACR_SERVER=<registry> CLIENT_ID=<identity>"
ATTACHMENTS: Final = {"adoption": BASE, "admission": "metacontroller/admission"}
TALLY: Final[pytest.StashKey[Counter[str]]] = pytest.StashKey()
FIGURES: Final[pytest.StashKey[list[str]]] = pytest.StashKey()
SHARED: Final[pytest.StashKey[Process]] = pytest.StashKey()
METACONTROLLER_USER: Final = "system:serviceaccount:" + ":".join(METACONTROLLER)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("e2e")
    group.addoption("--metacontroller", default="", help="a Metacontroller binary, >= 4.17.2")
    group.addoption("--metacontroller-crds", default="", help="the file with its CRDs")
    group.addoption("--attachment", default="adoption", choices=ATTACHMENTS, help="the mode")
    group.addoption("--msi-acrpull", default="", help="its binary, to compare the times")
    group.addoption("--bindings", default="", help="numbers, e.g. 1000,5000: for test_memory")
    group.addoption("--cluster", action="store_true", help="play on the cluster of KUBECONFIG")
    group.addoption("--acr-server", default="", help="a registry that its nodes' identity may pull")
    group.addoption("--client-id", default="", help="that identity")
    group.addoption("--seed", default="1", help="of the moments at which Metacontroller is killed")


def pytest_configure(config: pytest.Config) -> None:
    """Let any signal end the run like Ctrl-C, so all started processes are stopped."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    config.stash[TALLY] = Counter()
    config.stash[FIGURES] = list[str]()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark every test here: the control plane and the service are processes."""
    item.add_marker(pytest.mark.process)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Run the tests with the shared Metacontroller last, so that it is rarely stopped.

    The other tests of a module run together, because many a module has its own control plane.
    """

    def place(item: pytest.Function) -> tuple[bool, str]:
        shares = "metacontroller" in item.fixturenames
        return shares, "" if shares else item.module.__name__

    items.sort(key=place)
    if items and items[0].config.getoption("--attachment") == "admission":
        items[:] = [item for item in items if not item.get_closest_marker("adoption")]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Function) -> None:
    """Stop the shared Metacontroller before a test without it, and start it before one with it.

    Its fixture ends with the session, and a worker of pytest-xdist mixes both kinds of tests.
    """
    shared = item.config.stash.get(SHARED, None)
    if shared is not None:
        wanted = "metacontroller" in item.fixturenames
        if wanted and not shared.started:
            shared.start()
        elif shared.started and not wanted:
            shared.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the hook calls during a failed test to its report."""
    report = yield
    ground = item.funcargs.get("ground")
    if report.failed and isinstance(ground, Ground) and ground.stage is not None:
        lines = [e.line() for e in ground.stage.recorder.exchanges if e.at >= call.start]
        report.sections.append(("hook calls", "\n".join(lines)))
    return report


@pytest.fixture(scope="session")
def tally(request: pytest.FixtureRequest) -> Counter[str]:
    """Return the counts for the summary."""
    return request.config.stash[TALLY]


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Return the lines of measured figures for the summary."""
    return request.config.stash[FIGURES]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the counts and the figures."""
    figures = config.stash[FIGURES]
    if config.stash[TALLY] or figures:
        terminalreporter.section(f"e2e, seed {config.getoption('--seed')}")
    for what, number in config.stash[TALLY].items():
        terminalreporter.line(f"{what}: {number}")
    for figure in figures:
        terminalreporter.line(figure)


def given_crds(request: pytest.FixtureRequest) -> Path | None:
    """Return the file with Metacontroller's CRDs, for tests with their own control plane.

    Skips on a cluster, and fails if no control plane is built.
    """
    if request.config.getoption("--cluster"):
        pytest.skip("needs a control plane, an Azure and a service of its own: make e2e")
    if not BINARY.exists():
        pytest.fail(NO_BINARY)
    given: str = request.config.getoption("--metacontroller-crds")
    return Path(given) if given else None


@contextmanager
def open_plane(request: pytest.FixtureRequest, directory: Path) -> Iterator[ControlPlane]:
    """Start a control plane with the CRDs of Metacontroller and of the Prometheus operator."""
    given = given_crds(request)
    if not OPERATOR_CRDS.exists():
        pytest.fail(f"{NO_BINARY} {OPERATOR_CRDS.name}")
    with ControlPlane(directory) as plane:
        for text in (crds_text(given), OPERATOR_CRDS.read_text("utf-8")):
            plane.kubectl("apply", "--server-side", "-f", "-", text=text)
        plane.start_controllers()
        yield plane


@pytest.fixture(scope="module")
def plane(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """Start a control plane with the CRDs of Metacontroller and of the Prometheus operator."""
    with open_plane(request, tmp_path_factory.mktemp("plane")) as plane:
        yield plane


@pytest.fixture(scope="session")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start the whole stage except Metacontroller."""
    overlay = ATTACHMENTS[request.config.getoption("--attachment")]
    with open_stage(tmp_path_factory.mktemp("stage"), given_crds(request), overlay) as running:
        yield running


@pytest.fixture(scope="module")
def namespace(request: pytest.FixtureRequest, stage: Stage) -> Iterator[str]:
    """Make a Namespace for the tests of a module, and return its name."""
    name = request.module.__name__.rpartition(".")[2].replace("_", "-")
    stage.api.create(new_namespace(name))
    yield name
    stage.api.delete("Namespace", "", name)


@pytest.fixture(scope="session")
def metacontroller_binary(request: pytest.FixtureRequest) -> Path:
    """Return the given Metacontroller; without a binary, the test is skipped."""
    given: str = request.config.getoption("--metacontroller")
    if not given:
        pytest.skip("needs a Metacontroller: METACONTROLLER=<binary> make e2e")
    return Path(given)


@pytest.fixture(scope="session")
def strategy(request: pytest.FixtureRequest) -> str:
    """Return Metacontroller's apply strategy."""
    return str(request.param)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play in both apply strategies, with and without kills; on a cluster only without kills."""
    on_cluster = metafunc.config.getoption("--cluster")
    strategies = ["as-installed"] if on_cluster else ["dynamic-apply", "server-side-apply"]
    moods = ["calm"] if on_cluster else ["calm", "killed"]
    if "strategy" in metafunc.fixturenames:
        metafunc.parametrize("strategy", strategies, indirect=True, scope="session")
    if "killer" in metafunc.fixturenames:
        metafunc.parametrize("killer", moods, indirect=True)


def reach(api: Api) -> None:
    """End the run if *api* is no cluster with acrpull."""
    try:
        api.list("ACRPullBinding")
    except (ApiError, requests.RequestException) as error:
        pytest.exit(f"no acrpull in the cluster of KUBECONFIG ({error}): {USAGE}", returncode=2)


@pytest.fixture(scope="session")
def ground(request: pytest.FixtureRequest, tally: Counter[str]) -> Iterator[Ground]:
    """Return the ground for scenes."""
    if not request.config.getoption("--cluster"):
        stage: Stage = request.getfixturevalue("stage")
        admission = request.config.getoption("--attachment") == "admission"
        spec = {"acrServer": stage.emulator.acr_server}
        yield Ground(stage.api, spec, stage, admission=admission, tally=tally)
        return
    for option in ("--acr-server", "--client-id"):
        if not request.config.getoption(option):
            pytest.exit(f"{option} is missing: {USAGE}", returncode=2)
    identity = {"managedIdentityClientID": request.config.getoption("--client-id")}
    with open_cluster() as api:
        reach(api)
        yield Ground(
            api, {"acrServer": request.config.getoption("--acr-server"), **identity}, tally=tally
        )


@pytest.fixture(scope="session")
def metacontroller(request: pytest.FixtureRequest, strategy: str) -> Iterator[Process | None]:
    """Run Metacontroller; a cluster has its own."""
    if request.config.getoption("--cluster"):
        yield None
        return
    binary: Path = request.getfixturevalue("metacontroller_binary")
    stage: Stage = request.getfixturevalue("stage")
    with stage.run_metacontroller(binary, strategy) as running:
        request.config.stash[SHARED] = running
        yield running
        del request.config.stash[SHARED]


@pytest.fixture
def calm(metacontroller: Process | None, tally: Counter[str]) -> Killer:
    """Return a killer without kills."""
    tally["scenarios"] += 1
    return Killer(metacontroller, Random(0), chance=0)  # noqa: S311  it decides nothing


@pytest.fixture
def killer(
    request: pytest.FixtureRequest, metacontroller: Process | None, tally: Counter[str]
) -> Iterator[Killer]:
    """Return a killer of Metacontroller; the seed and the test determine the moments."""
    tally["scenarios"] += 1
    seed = f"{request.config.getoption('--seed')} {request.node.name}"
    chance = {"calm": 0.0, "killed": 0.6}[request.param]
    running = Killer(metacontroller, Random(seed), chance)  # noqa: S311  no secret is made of it
    yield running
    running.join()
    tally["Metacontroller killed -9"] += running.kills


@pytest.fixture
def scene(ground: Ground, killer: Killer) -> Iterator[Scene]:
    """Return a Namespace; Metacontroller may be killed after each write of the scene's user."""
    with ground.play(killer) as opened:
        yield opened


@pytest.fixture
def calm_scene(ground: Ground, calm: Killer) -> Iterator[Scene]:
    """Return a Namespace; Metacontroller runs all the time."""
    with ground.play(calm) as opened:
        yield opened
