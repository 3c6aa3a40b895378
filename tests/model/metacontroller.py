"""Metacontroller and the cluster's own controllers, one step at a time.

Source: metacontroller@v4.17.2; how a worker takes errors is
pkg/controller/composite/controller.go:359, and pkg/controller/decorator/controller.go:365 alike.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from tests.model.apply import DYNAMIC_APPLY, new_applier
from tests.model.children import Children
from tests.model.cluster import Cluster
from tests.model.composite import Composite
from tests.model.decorator import Decorator
from tests.model.definitions import COMPOSITE, UPSTREAM
from tests.model.errors import ApiError, SyncError
from tests.model.garbage import GarbageCollector
from tests.model.hook import Call, Hooks, HotLoop, Post, TooManyRequestsError
from tests.model.informers import Informers
from tests.model.namespaces import NamespaceController
from tests.model.objects import Key
from tests.model.store import Event

RELIST = timedelta(minutes=30)
"""How often every parent is queued: `--cache-flush-interval`, pkg/cmd/metacontroller/main.go:46."""

_STEPS_PER_CALL = 50
"""Steps that may pass for one call allowed, before they too count as a loop."""


class Metacontroller:
    """The controllers, the garbage collector and the namespace controller over one cluster.

    Args:
        cluster: what to act on; its clock is the only one
        post: the hook service
        strategy: `dynamic-apply` or `server-side-apply`
        seed: settles the order of things that may happen in any order
        upstream: whether upstream's bindings are served, too
        stale: how often work goes ahead of news from the server, 0 (never: caches show the
            store) to 1 (always); True means 0.5

    Attributes:
        events: the Warning Events of failed syncs, oldest first
        namespaces: the namespace controller
    """

    def __init__(
        self,
        cluster: Cluster,
        post: Post,
        strategy: str = DYNAMIC_APPLY,
        seed: int = 0,
        stale: float | bool = False,
        *,
        upstream: bool = False,
    ) -> None:
        self.events: list[str] = []
        self._cluster = cluster
        self._hooks = Hooks(post, cluster.clock)
        self._strategy = strategy
        self._definitions = (COMPOSITE, *(UPSTREAM if upstream else ()))
        self._random = random.Random(seed)  # noqa: S311 - an order to try, not a secret
        self._stale = 0.5 if stale is True else float(stale)
        self.namespaces = NamespaceController(cluster)
        self._janitors = (GarbageCollector(cluster), self.namespaces)
        self._informers: Informers
        self._controllers: list[Composite | Decorator]
        self._next_relist: datetime
        self.restart()

    @property
    def calls(self) -> list[Call]:
        """Every call of a hook, oldest first."""
        return self._hooks.calls

    def restart(self) -> None:
        """Kill the process and start it: caches, delays and retries are lost, all is queued."""
        self._informers = Informers(self._cluster, fresh=not self._stale)
        self._cluster.watch(self._informers.receive)
        children = Children(self._cluster, new_applier(self._strategy, self._cluster))
        common = self._cluster, self._informers, self._hooks
        self._controllers = [
            *(Composite(definition, *common, children) for definition in self._definitions),
            Decorator(*common),
        ]
        self._relist()

    def step(self) -> bool:
        """Do one thing: deliver an event, sync a parent, collect an object.

        Return False if there was nothing to do.
        """
        self._promote()
        choices = self._choices()
        if choices:
            self._random.choice(choices)()
        return bool(choices)

    def settle(self, max_calls: int = 300) -> None:
        """Step until nothing is left to do, at this instant.

        Raises `HotLoop`: that took more than *max_calls* calls.
        """
        before = len(self.calls)
        for _ in range(max_calls * _STEPS_PER_CALL):
            if not self.step():
                return
            if len(self.calls) - before > max_calls:
                break
        raise HotLoop(self.calls[-20:])

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass, and settle whenever something falls due. Raises `HotLoop`."""
        clock = self._cluster.clock
        end = clock.now() + timedelta(seconds=seconds)
        self.settle()
        while (due := self.next_due()) <= end:
            clock.advance_to(due)
            self.settle()
        clock.advance_to(end)
        self.settle()

    def next_due(self) -> datetime:
        """Return when something next falls due: a resync, a retry, a relist, a Namespace's end."""
        delays = [controller.queue.next_due() for controller in self._controllers]
        delays.append(self.namespaces.next_due())
        return min([self._next_relist, *(delay for delay in delays if delay)])

    def _promote(self) -> None:
        for controller in self._controllers:
            controller.queue.promote()
        if self._next_relist <= self._cluster.clock.now():
            self._relist()

    def _relist(self) -> None:
        self._next_relist = self._cluster.clock.now() + RELIST
        for controller in self._controllers:
            controller.enqueue_all()

    def _choices(self) -> list[Callable[[], None]]:
        """Return what may happen next: news first, unless it is late this time."""
        news = [partial(self._deliver, kind) for kind in self._informers.undelivered()]
        work: list[Callable[[], None]] = [
            partial(self._sync, controller) for controller in self._controllers if controller.queue
        ]
        for janitor in self._janitors:
            work += [partial(self._collect, janitor, key) for key in janitor.pending()]
        if news and (not work or self._random.random() >= self._stale):
            return [*news]
        return work

    def _deliver(self, kind: str) -> None:
        event: Event = self._informers.deliver(kind)
        for controller in self._controllers:
            controller.on_event(event)

    def _collect(self, janitor: GarbageCollector | NamespaceController, key: Key) -> None:
        with suppress(ApiError):  # refused, so still pending
            janitor.work(key)

    def _sync(self, controller: Composite | Decorator) -> None:
        key = controller.queue.pop()
        try:
            controller.sync(key)
        except TooManyRequestsError as error:
            controller.queue.add_after(key, error.seconds)
        except (SyncError, ApiError) as error:
            self.events.append(f"Sync error: {error}")
            controller.queue.add_rate_limited(key)
        else:
            controller.queue.forget(key)
