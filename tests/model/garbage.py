"""The garbage collector of the controller manager.

Level-based: the store shows the pending work at any moment, so this model has no queue.
Source, also of the lines: kubernetes v1.36, pkg/controller/garbagecollector/garbagecollector.go
Left out: the cycle breaker (line 598), owners of kinds unknown to this cluster.
"""

from dataclasses import dataclass, field

from tests.model.cluster import Cluster
from tests.model.objects import (
    FOREGROUND,
    ORPHAN,
    Key,
    Object,
    finalizers_of,
    is_deleting,
    key_of,
    owners_of,
    uid_of,
)
from tests.model.resources import find_kind


@dataclass
class Owners:
    """The uids of an object's owners, by the state of the owner (line 464)."""

    solid: set[str] = field(default_factory=set)
    dangling: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)


class GarbageCollector:
    """Deletes objects whose owners are all gone."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def pending(self) -> list[Key]:
        """Return the pending work, as keys for `work`."""
        return [key_of(obj) for obj in self._cluster.peek() if self._is_due(obj)]

    def work(self, key: Key) -> None:
        """Do the next step for an object."""
        obj = self._cluster.read(*key)
        if is_deleting(obj):
            self._release(obj)
        else:
            self._attempt_to_delete(obj)

    def _is_due(self, obj: Object) -> bool:
        if is_deleting(obj):
            return ORPHAN in finalizers_of(obj) or (
                FOREGROUND in finalizers_of(obj) and not self._dependents(obj, blocking=True)
            )
        owners = self._owners(obj)
        return bool(owners.dangling or owners.waiting)

    def _release(self, owner: Object) -> None:
        """Release *owner*: its dependents are orphaned (line 749) or deleted (line 664)."""
        finalizer = ORPHAN if ORPHAN in finalizers_of(owner) else FOREGROUND
        if finalizer == ORPHAN:
            for dependent in self._dependents(owner):
                self._drop(dependent, {uid_of(owner)})
        owner["metadata"]["finalizers"].remove(finalizer)
        self._cluster.update(owner)

    def _attempt_to_delete(self, obj: Object) -> None:
        """Remove references to dead owners, or delete *obj* (lines 570 to 660)."""
        owners = self._owners(obj)
        if owners.solid:
            self._drop(obj, owners.dangling | owners.waiting)
            return
        propagation = "Background"
        if ORPHAN in finalizers_of(obj):
            propagation = "Orphan"
        elif FOREGROUND in finalizers_of(obj) or (owners.waiting and self._dependents(obj)):
            propagation = "Foreground"
        self._cluster.delete(*key_of(obj), propagation=propagation, uid=uid_of(obj))

    def _drop(self, dependent: Object, uids: set[str]) -> None:
        kept = [ref for ref in owners_of(dependent) if ref["uid"] not in uids]
        metadata = {**dependent["metadata"], "ownerReferences": kept}
        self._cluster.update({**dependent, "metadata": metadata})

    def _dependents(self, owner: Object, *, blocking: bool = False) -> list[Object]:
        """Return the dependents of *owner*; with *blocking*, those that block its deletion."""
        return [
            obj
            for obj in self._cluster.peek()
            for ref in owners_of(obj)
            if ref["uid"] == uid_of(owner) and (ref.get("blockOwnerDeletion") or not blocking)
        ]

    def _owners(self, obj: Object) -> Owners:
        """Return the owners of *obj* by state: looked up by name, compared by uid (line 434)."""
        owners = Owners()
        for ref in owners_of(obj):
            resource = find_kind(ref["apiVersion"], ref["kind"])
            if resource is None:
                owners.solid.add(ref["uid"])
                continue
            namespace = obj["metadata"].get("namespace", "") if resource.namespaced else ""
            owner = self._cluster.look(resource.name, namespace, ref["name"])
            if owner is None or uid_of(owner) != ref["uid"]:
                owners.dangling.add(ref["uid"])
            elif is_deleting(owner) and FOREGROUND in finalizers_of(owner):
                owners.waiting.add(ref["uid"])
            else:
                owners.solid.add(ref["uid"])
        return owners
