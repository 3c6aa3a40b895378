"""Many bindings, each with a ServiceAccount: when each is attached, and what all of them cost."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Final
from uuid import uuid4

import requests

from tests.e2e import audit
from tests.e2e.api import Api, Object
from tests.e2e.eventually import eventually
from tests.e2e.recorder import Exchange
from tests.e2e.stage import Stage
from tests.e2e.test_rest import await_quiet
from tests.e2e.watch import watching
from tests.model import binding, namespace, service_account

WRITERS: Final = 4  # threads, like several pipelines of users
ATTACH_SECONDS: Final = 180

Key = tuple[str, str]  # Namespace and name of a ServiceAccount
NewBinding = Callable[[str, str, str], Object]  # takes Namespace, name and ServiceAccount


@dataclass(frozen=True)
class Delays:
    """The seconds from the creation of each binding until its ServiceAccount lists its Secret.

    `total` is the time from the first creation until all ServiceAccounts list their Secrets.
    """

    total: float
    each: Sequence[float]

    def told(self) -> str:
        """Return median and 90th percentile."""
        return f"median {median(self.each):.2f} s, p90 {quantiles(self.each, n=10)[-1]:.2f} s"


@dataclass
class Cost:
    """What happened within a `measured` block: API requests of a user, hook calls and CPU."""

    requests: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)  # by path
    cpu_seconds: float = 0

    def told(self, number: int) -> str:
        """Return the cost of each of *number* events."""
        kinds = ", ".join(f"{k} {n / number:.1f}" for k, n in sorted(self.requests.items()))
        return (
            f"{self.calls.total() / number:.1f} hook calls, "
            f"{1000 * self.cpu_seconds / number:.1f} ms CPU, "
            f"{self.requests.total() / number:.1f} API requests ({kinds})"
        )


@contextmanager
def measured(stage: Stage, user: str, space: str | None = None) -> Iterator[Cost]:
    """Measure from now, when nothing happens, until nothing happens after the block.

    Count only the requests and calls for the Namespace *space*, because others may still have
    scheduled calls. If *space* is None, count all.
    """
    await_quiet(stage, within=ATTACH_SECONDS)
    size, calls = stage.plane.audit_log.stat().st_size, len(stage.recorder.exchanges)
    cpu, cost = stage.service.cpu_seconds(), Cost()
    yield cost
    await_quiet(stage, within=ATTACH_SECONDS)
    cost.cpu_seconds = stage.service.cpu_seconds() - cpu
    made = stage.recorder.exchanges[calls:]
    cost.calls.update(each.path for each in made if space in {None, _namespace_of(each)})
    for request in audit.requests(stage.plane.audit_log, size):
        if request.user == user and space in {None, request.namespace}:
            failed = f" {request.status}" if request.status >= requests.codes.bad_request else ""
            cost.requests[f"{request.verb} {request.resource}{failed}"] += 1


def _namespace_of(exchange: Exchange) -> str:
    """Return the Namespace of the object in a call."""
    called_for = exchange.request.get("object") or exchange.request["parent"]
    return str(called_for["metadata"].get("namespace", ""))


def bindings_of_one_identity(stage: Stage) -> NewBinding:
    """Return a function that returns a binding; all its bindings have one identity."""
    spec = {"acrServer": stage.emulator.acr_server, "managedIdentityClientID": str(uuid4())}

    def new_binding(space: str, name: str, account: str) -> Object:
        return binding(space, name, serviceAccountName=account, **spec)

    return new_binding


def make_accounts(api: Api, spaces: Sequence[str], many: int) -> list[Key]:
    """Create Namespaces with *many* ServiceAccounts in all; return the ServiceAccounts."""
    for space in spaces:
        api.create(namespace(space))
    keys = [(spaces[number % len(spaces)], f"app-{number}") for number in range(many)]
    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(lambda key: api.create(service_account(*key)), keys))
    return keys


def attach(
    api: Api, keys: Sequence[Key], new_binding: NewBinding, within: float = ATTACH_SECONDS
) -> Delays:
    """Create a binding for each ServiceAccount, as fast as possible, and wait for all."""
    made: dict[Key, float] = {}

    def bind(key: Key) -> None:
        made[key] = time.monotonic()
        api.create(new_binding(*key, key[1]))

    with listings(api) as seen:
        with ThreadPoolExecutor(WRITERS) as threads:
            list(threads.map(bind, keys))

        def check() -> None:
            assert seen.keys() >= set(keys), f"{len(seen.keys() & set(keys))} of {len(keys)}"

        eventually(check, within)
    each = [seen[key] - made[key] for key in keys]
    return Delays(max(seen[key] for key in keys) - min(made.values()), each)


@contextmanager
def listings(api: Api) -> Iterator[dict[Key, float]]:
    """Yield the moments at which ServiceAccounts first had an entry; a watch adds moments."""
    seen: dict[Key, float] = {}

    def note(_: str, account: Object) -> None:
        if account.get("imagePullSecrets"):
            meta = account["metadata"]
            seen.setdefault((meta["namespace"], meta["name"]), time.monotonic())

    with watching(api, "ServiceAccount", note):
        yield seen
