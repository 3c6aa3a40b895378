"""The CompositeControllers: bindings of an API as parents of Secrets and ServiceAccounts.

Source, also of the lines: metacontroller@v4.17.2:pkg/controller/composite/controller.go
"""

import copy
from functools import partial

from tests.model import finalizer
from tests.model.answers import CompositeAnswer, composite_answer
from tests.model.children import Children, group_children
from tests.model.claim import LABEL, Claim, atomic_update
from tests.model.cluster import Cluster
from tests.model.errors import ConflictError, NotFoundError, SyncError
from tests.model.hook import Hooks
from tests.model.informers import Informers
from tests.model.objects import (
    Groups,
    Object,
    annotations_of,
    controller_of,
    finalizers_of,
    is_deleting,
    key_of,
    kind_of,
    labels_of,
    uid_of,
)
from tests.model.related import Related
from tests.model.resources import find_plural
from tests.model.store import Event
from tests.model.workqueue import QueueKey, WorkQueue


class Composite:
    """The CompositeController of a definition; `on_event` queues parents for `sync`."""

    def __init__(
        self,
        definition: Object,
        cluster: Cluster,
        informers: Informers,
        hooks: Hooks,
        children: Children,
    ) -> None:
        parent = definition["spec"]["parentResource"]
        self._parent = find_plural(parent["apiVersion"], parent["resource"])
        self._finalizer = finalizer.finalizer_of(definition["metadata"]["name"])
        self._finalizes = "finalize" in definition["spec"]["hooks"]
        children_kinds = definition["spec"]["childResources"]
        self._kinds = [find_plural(c["apiVersion"], c["resource"]) for c in children_kinds]
        self._definition = definition
        self.queue = WorkQueue(cluster.clock)
        self._cluster = cluster
        self._informers = informers
        self._hooks = hooks
        self._children = children
        self._related = Related("/customize", definition, hooks, informers, cluster.clock)

    def enqueue_all(self) -> None:
        """Queue every parent, as a start and a relist do (informer.go:282,386)."""
        for parent in self._informers.known(self._parent.name):
            self._enqueue(parent)

    def on_event(self, event: Event) -> None:
        """Queue the parents of a change: of the parent, of a child, of a related object."""
        obj = event.latest
        if kind_of(obj) == self._parent.name and not _is_of_status(event):
            self._enqueue(obj)
        if obj["kind"] in {resource.kind for resource in self._kinds}:
            self._on_child(event)
        for parent in self._related.concerned(event, self._informers.known(self._parent.name)):
            self._enqueue(parent)

    def _on_child(self, event: Event) -> None:
        """Queue the child's controller, or the parents that could adopt it (lines 475, 522)."""
        child = event.latest
        namespace = child["metadata"]["namespace"]
        ref = controller_of(child)
        gone = event.new is None or is_deleting(child)
        if ref is not None and self._is_parent(ref):
            parent = self._informers.get(self._parent.name, namespace, ref["name"])
            if parent is not None and uid_of(parent) == ref["uid"]:
                self._enqueue(parent)
        elif ref is None and not gone:
            for parent in self._informers.known(self._parent.name, namespace):
                if labels_of(child).get(LABEL) == uid_of(parent):
                    self._enqueue(parent)

    def _is_parent(self, ref: Object) -> bool:
        """True if *ref* names the parent kind, in any version of its group (line 444)."""
        kind, group = self._parent.kind, self._parent.api_version.partition("/")[0]
        return bool(ref["kind"] == kind and ref["apiVersion"].partition("/")[0] == group)

    def _enqueue(self, parent: Object) -> None:
        self.queue.add((parent["metadata"]["namespace"], parent["metadata"]["name"]))

    def sync(self, key: QueueKey) -> None:
        """Bring a binding's children and status to the hook's answer (lines 585 and 622).

        Raises `SyncError` or `ApiError`; the caller retries.
        """
        parent = copy.deepcopy(self._informers.get(self._parent.name, *key))
        if parent is None:
            return
        parent = self._with_finalizer(parent)
        observed = Claim(self._cluster, self._informers, parent).children(self._kinds)
        related = self._related.objects(parent)
        answer = self._ask(parent, observed, related)
        desired = group_children(answer.children)
        if answer.resync_after_seconds > 0:
            self.queue.add_after(key, answer.resync_after_seconds)
        if answer.finalized:
            change = partial(finalizer.remove, self._finalizer)
            parent = atomic_update(self._cluster, parent, change)
        _label(parent, desired)
        self._manage(parent, observed, desired, answer.status)

    def _with_finalizer(self, parent: Object) -> Object:
        """Add the finalizer before anything else, unless deletion began (finalizer.go:45).

        Without a finalize hook, remove the finalizer.
        """
        if (self._finalizer in finalizers_of(parent)) == self._finalizes:
            return parent
        if not self._finalizes:
            change = partial(finalizer.remove, self._finalizer)
            return atomic_update(self._cluster, parent, change)
        if is_deleting(parent):
            return parent
        return atomic_update(self._cluster, parent, partial(finalizer.add, self._finalizer))

    def _ask(self, parent: Object, observed: Groups, related: Groups) -> CompositeAnswer:
        """Call finalize once deletion began, sync before, or without finalize (hooks.go:55,75)."""
        finalizing = is_deleting(parent) and self._finalizes
        request = {
            "controller": self._definition,
            "parent": parent,
            "children": observed,
            "related": related,
            "finalizing": finalizing,
        }
        answer = composite_answer(self._hooks.call("/finalize" if finalizing else "/sync", request))
        for child in answer.children:
            child["metadata"].setdefault("namespace", parent["metadata"]["namespace"])
        return answer

    def _manage(self, parent: Object, observed: Groups, desired: Groups, status: Object) -> None:
        """Manage children, then write the status even if that failed (lines 722 to 745)."""
        failure: SyncError | None = None
        finalizes = self._finalizes and finalizer.should_finalize(self._finalizer, parent)
        if not is_deleting(parent) or finalizes:
            try:
                self._children.manage(parent, observed, desired)
            except SyncError as error:
                failure = error
        try:
            self._write_status(parent, status)
        except (NotFoundError, ConflictError):  # ignored, and so is the failure
            return
        if failure:
            raise failure

    def _write_status(self, parent: Object, status: Object) -> None:
        """Replace the status, if it differs from the live status (line 879)."""
        wanted = {**status, "observedGeneration": parent["metadata"]["generation"]}
        live = self._cluster.read(*key_of(parent))
        if uid_of(live) != uid_of(parent):
            raise NotFoundError(f"{key_of(parent)}: replaced by another object")
        if live.get("status") != wanted:
            self._cluster.update_status({**live, "status": wanted})


def _is_of_status(event: Event) -> bool:
    """True if `ignoreStatusChanges` ignores the change of a parent (line 419)."""
    old, new = event.old, event.new
    if old is None or new is None or is_deleting(new):
        return False
    heeded = [(_generation_of(o), labels_of(o), annotations_of(o)) for o in (old, new)]
    return heeded[0] == heeded[1]


def _generation_of(obj: Object) -> int:
    """Return the generation of *obj*."""
    generation: int = obj["metadata"]["generation"]
    return generation


def _label(parent: Object, desired: Groups) -> None:
    """Label every desired child with the parent's uid (line 699).

    Raises `SyncError`: a child has the label with another value (line 711).
    """
    for children in desired.values():
        for child in children.values():
            labels = child["metadata"].get("labels") or {}
            labels.setdefault(LABEL, uid_of(parent))
            child["metadata"]["labels"] = labels
            if labels[LABEL] != uid_of(parent):
                raise SyncError(f"labels on desired {key_of(child)} don't match parent selector")
