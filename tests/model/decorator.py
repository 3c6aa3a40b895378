"""The DecoratorController: every ServiceAccount as a parent, no attachments, no finalizer.

Source, also of the lines: metacontroller@v4.17.2:pkg/controller/decorator/controller.go
"""

import copy

from tests.model.answers import decorator_answer
from tests.model.cluster import Cluster
from tests.model.definitions import DECORATOR
from tests.model.errors import ConflictError, NotFoundError
from tests.model.hook import Hooks
from tests.model.informers import Informers
from tests.model.objects import Object, annotations_of, labels_of
from tests.model.related import Related
from tests.model.resources import SERVICE_ACCOUNT
from tests.model.store import Event
from tests.model.workqueue import QueueKey, WorkQueue


class Decorator:
    """A DecoratorController; `on_event` queues ServiceAccounts for `sync`."""

    def __init__(self, cluster: Cluster, informers: Informers, hooks: Hooks) -> None:
        self.queue = WorkQueue(cluster.clock)
        self._cluster = cluster
        self._informers = informers
        self._hooks = hooks
        self._related = Related(
            "/serviceaccount/customize", DECORATOR, hooks, informers, cluster.clock
        )

    def enqueue_all(self) -> None:
        """Queue every ServiceAccount, as a start and a relist do (informer.go:282,386)."""
        for parent in self._informers.known(SERVICE_ACCOUNT.kind):
            self._enqueue(parent)

    def on_event(self, event: Event) -> None:
        """Queue the ServiceAccounts of a change: of the ServiceAccount or of a related object."""
        if event.latest["kind"] == SERVICE_ACCOUNT.kind:
            self._enqueue(event.latest)
        parents = self._informers.known(SERVICE_ACCOUNT.kind)
        for parent in self._related.concerned(event, parents):
            self._enqueue(parent)

    def _enqueue(self, parent: Object) -> None:
        self.queue.add((parent["metadata"]["namespace"], parent["metadata"]["name"]))

    def sync(self, key: QueueKey) -> None:
        """Set the labels and annotations of the hook's answer (lines 568 and 615).

        Raises `SyncError` or `ApiError`; the caller retries.
        """
        target = copy.deepcopy(self._informers.get(SERVICE_ACCOUNT.kind, *key))
        if target is None:
            return
        request = {
            "controller": DECORATOR,
            "object": target,
            "attachments": {},
            "related": self._related.objects(target),
            "finalizing": False,
        }
        answer = decorator_answer(self._hooks.call("/serviceaccount/sync", request))
        if answer.resync_after_seconds > 0:
            self.queue.add_after(key, answer.resync_after_seconds)
        labels = _changed(labels_of(target), answer.labels)
        annotations = _changed(annotations_of(target), answer.annotations)
        if (labels, annotations) == (labels_of(target), annotations_of(target)):
            return
        target["metadata"].update(labels=labels, annotations=annotations)
        try:
            self._cluster.update(target)
        except (NotFoundError, ConflictError):  # ignored (lines 732 and 736)
            return


def _changed(values: dict[str, str], updates: dict[str, str | None]) -> dict[str, str]:
    """Return *values* with *updates*; None removes a key (line 881)."""
    merged = {**values, **updates}
    return {name: value for name, value in merged.items() if value is not None}
