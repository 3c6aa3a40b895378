"""The API server's changes and checks before a write: pruning, defaults, validation.

Paths without a repository are of kubernetes v1.36.
"""

import base64
import binascii
import copy
import json

from tests.model.errors import InvalidError
from tests.model.objects import Object, finalizers_of, is_deleting, owners_of
from tests.model.resources import BINDING, NAMESPACE, SECRET, SERVICE_ACCOUNT, resource_of

DOCKER_CONFIG_JSON = "kubernetes.io/dockerconfigjson"

STATUS = {"observedGeneration": -1}
"""What a binding has for a status until the first is written: the default in crds/."""

_COMMON = {"apiVersion", "kind", "metadata"}
KNOWN_FIELDS = {
    NAMESPACE.kind: _COMMON | {"spec", "status"},
    SECRET.kind: _COMMON | {"data", "type", "immutable"},
    SERVICE_ACCOUNT.kind: _COMMON | {"imagePullSecrets", "secrets", "automountServiceAccountToken"},
}
"""Fields of the built-in kinds; the server drops others, as it does the `status` of a Secret.

Source: staging/src/k8s.io/api/core/v1/types.go
"""


def normalise(obj: Object) -> Object:
    """Return *obj* after a round trip through the server's types.

    Source of the fields dropped when empty: the omitempty tags of ObjectMeta, Secret and
    ServiceAccount; observed 2026-11-23: `imagePullSecrets: []` is gone on the next read.
    """
    stored = copy.deepcopy(obj)
    known = KNOWN_FIELDS.get(stored["kind"])
    if known:
        stored = {k: v for k, v in stored.items() if k in known and v not in (None, [], {})}
    metadata = stored["metadata"]
    metadata.pop("managedFields", None)
    metadata["ownerReferences"] = deduplicate(metadata.get("ownerReferences") or [])
    stored["metadata"] = {k: v for k, v in metadata.items() if v not in (None, [], {}, "")}
    if stored["kind"] == SECRET.kind:
        # SetDefaults_Secret, in pkg/apis/core/v1/defaults.go
        stored.setdefault("type", "Opaque")
    if stored["kind"] == BINDING.kind and isinstance(stored.get("spec"), dict):
        stored["spec"].setdefault("serviceAccountName", "default")  # crds/acrpullbinding.yaml
    return stored


def as_applied(obj: Object) -> Object:
    """Return *obj* as in a server-side apply: an explicit empty list is a value.

    Source: measured on kube-apiserver v1.36: `imagePullSecrets: []`, applied with force, removes
    the list of another manager, and counts as applied until an apply omits the list.
    """
    empty = {key: value for key, value in obj.items() if value == []}
    return {**normalise(obj), **empty}


def deduplicate(refs: list[Object]) -> list[Object]:
    """Return *refs* without repeats of a whole reference.

    Source: staging/src/k8s.io/apiserver/pkg/endpoints/handlers/rest.go:297
    """
    return [ref for at, ref in enumerate(refs) if ref not in refs[:at]]


def validate(obj: Object) -> None:
    """Check *obj* by the rules for both creation and update.

    Raises `InvalidError`: a reference lacks a field, two control, or a Secret breaks its type.
    Source: staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go:69,92
    """
    for ref in owners_of(obj):
        missing = [f for f in ("apiVersion", "kind", "name", "uid") if not ref.get(f)]
        if missing:
            raise InvalidError(f"metadata.ownerReferences: {missing[0]} must not be empty")
    if sum(bool(ref.get("controller")) for ref in owners_of(obj)) > 1:
        raise InvalidError("Only one reference can have Controller set to true")
    if obj["kind"] == SECRET.kind:
        _validate_secret(obj)


def _validate_secret(secret: Object) -> None:
    """Check data and type. Source: pkg/apis/core/validation/validation.go:7765."""
    data = secret.get("data", {})
    try:
        decoded = {key: base64.b64decode(value, validate=True) for key, value in data.items()}
    except (binascii.Error, TypeError, ValueError) as error:
        raise InvalidError(f"data: illegal base64: {error}") from error
    if secret["type"] == DOCKER_CONFIG_JSON:
        try:
            json.loads(decoded[".dockerconfigjson"])
        except (KeyError, ValueError) as error:
            raise InvalidError("data[.dockerconfigjson]: required, and JSON") from error


def validate_update(old: Object, new: Object) -> None:
    """Check the immutable fields from *old* to *new*.

    Raises `InvalidError`: the Secret's type changed, or a finalizer came after deletion began.
    Source: pkg/apis/core/validation/validation.go:7845 and
    staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go:317
    """
    if old["kind"] == SECRET.kind and old["type"] != new["type"]:
        raise InvalidError("type: field is immutable")
    if is_deleting(old) and set(finalizers_of(new)) - set(finalizers_of(old)):
        raise InvalidError("no new finalizers can be added if the object is being deleted")


def initialise(obj: Object, uid: str, stamp: str) -> None:
    """Set the server's fields of a new object, in place.

    *stamp* is the instant of creation. Values of the client for the server's fields are removed.

    Source, custom resources: apiextensions-apiserver:pkg/registry/customresource/strategy.go:145
    Source, namespaces: pkg/registry/core/namespace/strategy.go (PrepareForCreate) and
    https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name
    """
    for name in ("generation", "deletionTimestamp", "deletionGracePeriodSeconds"):
        obj["metadata"].pop(name, None)
    obj["metadata"].update(uid=uid, creationTimestamp=stamp)
    if resource_of(obj).custom:
        obj["status"] = dict(STATUS)
        obj["metadata"]["generation"] = 1
    if obj["kind"] == NAMESPACE.kind:
        labels = obj["metadata"].setdefault("labels", {})
        labels["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
        obj["spec"] = {"finalizers": ["kubernetes"]}
        obj["status"] = {"phase": "Active"}
