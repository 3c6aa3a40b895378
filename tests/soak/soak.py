"""The run: an emulated Azure, the service, and all threads around them."""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

from tests.e2e.process import free_port
from tests.emulator import Emulator, RequestRecord
from tests.service import Service
from tests.soak.plan import ATTACH_SECONDS, PER_NAMESPACE, Plan
from tests.soak.pulls import Pulls
from tests.soak.report import Report
from tests.soak.shard import ACCOUNTS, Shard
from tests.soak.tally import Tally
from tests.soak.weather import Weather

POLL_SECONDS = 0.2
DOWN_SECONDS = 0.5
OTHERS = 4  # threads besides the shards


class NotAttachedError(Exception):
    """Not all bindings became Ready in time."""


class Soak:
    """A run of *plan*."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._tally = Tally()
        self._report = Report(self._tally, plan.bindings)
        self._stop = threading.Event()

    def run(self) -> Report:
        """Run, and return the report. Raises a thread's exception, or `NotAttachedError`."""
        plan = self._plan
        with ExitStack() as stack:
            emulator = Emulator(
                registries=plan.registries,
                refresh_lifetime=plan.token_seconds,
                access_lifetime=plan.token_seconds,
            )
            stack.enter_context(emulator)
            service = stack.enter_context(Service(_environment(emulator)))
            shards = self._shards(emulator, service.url)
            weather = Weather(emulator, plan, self._tally)
            pulls = Pulls(shards, weather.dead, str(emulator.ca_file), self._tally, plan.seed)
            pool = stack.enter_context(ThreadPoolExecutor(plan.shards + OTHERS))
            stack.callback(self._stop.set)
            running = [pool.submit(shard.run, self._stop) for shard in shards]
            self._attach(shards, running)
            self._report.memory.append(service.rss_bytes())
            running += [pool.submit(work, self._stop) for work in (pulls.sweep, pulls.pull)]
            running.append(pool.submit(weather.run, self._stop))
            self._kill(service, running)
            self._last_quarter(service, pulls, running)
            self._finish(emulator, shards, pulls)
        return self._report

    def _shards(self, emulator: Emulator, url: str) -> list[Shard]:
        """Create the cluster; the seed chooses each binding's registry."""
        plan = self._plan
        chance = random.Random(plan.seed)  # noqa: S311  an order to try, not a secret
        shards = [Shard(url, self._tally, plan.seed + n) for n in range(plan.shards)]
        servers = emulator.acr_servers[: plan.registries]
        for number in range(plan.bindings):
            place, nth = divmod(number, PER_NAMESPACE)
            shard, name = shards[place % plan.shards], f"team-{place}"
            if nth == 0:
                shard.add_namespace(name)
            identity = f"{number % plan.identities:08d}-2222-3333-4444-555555555555"
            spec = {
                "acrServer": chance.choice(servers),
                "managedIdentityClientID": identity,
                "serviceAccountName": ACCOUNTS[nth % 2],
            }
            if number % 4 == 0:
                spec["scope"] = "repository:app:pull"
            shard.add_binding(name, f"app-{number}", **spec)
        return shards

    def _attach(self, shards: Sequence[Shard], running: Sequence[Future[None]]) -> None:
        began = time.monotonic()
        while (ready := sum(shard.ready() for shard in shards)) < self._plan.bindings:
            if time.monotonic() - began > ATTACH_SECONDS:
                raise NotAttachedError(f"{ready} of {self._plan.bindings} bindings are Ready")
            _check(running)
            time.sleep(POLL_SECONDS)
        self._report.attach_seconds = time.monotonic() - began

    def _kill(self, service: Service, running: Sequence[Future[None]]) -> None:
        """Kill the service from time to time, for three quarters of the run."""
        end = time.monotonic() + self._plan.seconds * 3 / 4
        while time.monotonic() + self._plan.kill_seconds < end:
            self._wait(self._plan.kill_seconds, running)
            service.kill()
            time.sleep(DOWN_SECONDS)
            service.start()
            self._report.kills += 1
        self._wait(end - time.monotonic(), running)

    def _last_quarter(
        self, service: Service, pulls: Pulls, running: Sequence[Future[None]]
    ) -> None:
        """Wait without kills; the dead registry has returned long before the end."""
        self._report.memory.append(service.rss_bytes())
        self._wait(self._plan.seconds / 8, running)
        pulls.lasting = False
        self._wait(self._plan.seconds / 8, running)
        self._report.memory.append(service.rss_bytes())

    def _finish(self, emulator: Emulator, shards: Sequence[Shard], pulls: Pulls) -> None:
        report = self._report
        report.ready = sum(shard.ready() for shard in shards)
        report.tokens = pulls.tokens
        report.asked = Counter(record.endpoint for record in emulator.requests)
        report.asked["token"] -= self._tally["pulls"] - self._tally["pulls that met a fault"]
        report.imds_peak = peak(emulator.requests)

    def _wait(self, seconds: float, running: Sequence[Future[None]]) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            _check(running)
            time.sleep(POLL_SECONDS)


def _environment(emulator: Emulator) -> dict[str, str]:
    return emulator.environment() | {
        "ALLOWED_ACR_SERVER_SUFFIXES": ",".join(emulator.acr_servers),
        "BIND": f"127.0.0.1:{free_port()}",  # kept after a kill
    }


def _check(running: Sequence[Future[None]]) -> None:
    """Raise a thread's exception, if any."""
    for future in running:
        if future.done():
            future.result()


def peak(requests: Sequence[RequestRecord]) -> int:
    """Return the most requests of IMDS within any second."""
    times = [record.at for record in requests if record.endpoint == "imds"]
    return max((sum(at <= other < at + 1 for other in times) for at in times), default=0)
