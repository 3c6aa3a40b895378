"""A part of the cluster, with a Metacontroller that works in real time."""

import json
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import requests

from tests.emulator.settings import system_clock
from tests.model import Clock, Cluster, Metacontroller, binding, namespace, service_account
from tests.model.objects import Object
from tests.soak.plan import HOOK_SECONDS
from tests.soak.tally import Tally

IDLE_SECONDS = 0.1
ACCOUNTS = ("default", "build")


class WallClock(Clock):
    """The machine's time, which moves by itself."""

    def __init__(self) -> None:
        super().__init__(system_clock())

    def now(self) -> datetime:
        """Return the current instant."""
        return system_clock()


class Shard:
    """Some Namespaces; a single thread syncs the bindings with the service at *url*."""

    def __init__(self, url: str, tally: Tally, seed: int) -> None:
        self.cluster = Cluster(WallClock())
        self._url = url
        self._tally = tally
        self._session = requests.Session()
        self._session.trust_env = False
        self._metacontroller = Metacontroller(self.cluster, self._post, seed=seed)

    def add_namespace(self, name: str) -> None:
        """Create a Namespace with ServiceAccounts."""
        self.cluster.create(namespace(name))
        for account in ACCOUNTS:
            self.cluster.create(service_account(name, account, pull_secrets=("own",)))

    def add_binding(self, in_namespace: str, name: str, **spec: str) -> None:
        """Create a binding."""
        self.cluster.create(binding(in_namespace, name, **spec))

    def run(self, stop: threading.Event) -> None:
        """Do all due work until *stop*."""
        while not stop.is_set():
            if not self._metacontroller.step():
                self._metacontroller.calls.clear()
                self._metacontroller.events.clear()
                stop.wait(self._idle_seconds())

    def _idle_seconds(self) -> float:
        due = self._metacontroller.next_due() - self.cluster.clock.now()
        return min(max(0.0, due.total_seconds()), IDLE_SECONDS)

    def secrets(self) -> list[Object]:
        """Return the current Secrets; callers must not change them."""
        return self.cluster.peek("Secret")

    def ready(self) -> int:
        """Return the number of Ready bindings."""
        return sum(_is_ready(found) for found in self.cluster.peek("ACRPullBinding"))

    def _post(self, path: str, body: Object) -> tuple[int, Mapping[str, str], Any]:
        data = json.dumps(body).encode()
        began = time.perf_counter()
        try:
            response = self._session.post(f"{self._url}{path}", data=data, timeout=HOOK_SECONDS)
        except requests.Timeout:
            self._tally.note(f"{path}: no answer in {HOOK_SECONDS} s")
            raise
        except requests.RequestException:
            self._tally.count("hook calls without an answer")
            raise
        self._tally.time(path, time.perf_counter() - began)
        self._tally.count(f"status {response.status_code}")
        return response.status_code, response.headers, response.json()


def _is_ready(found: Object) -> bool:
    conditions = found.get("status", {}).get("conditions", [])
    return any((c["type"], c["status"]) == ("Ready", "True") for c in conditions)
