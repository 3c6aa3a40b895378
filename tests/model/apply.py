"""Writes a desired child, in either apply strategy, with updateStrategy InPlace.

Source, also of the lines: metacontroller@v4.17.2:pkg/controller/common/manage_children.go
"""

import copy
import json
from dataclasses import dataclass
from typing import Protocol

from tests.model import merge
from tests.model.cluster import Cluster
from tests.model.errors import AlreadyExistsError, ConflictError, NotFoundError
from tests.model.objects import (
    Key,
    Object,
    annotations_of,
    controller_ref,
    is_deleting,
    key_of,
    owners_of,
    uid_of,
)

DYNAMIC_APPLY = "dynamic-apply"
SERVER_SIDE_APPLY = "server-side-apply"


class Applier(Protocol):
    """Brings a child to its desired state."""

    def apply(self, parent: Object, observed: Object | None, desired: Object) -> None:
        """Create or update the child. Raises `ApiError`, unless Metacontroller ignores it."""

    def forget(self, child: Object) -> None:
        """Record the deletion of *child*."""


def new_applier(strategy: str, cluster: Cluster) -> Applier:
    """Return the applier of Metacontroller's flag `--apply-strategy` (line 304)."""
    if strategy == DYNAMIC_APPLY:
        return DynamicApply(cluster)
    if strategy == SERVER_SIDE_APPLY:
        return ServerSideApply(cluster)
    raise ValueError(f"unknown apply strategy {strategy!r}, e.g. {DYNAMIC_APPLY!r}")


def _owned(parent: Object, desired: Object) -> Object:
    """Return *desired* with a reference to *parent*, added if absent by uid (line 507)."""
    owned = copy.deepcopy(desired)
    if all(ref.get("uid") != uid_of(parent) for ref in owners_of(owned)):
        owned["metadata"]["ownerReferences"] = [*owners_of(owned), controller_ref(parent)]
    return owned


class DynamicApply:
    """The default: a merge in the client, then a plain create or update (line 555)."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def apply(self, parent: Object, observed: Object | None, desired: Object) -> None:
        """Create or update the child; ignore a child created, deleted or changed meanwhile."""
        if observed is None:
            new = copy.deepcopy(desired)
            merge.set_last_applied(new, desired)
            try:
                self._cluster.create(_owned(parent, new))
            except AlreadyExistsError:  # ignored (line 627)
                return
            return
        new = merge.updated(observed, desired)
        if new == observed or is_deleting(observed):
            return
        try:
            self._cluster.update(new)
        except (NotFoundError, ConflictError):  # ignored (lines 596 and 599)
            return

    def forget(self, child: Object) -> None:
        """Do nothing: all state is in the child."""


@dataclass(frozen=True)
class _Applied:
    """The last apply to a child (line 245)."""

    desired: str
    generation: int
    resource_version: str
    uid: str


class ServerSideApply:
    """A forced patch of the desired fields (line 381); skips a child already applied."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._applied: dict[Key, _Applied] = {}

    def apply(self, parent: Object, observed: Object | None, desired: Object) -> None:
        """Patch the child; takes over an existing object, and ignores conflicts."""
        if observed is not None and is_deleting(observed):
            return
        wanted = merge.without_system_fields(_owned(parent, desired))
        content = json.dumps(wanted, sort_keys=True)
        if observed is not None:
            if self._is_applied(observed, content):
                return
            if not self._strip_last_applied(observed):
                return
        try:
            patched = self._cluster.apply(wanted)
        except ConflictError:  # line 493
            return
        self._applied[key_of(wanted)] = _Applied(
            content,
            patched["metadata"].get("generation", 0),
            patched["metadata"]["resourceVersion"],
            uid_of(patched),
        )

    def forget(self, child: Object) -> None:
        """Forget the last apply to *child* (line 239)."""
        self._applied.pop(key_of(child), None)

    def _is_applied(self, observed: Object, content: str) -> bool:
        """True if the child needs no write (line 361).

        Kinds without a generation are compared by resourceVersion, others by generation.
        """
        generation = observed["metadata"].get("generation", 0)
        version = observed["metadata"]["resourceVersion"]
        last = self._applied.get(key_of(observed))
        if last is None or (last.uid, last.desired) != (uid_of(observed), content):
            return False
        if generation == 0 and version != last.resource_version:
            return False
        return last.generation == int(generation)

    def _strip_last_applied(self, observed: Object) -> bool:
        """Remove dynamic-apply's annotation, if observed; False if the child is gone (line 459).

        A patch needs no resourceVersion. The API server rejects the real JSON patch if the live
        object lacks the annotation already; the model accepts the patch.
        """
        if merge.LAST_APPLIED not in annotations_of(observed):
            return True
        live = self._cluster.get(*key_of(observed))
        if live is None:
            return False
        if merge.LAST_APPLIED in annotations_of(live):
            self._cluster.update(merge.without_last_applied(live))
        return True
