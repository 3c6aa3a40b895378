"""The children of a binding: adopts objects with its label, and releases others.

Source: metacontroller@v4.17.2; CRM is pkg/third_party/kubernetes/controller_ref_manager.go, UM is
pkg/dynamic/controllerref/unstructured.go, CC is pkg/controller/composite/controller.go.
"""

import copy
from collections.abc import Callable

from tests.model.cluster import Cluster
from tests.model.errors import ApiError, NotFoundError, SyncError
from tests.model.informers import Informers
from tests.model.objects import (
    Groups,
    Object,
    controller_of,
    controller_ref,
    is_deleting,
    key_of,
    labels_of,
    owners_of,
    qualified_name,
    uid_of,
)
from tests.model.resources import Resource

LABEL = "controller-uid"
"""The label that `generateSelector` selects by (CC:758)."""


def atomic_update(cluster: Cluster, obj: Object, change: Callable[[Object], None]) -> Object:
    """Call *change* on the stored version of *obj*, with any resourceVersion, and update.

    Raises `NotFoundError`: the object is deleted, or another object has its name.
    Source: pkg/dynamic/clientset/clientset.go:152
    """
    live = cluster.read(*key_of(obj))
    if uid_of(live) != uid_of(obj):
        raise NotFoundError(f"{key_of(obj)}: replaced by another object")
    change(live)
    return cluster.update(live)


class Claim:
    """The claim of a sync on the children of *parent*."""

    def __init__(self, cluster: Cluster, informers: Informers, parent: Object) -> None:
        self._cluster = cluster
        self._informers = informers
        self._parent = parent

    def children(self, resources: list[Resource]) -> Groups:
        """Return the cached children by kind, {} if none.

        So a new child still lacks its reference (UM:71).
        Raises `SyncError`: an adoption or a release failed.
        """
        groups: Groups = {}
        for resource in resources:
            errors: list[str] = []
            group = groups.setdefault(resource.group, {})
            for child in self._informers.candidates(resource.kind, self._parent):
                try:
                    if self._claim(child):
                        group[qualified_name(child)] = copy.deepcopy(child)
                except (ApiError, SyncError) as error:
                    errors.append(str(error))
            if errors:
                raise SyncError(f"can't claim {resource.kind} children: {'; '.join(errors)}")
        return groups

    def _claim(self, child: Object) -> bool:
        """True if *child* belongs to the parent, after an adoption or a release (CRM:62)."""
        matches = labels_of(child).get(LABEL) == uid_of(self._parent)
        deleting = is_deleting(self._parent)
        if controller_of(child) is not None:
            if not matches and not deleting:
                self._release(child)
            return matches
        if deleting or not matches or is_deleting(child):
            return False
        return self._adopt(child)

    def _adopt(self, child: Object) -> bool:
        """Add the controller reference; False if *child* or the parent is gone (CRM:104).

        Raises `SyncError`: a live read shows the parent deleting or replaced (CC:782, CRM:121).
        """
        ref = controller_ref(self._parent)
        try:
            live = self._cluster.read(*key_of(self._parent))
            if uid_of(live) != uid_of(self._parent) or is_deleting(live):
                raise SyncError(f"can't adopt {key_of(child)}: the parent is gone")
            atomic_update(self._cluster, child, lambda obj: _add_owner(obj, ref))
        except NotFoundError:
            return False
        return True

    def _release(self, child: Object) -> None:
        """Remove the parent's reference from *child* (UM:113)."""
        uid = uid_of(self._parent)
        try:
            atomic_update(self._cluster, child, lambda obj: _remove_owner(obj, uid))
        except NotFoundError:
            return


def _add_owner(obj: Object, ref: Object) -> None:
    """Source: pkg/dynamic/controllerref/controller_ref.go:24."""
    refs = [ref if old["uid"] == ref["uid"] else old for old in owners_of(obj)]
    obj["metadata"]["ownerReferences"] = refs if ref in refs else [*refs, ref]


def _remove_owner(obj: Object, uid: str) -> None:
    """Source: pkg/dynamic/controllerref/controller_ref.go:44."""
    refs = [ref for ref in owners_of(obj) if ref["uid"] != uid]
    obj["metadata"]["ownerReferences"] = refs
