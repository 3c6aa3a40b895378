"""Metacontroller and the cluster's controllers, step by step.

Source: metacontroller@v4.17.2; for errors of a worker pkg/controller/composite/controller.go:359
and pkg/controller/decorator/controller.go:365.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from tests.model.apply import DYNAMIC_APPLY, new_applier
from tests.model.children import Children
from tests.model.cluster import Cluster
from tests.model.composite import Composite
from tests.model.decorator import Decorator
from tests.model.definitions import COMPOSITE
from tests.model.errors import ApiError, SyncError
from tests.model.garbage import GarbageCollector
from tests.model.hook import Call, Hooks, HotLoop, Post, TooManyRequestsError
from tests.model.informers import Informers
from tests.model.namespaces import NamespaceController
from tests.model.objects import Key, Object
from tests.model.store import Event

RELIST = timedelta(minutes=30)
"""How often every parent is queued: `--cache-flush-interval`, pkg/cmd/metacontroller/main.go:46."""

_STEPS_PER_CALL = 50
"""Steps that may pass for one call allowed, before they too count as a loop."""


class Metacontroller:
    """The controllers, the garbage collector and the namespace controller of a cluster.

    Args:
        cluster: The cluster, with the only clock.
        post: The hook service.
        strategy: `dynamic-apply` or `server-side-apply`.
        seed: The seed for the order of steps without a fixed order.
        stale: How often work precedes an undelivered event, from 0 (never: caches show the store)
            to 1 (always); True means 0.5.
        definitions: The CompositeControllers.

    Attributes:
        events: The Warning Events of failed syncs, oldest first.
        namespaces: The namespace controller.
    """

    def __init__(
        self,
        cluster: Cluster,
        post: Post,
        strategy: str = DYNAMIC_APPLY,
        seed: int = 0,
        stale: float | bool = False,
        definitions: Sequence[Object] = (COMPOSITE,),
    ) -> None:
        self.events: list[str] = []
        self._cluster = cluster
        self._hooks = Hooks(post, cluster.clock)
        self._strategy = strategy
        self._definitions = definitions
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
        """Kill and start the process: caches, delays and retries are lost, all keys are queued."""
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
        """Deliver an event, sync a parent, or collect an object.

        Returns False if no work is pending.
        """
        self._promote()
        choices = self._choices()
        if choices:
            self._random.choice(choices)()
        return bool(choices)

    def settle(self, max_calls: int = 300) -> None:
        """Step until no work is pending at this instant.

        Raises `HotLoop`: more than *max_calls* calls were made.
        """
        before = len(self.calls)
        for _ in range(max_calls * _STEPS_PER_CALL):
            if not self.step():
                return
            if len(self.calls) - before > max_calls:
                break
        raise HotLoop(self.calls[-20:])

    def advance(self, seconds: float) -> None:
        """Advance the clock by *seconds*, and settle at each due time. Raises `HotLoop`."""
        clock = self._cluster.clock
        end = clock.now() + timedelta(seconds=seconds)
        self.settle()
        while (due := self.next_due()) <= end:
            clock.advance_to(due)
            self.settle()
        clock.advance_to(end)
        self.settle()

    def next_due(self) -> datetime:
        """Return the next due time: of a resync, a retry, a relist, or work on a Namespace."""
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
        """Return the possible next steps: events first, unless events are late this time."""
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
        with suppress(ApiError):  # rejected, so still pending
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
