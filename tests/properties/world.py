"""A virtual cluster with the real hooks, driven by the model."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

from hooks.core.names import SERVERS_ANNOTATION
from hooks.server.app import create_app
from hooks.settings.environment import Settings
from tests.model import Clock, Cluster, Metacontroller, namespace, policy
from tests.model.definitions import COMPOSITE, UPSTREAM, for_admission
from tests.model.objects import Object, key_of
from tests.properties.exchange import check_exchange
from tests.properties.tokens import ScriptedMint, shows_token

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMESPACE = "team-a"
STRATEGIES = ("dynamic-apply", "server-side-apply")
ENVIRONMENT = {
    "ALLOWED_ACR_SERVER_SUFFIXES": "azurecr.io",
    "UPSTREAM_APIS": "enabled",
    "WORKLOAD_IDENTITY": "enabled",
}
SETTINGS = Settings.from_env(ENVIRONMENT)


class KilledError(Exception):
    """Metacontroller's process was killed."""


class LogWatch(logging.Handler):
    """Collects the log lines that show a token; `JsonFormatter` would redact them."""

    def __init__(self) -> None:
        super().__init__()
        self.leaks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Check all attributes of *record*."""
        text = f"{record.getMessage()} {record.__dict__}"
        if shows_token(text):
            self.leaks.append(text)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Check all log records of the service within a `with` block."""
        logger = logging.getLogger("hooks")
        before = logger.level, logger.propagate
        logger.addHandler(self)
        logger.setLevel("DEBUG")
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.level, logger.propagate = before


class World:
    """A cluster with a single Namespace, the service and a Metacontroller.

    Attributes:
        down: The service refuses connections.
        admission: Whether the world began in the mode `admission`.
    """

    def __init__(
        self,
        strategy: str = STRATEGIES[0],
        seed: int = 0,
        stale: float | bool = 0,
        *,
        admission: bool = False,
    ) -> None:
        self.strategy, self.admission = strategy, admission
        self.clock = Clock(START)
        self.cluster = Cluster(self.clock)
        self.mint = ScriptedMint(self.clock.now)
        self.down = False
        self._logs = LogWatch()
        self._ambush: tuple[int, Callable[[], object]] | None = None
        # A denial by an annotation removes the Secret at once, a denial by a setting waits.
        listed = {"annotations": {SERVERS_ANNOTATION: "azurecr.io"}}
        team = namespace(NAMESPACE)
        self.cluster.create({**team, "metadata": {**team["metadata"], **listed}})
        self.set_policy(installed=admission)
        self.set_hooks(admission=admission)
        self._order = seed, stale
        self.set_controllers(admission=admission)
        self.mc.settle()

    def set_policy(self, *, installed: bool) -> None:
        """Install the admission policy, or delete the policy."""
        if installed:
            for obj in policy.POLICY:
                self.cluster.create(obj)
            self.cluster.admit = policy.admit
            return
        for obj in policy.POLICY:
            if self.cluster.get(*key_of(obj)) is not None:
                self.cluster.delete(*key_of(obj))
        self.cluster.admit = lambda _old, new: new

    def set_hooks(self, *replicas: Mapping[str, str], admission: bool) -> None:
        """Start the service in a mode, with the settings of each replica; one replica if none."""
        mode = {"ATTACHMENT": "admission" if admission else "adoption"}
        settings = [Settings.from_env({**ENVIRONMENT, **mode, **its}) for its in replicas or ({},)]
        apps = [create_app(its, self.mint, self.clock.now) for its in settings]
        self._clients = cycle([app.test_client() for app in apps])

    def set_controllers(self, *, admission: bool) -> None:
        """Start Metacontroller with the controllers of a mode."""
        definitions = [COMPOSITE, *UPSTREAM]
        if admission:
            definitions = [for_admission(each) for each in definitions]
        self.mc = Metacontroller(self.cluster, self.post, self.strategy, *self._order, definitions)

    def post(self, path: str, body: Object) -> tuple[int, Mapping[str, str], Any]:
        """Call a hook, and check its answer."""
        if self.down:
            raise ConnectionRefusedError(path)
        status, answer = self.ask(path, body)
        assert status == 200, answer
        check_exchange(path, body, answer, self.clock.now())
        return status, {}, answer

    def ask(self, path: str, body: object) -> tuple[int, Any]:
        """Return a hook's status and answer; check that no log line shows a token."""
        with self._logs.watching():
            reply = next(self._clients).post(path, json=body)
        assert self._logs.leaks == []
        return reply.status_code, reply.json

    def ambush(self, writes: int, action: Callable[[], object]) -> None:
        """Let *action* happen right before a write of Metacontroller, after *writes* writes."""
        self._ambush = (writes, action)

    def run(self, work: Callable[[], object]) -> None:
        """Let Metacontroller do *work*, with the action of `ambush`."""
        self.cluster.before_write = lambda *_: self._on_write()
        try:
            work()
        except KilledError:
            self.mc.restart()
        finally:
            self.cluster.before_write = lambda *_: None

    def _on_write(self) -> None:
        if self._ambush is None:
            return
        writes, action = self._ambush
        self._ambush = (writes - 1, action) if writes else None
        if not writes:
            action()

    def settle(self) -> None:
        """Work until nothing is left to do, also after a kill."""
        self.run(self.mc.settle)
        self.mc.settle()

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass, with all due events."""
        self.run(lambda: self.mc.advance(seconds))
        self.mc.settle()

    def get(self, kind: str, name: str) -> Object | None:
        """Return one object of the Namespace, or None."""
        return self.cluster.get(kind, NAMESPACE, name)

    def read(self, kind: str, name: str) -> Object:
        """Return one object of the Namespace; the object must exist."""
        return self.cluster.read(kind, NAMESPACE, name)

    def objects(self, kind: str) -> list[Object]:
        """Return the Namespace's objects of a kind; callers must not change them."""
        return self.cluster.peek(kind, NAMESPACE)
