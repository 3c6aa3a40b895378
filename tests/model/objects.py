"""Reads Kubernetes objects: dicts as from `kubectl get -o json`, without managedFields."""

from typing import Any

from hooks.core.names import UPSTREAM_KIND

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Kind as `kind_of` has it, namespace ("" where cluster-scoped), name."""

Groups = dict[str, dict[str, Object]]
"""Objects by group key ("Secret.v1"), then by "namespace/name"."""

FOREGROUND = "foregroundDeletion"
"""https://kubernetes.io/docs/concepts/architecture/garbage-collection/#foreground-deletion"""
ORPHAN = "orphan"
"""https://kubernetes.io/docs/concepts/architecture/garbage-collection/#orphaned-dependents"""


def kind_of(obj: Object) -> str:
    """Return the kind of *obj*, with the version for AcrPullBinding: two groups have this kind."""
    kind = str(obj["kind"])
    return f"{kind} of {obj['apiVersion']}" if kind == UPSTREAM_KIND else kind


def key_of(obj: Object) -> Key:
    """Return the key of *obj* in the store."""
    return (kind_of(obj), obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def qualified_name(obj: Object) -> str:
    """Return "namespace/name", or the name of a cluster-scoped object.

    Source: metacontroller@v4.17.2:pkg/controller/common/api/v2/common.go:66
    """
    _, namespace, name = key_of(obj)
    return f"{namespace}/{name}" if namespace else name


def uid_of(obj: Object) -> str:
    """Return the uid of *obj*."""
    return str(obj["metadata"]["uid"])


def labels_of(obj: Object) -> dict[str, str]:
    """Return the labels, {} if none."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    """Return the annotations, {} if none."""
    return obj["metadata"].get("annotations") or {}


def owners_of(obj: Object) -> list[Object]:
    """Return the ownerReferences, [] if none."""
    return obj["metadata"].get("ownerReferences") or []


def finalizers_of(obj: Object) -> list[str]:
    """Return the finalizers, [] if none."""
    return obj["metadata"].get("finalizers") or []


def is_deleting(obj: Object) -> bool:
    """True if *obj* is being deleted."""
    return "deletionTimestamp" in obj["metadata"]


def controller_of(obj: Object) -> Object | None:
    """Return the ownerReference with `controller: true`, or None."""
    return next((ref for ref in owners_of(obj) if ref.get("controller")), None)


def controller_ref(owner: Object) -> Object:
    """Return a controller reference to *owner*.

    Source: metacontroller@v4.17.2:pkg/controller/common/manage_children.go:125
    """
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
