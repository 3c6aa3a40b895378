"""Metacontroller's caches of the cluster, with a watch per kind.

Fresh informers always show the store; stale informers show the state of the last delivered event.
"""

from collections import deque

from tests.model.cluster import Cluster
from tests.model.objects import Key, Object, controller_of, key_of, uid_of
from tests.model.store import Event


class Informers:
    """The cache of a Metacontroller process, and the undelivered events.

    Args:
        cluster: The cluster to watch, from now on.
        fresh: Whether reads show the store itself.
    """

    def __init__(self, cluster: Cluster, *, fresh: bool) -> None:
        self._cluster = cluster
        self._fresh = fresh
        self._cache: dict[Key, Object] = {key_of(obj): obj for obj in cluster.peek()}
        self._undelivered: dict[str, deque[Event]] = {}

    def receive(self, event: Event) -> None:
        """Keep an *event* of the server for later delivery."""
        self._undelivered.setdefault(key_of(event.latest)[0], deque()).append(event)

    def undelivered(self) -> list[str]:
        """Return the kinds with undelivered events."""
        return sorted(kind for kind, events in self._undelivered.items() if events)

    def deliver(self, kind: str) -> Event:
        """Deliver the oldest event of *kind*; kinds have no common order."""
        event = self._undelivered[kind].popleft()
        if event.new is None:
            self._cache.pop(key_of(event.latest), None)
        else:
            self._cache[key_of(event.new)] = event.new
        return event

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """Return a cached object, or None. The caller must not change the object."""
        if self._fresh:
            return self._cluster.get(kind, namespace, name)
        return self._cache.get((kind, namespace, name))

    def known(self, kind: str, namespace: str | None = None) -> list[Object]:
        """Return the cached objects of *kind*, by namespace and name; do not change the objects."""
        if self._fresh:
            return self._cluster.peek(kind, namespace)
        keys = [k for k in self._cache if k[0] == kind and namespace in (None, k[1])]
        return [self._cache[key] for key in sorted(keys)]

    def candidates(self, kind: str, parent: Object) -> list[Object]:
        """Return the children of *parent*, then the orphans, in its namespace.

        Source: metacontroller@v4.17.2:pkg/dynamic/informer/informer.go:150,160
        """
        listed = self.known(kind, parent["metadata"]["namespace"])
        controllers = [(obj, controller_of(obj)) for obj in listed]
        owned = [obj for obj, ref in controllers if ref and ref["uid"] == uid_of(parent)]
        return owned + [obj for obj, ref in controllers if ref is None]
