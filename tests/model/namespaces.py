"""The namespace controller of the controller manager. Paths are of kubernetes v1.36."""

from datetime import datetime, timedelta

from tests.model.cluster import Cluster
from tests.model.objects import Key, Object, is_deleting, key_of
from tests.model.resources import NAMESPACE


class NamespaceController:
    """Deletes the objects of a deleted Namespace one by one, and then the Namespace.

    Source: pkg/controller/namespace/deletion/namespaced_resources_deleter.go:98

    Attributes:
        grace: The wait after the deletion of a Namespace. The real controller waits `GRACE`, the
            model does not wait by default.
    """

    GRACE = timedelta(seconds=5)
    """pkg/controller/namespace/namespace_controller.go:50"""

    def __init__(self, cluster: Cluster) -> None:
        self.grace = timedelta(0)
        self._cluster = cluster

    def next_due(self) -> datetime | None:
        """Return the time of the next work on a Namespace, or None."""
        begins = (self._begins(each) for each in self._cluster.peek(NAMESPACE.kind))
        now = self._cluster.clock.now()
        return min((begin for begin in begins if begin and begin > now), default=None)

    def _begins(self, namespace: Object) -> datetime | None:
        if not is_deleting(namespace) or not namespace["spec"].get("finalizers"):
            return None
        return datetime.fromisoformat(namespace["metadata"]["deletionTimestamp"]) + self.grace

    def pending(self) -> list[Key]:
        """Return the pending work, as keys for `work`."""
        due: list[Key] = []
        for namespace in self._cluster.peek(NAMESPACE.kind):
            begins = self._begins(namespace)
            if begins and begins <= self._cluster.clock.now():
                content = self._cluster.peek(namespace=namespace["metadata"]["name"])
                due += [key_of(obj) for obj in content if not is_deleting(obj)]
                due += [] if content else [key_of(namespace)]
        return due

    def work(self, key: Key) -> None:
        """Delete an object of a deleted Namespace, or finalize the Namespace itself."""
        if key[0] != NAMESPACE.kind:
            self._cluster.delete(*key)
            return
        namespace = self._cluster.read(*key)
        namespace["spec"]["finalizers"] = []
        self._cluster.update(namespace)
