"""The API server's checks before a write. Paths are of kubernetes v1.36."""

from tests.model.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.model.objects import Object, key_of, uid_of
from tests.model.resources import RESOURCES, resource_of

_SYSTEM_FIELDS = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
)


def check_namespace(obj: Object, namespace: Object | None) -> None:
    """Reject a new *obj* in a *namespace* that is missing or being deleted.

    Raises `NotFoundError` or `ForbiddenError`.
    Source: staging/src/k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go
    (lines 155 and 170)
    """
    kind, name, _ = key_of(obj)
    if not RESOURCES[kind].namespaced:
        return
    if namespace is None:
        raise NotFoundError(f"namespaces {name!r} not found")
    if namespace["status"]["phase"] == "Terminating":
        raise ForbiddenError(f"namespace {name} is being terminated")


def check_version(old: Object, obj: Object) -> None:
    """Reject an *obj* that was not made from the stored object *old*.

    Raises `ConflictError`: another uid or resourceVersion; `InvalidError`: a custom resource
    without a resourceVersion. Core kinds need no resourceVersion.
    Source: staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go:674,735,743
    """
    version = obj["metadata"].get("resourceVersion")
    if not version and resource_of(old).custom:
        raise InvalidError("metadata.resourceVersion: must be specified for an update")
    if version and version != old["metadata"]["resourceVersion"]:
        raise ConflictError(f"{key_of(obj)}: the object has been modified")
    check_uid(old, obj["metadata"].get("uid"))


def check_uid(old: Object, uid: str | None) -> None:
    """Reject a *uid* other than the stored uid; None passes. Raises `ConflictError`."""
    if uid is not None and uid != uid_of(old):
        raise ConflictError(f"{key_of(old)}: the UID in the precondition differs")


def carry_over(old: Object, new: Object) -> None:
    """Set the immutable fields of *new*, in place, and its generation.

    Source: staging/src/k8s.io/apiserver/pkg/registry/rest/update.go:126-145 and
    apiextensions-apiserver:pkg/registry/customresource/strategy.go:159
    """
    for name in _SYSTEM_FIELDS:
        new["metadata"].pop(name, None)
        if name in old["metadata"]:
            new["metadata"][name] = old["metadata"][name]
    if resource_of(old).custom:
        new.pop("status", None)
        new.update({"status": old["status"]} if "status" in old else {})
        if _without_metadata(new) != _without_metadata(old):
            new["metadata"]["generation"] += 1


def _without_metadata(obj: Object) -> Object:
    return {name: value for name, value in obj.items() if name != "metadata"}
