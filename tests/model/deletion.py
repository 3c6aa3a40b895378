"""The effect of a delete request on an object. Paths are of kubernetes v1.36."""

import copy

from tests.model.objects import FOREGROUND, ORPHAN, Object, finalizers_of, is_deleting
from tests.model.resources import NAMESPACE

_FINALIZER = {"Foreground": [FOREGROUND], "Orphan": [ORPHAN], "Background": []}


def begin(obj: Object, propagation: str, stamp: str) -> Object:
    """Return *obj* after a delete request at the instant *stamp*.

    The policy replaces the garbage collector's finalizers. The first request increases the
    generation, if the kind has a generation.
    Source: staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go:984,1019
    """
    new = copy.deepcopy(obj)
    metadata = new["metadata"]
    kept = [name for name in finalizers_of(obj) if name not in (FOREGROUND, ORPHAN)]
    metadata["finalizers"] = kept + _FINALIZER[propagation]
    if not metadata["finalizers"]:
        del metadata["finalizers"]
    if not is_deleting(obj):
        metadata["deletionTimestamp"] = stamp
        metadata["deletionGracePeriodSeconds"] = 0
        if "generation" in metadata:
            metadata["generation"] += 1
    if obj["kind"] == NAMESPACE.kind:
        # pkg/registry/core/namespace/storage/storage.go:200; no grace period is set there
        new["status"]["phase"] = "Terminating"
        metadata.pop("deletionGracePeriodSeconds", None)
    return new


def is_complete(obj: Object) -> bool:
    """True if no finalizer blocks the deletion of *obj*.

    Source: store.go:573 and pkg/registry/core/namespace/storage/storage.go:258
    """
    return not finalizers_of(obj) and not obj.get("spec", {}).get("finalizers")
