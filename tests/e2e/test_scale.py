"""What a binding costs: time, API requests, hook calls and CPU, alone and among many."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from tests.e2e.api import Object
from tests.e2e.conftest import ATTACHMENTS, METACONTROLLER_USER, given_crds
from tests.e2e.eventually import eventually
from tests.e2e.load import (
    ATTACH_SECONDS,
    Cost,
    Delays,
    attach,
    bindings_of_one_identity,
    make_accounts,
    measured,
)
from tests.e2e.metacontroller import FLAGS
from tests.e2e.stage import Stage, open_stage
from tests.e2e.test_rest import await_quiet
from tests.e2e.upstream import v1beta1
from tests.e2e.upstream_controller import run_upstream

NAMESPACES: Final = 10
SIZES: Final = (25, 100, 400)  # bindings in one Namespace
# API requests per binding: 16 to 18, and 6 to 8. One more, because a slow machine has calls after
# 10 s.
MOST_REQUESTS: Final = {"adoption": 19, "admission": 9}
# /sync with the token request, /serviceaccount/sync, and /sync for the new Secret. Metacontroller
# calls the last one twice if it reports the Secret as related later than as a child. With
# dynamic-apply, a renewal changes an annotation of the Secret, so /secret/sync is called.
MOST_CALLS_OF_A_RENEWAL: Final = {"dynamic-apply": 5, "server-side-apply": 4}
REST_SECONDS: Final = 125  # the longest time to a call that an attachment has scheduled
IDLE_SECONDS: Final = 20
GROWTH: Final = 1.2  # from 25 to 400 bindings
TOKEN_SECONDS: Final = 12  # renewed after half of it
RENEWALS: Final = 4
ONE_BY_ONE: Final = 20
AT_ONCE: Final = 30  # bindings
SCOPE: Final = "repository:app:pull"


def apart(suffix: str) -> list[str]:
    """Return the names of ten Namespaces."""
    return [f"apart-{number}-{suffix}" for number in range(NAMESPACES)]


@pytest.fixture(scope="module")
def attachment(request: pytest.FixtureRequest) -> str:
    """Return the mode of attachment."""
    return str(request.config.getoption("--attachment"))


@pytest.fixture(scope="module")
def scale_stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, attachment: str
) -> Iterator[Stage]:
    """Start everything except Metacontroller, with no other Namespaces."""
    directory = tmp_path_factory.mktemp("scale")
    with open_stage(directory, given_crds(request), ATTACHMENTS[attachment]) as running:
        running.emulator.access_lifetime = TOKEN_SECONDS
        yield running


@pytest.fixture(scope="module")
def upstream(request: pytest.FixtureRequest, scale_stage: Stage) -> dict[str, Delays]:
    """Return the times of msi-acrpull, by number and place of bindings; {} without a binary."""
    given: str = request.config.getoption("--msi-acrpull")
    if not given:
        return {}
    plane, emulator = scale_stage.plane, scale_stage.emulator
    identity = str(uuid4())

    def new_binding(space: str, name: str, account: str) -> Object:
        made = v1beta1(space, name, emulator.acr_server, identity, account)
        del made["metadata"]["finalizers"]
        return made

    places = {
        "100 apart": (100, apart("upstream")),
        "100 in one Namespace": (100, ["upstream-100"]),
        "400 in one Namespace": (400, ["upstream-400"]),
    }
    found = {}
    with run_upstream(Path(given), scale_stage.directory, plane, emulator):
        for label, (many, spaces) in places.items():
            keys = make_accounts(plane.api, spaces, many)
            found[label] = attach(plane.api, keys, new_binding)
    return found


@pytest.fixture(scope="module")
def running(
    scale_stage: Stage, metacontroller_binary: Path, strategy: str, upstream: dict[str, Delays]
) -> Iterator[Stage]:
    """Run Metacontroller, after msi-acrpull has ended."""
    del upstream
    with scale_stage.run_metacontroller(metacontroller_binary, strategy):
        yield scale_stage


def told(label: str, delays: Delays, upstream: dict[str, Delays]) -> str:
    """Return the time until all are attached, and the ratio to the time of msi-acrpull."""
    line = f"{label}: attached in {delays.total:.1f} s; each {delays.told()}"
    theirs = upstream.get(label.partition(",")[0])
    if theirs:
        line += f"; msi-acrpull {theirs.total:.1f} s, ratio {delays.total / theirs.total:.2f}"
    return line


@pytest.mark.parametrize("flags", [FLAGS, ()], ids=["tuned", "default"])
def test_flags(
    scale_stage: Stage, metacontroller_binary: Path, flags: tuple[str, ...], figures: list[str]
) -> None:
    """Bindings created at once are attached with Metacontroller's default flags, too."""
    name = "tuned flags" if flags else "default flags"
    first, *keys = make_accounts(scale_stage.api, [name.replace(" ", "-")], 1 + AT_ONCE)
    stage = replace(scale_stage, flags=flags)
    new_binding = bindings_of_one_identity(stage)
    with stage.run_metacontroller(metacontroller_binary, "dynamic-apply"):
        attach(stage.api, [first], new_binding)
        await_quiet(stage)
        delays = attach(stage.api, keys, new_binding)
    figures.append(f"{AT_ONCE} at once, {name}: {delays.told()}")


def test_apart(
    running: Stage, strategy: str, upstream: dict[str, Delays], figures: list[str]
) -> None:
    """100 bindings in ten Namespaces are attached."""
    keys = make_accounts(running.api, apart(strategy), 100)
    await_quiet(running, within=ATTACH_SECONDS)
    delays = attach(running.api, keys, bindings_of_one_identity(running))
    figures.append(told(f"100 apart, {strategy}", delays, upstream))


def test_one_by_one(running: Stage, strategy: str, figures: list[str]) -> None:
    """A new binding is attached while nothing else happens."""
    space = f"alone-{strategy}"
    keys = make_accounts(running.api, [space], ONE_BY_ONE)
    new_binding = bindings_of_one_identity(running)
    with measured(running, METACONTROLLER_USER, space) as cost:
        each = [attach(running.api, [key], new_binding).total for key in keys]
    figures.append(f"one by one, {strategy}: {Delays(sum(each), each).told()}")
    figures.append(f"    each: {cost.told(ONE_BY_ONE)}")


def test_one_namespace(
    running: Stage,
    strategy: str,
    attachment: str,
    upstream: dict[str, Delays],
    figures: list[str],
) -> None:
    """The cost of a binding, and of its renewal, does not depend on its neighbors."""
    costs = {}
    time.sleep(REST_SECONDS)
    idle = idle_cpu(running)
    for many in SIZES:
        space = space_of(many, strategy)
        keys = make_accounts(running.api, [space], many)
        begin = time.monotonic()
        with measured(running, METACONTROLLER_USER, space) as cost:
            delays = attach(running.api, keys, bindings_of_one_identity(running))
            time.sleep(REST_SECONDS)  # with 25 bindings, these calls are due after the others
        cost.cpu_seconds -= idle * (time.monotonic() - begin)
        figures.append(told(f"{many} in one Namespace, {strategy}", delays, upstream))
        figures.append(f"    each: {cost.told(many)}")
        costs[many] = cost
        assert cost.requests.total() <= MOST_REQUESTS[attachment] * many
    calls = {many: cost.calls.total() / many for many, cost in costs.items()}
    assert calls[SIZES[-1]] <= GROWTH * calls[SIZES[0]]
    cpu = {many: cost.cpu_seconds / many for many, cost in costs.items()}
    growth = cpu[SIZES[-1]] / cpu[SIZES[0]]
    figures.append(f"CPU with {SIZES[-1]} to {SIZES[0]}, {strategy}: ratio {growth:.2f}")
    for many in SIZES:
        renewed, renewals = renewal_cost(running, space_of(many, strategy))
        figures.append(f"a renewal among {many}, {strategy}: {renewed.told(renewals)}")
        most = MOST_CALLS_OF_A_RENEWAL[strategy] * renewals
        assert renewed.calls.total() <= most, renewed.calls


def idle_cpu(stage: Stage) -> float:
    """Return the CPU seconds that the hooks need in a second without calls."""
    begin, before = time.monotonic(), stage.service.cpu_seconds()
    time.sleep(IDLE_SECONDS)
    return (stage.service.cpu_seconds() - before) / (time.monotonic() - begin)


def space_of(many: int, strategy: str) -> str:
    """Return the name of the Namespace with *many* bindings."""
    return f"many-{many}-{strategy}"


def renewal_cost(stage: Stage, space: str) -> tuple[Cost, int]:
    """Return the cost of some renewals of one binding in *space*, and their number."""
    made = bindings_of_one_identity(stage)(space, "renewed", "default")
    made["spec"]["scope"] = SCOPE  # only a scoped token is short-lived here
    stage.api.create(made)

    def await_renewals(number: int) -> None:
        until = stage.emulator.count("token") + number

        def check() -> None:
            assert stage.emulator.count("token") >= until

        eventually(check, 2 * TOKEN_SECONDS * number)

    await_renewals(2)
    with measured(stage, METACONTROLLER_USER, space) as cost:
        before = stage.emulator.count("token")
        await_renewals(RENEWALS)
    renewals = stage.emulator.count("token") - before
    stage.api.delete("ACRPullBinding", space, "renewed")
    return cost, renewals
