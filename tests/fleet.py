"""Bodies of `/clusterbinding/sync` and `/clusterbinding/customize`."""

from collections.abc import Iterable
from typing import Any, Final

from tests.client import Object
from tests.model.objects import is_deleting, owners_of

NAME: Final = "platform"
UID: Final = "uid-platform"
SPEC: Final = {"acrServer": "myregistry.azurecr.io", "serviceAccountName": "default"}
BINDINGS: Final = "ACRPullBinding.acrpull.dev/v1beta1"
OWNER: Final = {
    "apiVersion": "acrpull.dev/v1beta1",
    "kind": "ClusterACRPullBinding",
    "name": NAME,
    "uid": UID,
    "controller": True,
}


def parent(**fields: Any) -> Object:  # noqa: ANN401  JSON
    """Return a ClusterACRPullBinding; *fields* replace fields of its spec, or its `status`."""
    status = fields.pop("status", {"observedGeneration": -1})
    spec = {"namespaceSelector": {"matchLabels": {"pull": "on"}}, "template": {"spec": SPEC}}
    return {
        "apiVersion": "acrpull.dev/v1beta1",
        "kind": "ClusterACRPullBinding",
        "metadata": {"name": NAME, "uid": UID, "generation": 1},
        "spec": {**spec, **fields},
        "status": status,
    }


def member(namespace: str, ready: str = "True/Ready", **fields: Any) -> Object:  # noqa: ANN401  JSON
    """Return a child in *namespace*; *ready* is "status/reason" of its condition Ready.

    *fields* replace fields of its metadata, or its `spec`.
    """
    status, _, reason = ready.partition("/")
    condition = {"type": "Ready", "status": status, "reason": reason, "observedGeneration": 1}
    conditions = [{**condition, "message": f"Why: {reason}."}] if ready else []
    spec = fields.pop("spec", SPEC)
    meta = {
        "name": NAME,
        "namespace": namespace,
        "uid": f"uid-{namespace}",
        "generation": 1,
        "labels": {"controller-uid": UID},
        "ownerReferences": [OWNER],
    }
    return {
        "apiVersion": "acrpull.dev/v1beta1",
        "kind": "ACRPullBinding",
        "metadata": {**meta, **fields},
        "spec": spec,
        "status": {"conditions": conditions},
    }


def stalled(obj: Object) -> Object:
    """Return *obj*, a child, with the condition Stalled."""
    (ready,) = obj["status"]["conditions"]
    conditions = [ready, {**ready, "type": "Stalled", "status": "True"}]
    return {**obj, "status": {"conditions": conditions}}


def new_body(
    obj: Object,
    namespaces: Iterable[str | Object] | None,
    children: Iterable[Object] = (),
    others: Iterable[Object] = (),
) -> Object:
    """Return the body of `/clusterbinding/sync`. The related bindings are *children*, *others*."""
    owned = by_key(children)
    related: Object = {BINDINGS: owned | by_key(others)}
    if namespaces is not None:
        found = (namespace(n) if isinstance(n, str) else n for n in namespaces)
        related["Namespace.v1"] = {n["metadata"]["name"]: n for n in found}
    return {"parent": obj, "children": {BINDINGS: owned}, "related": related, "finalizing": False}


def by_key(objects: Iterable[Object]) -> Object:
    """Return *objects* by "namespace/name"."""
    keys = ("namespace", "name")
    return {"/".join(obj["metadata"].get(key, "") for key in keys): obj for obj in objects}


def namespace(name: str, **fields: str) -> Object:
    """Return a Namespace; *fields* are of its metadata."""
    return {"metadata": {"name": name, "uid": f"uid-{name}", **fields}}


def check_fleet(body: Object, answer: Object) -> None:
    """Check that Metacontroller deletes a binding only in a Namespace that is not selected.

    Metacontroller must write no binding of another owner.
    """
    uid = body["parent"]["metadata"]["uid"]
    answered = {child["metadata"]["namespace"] for child in answer["children"]}
    selected = body["related"].get("Namespace.v1")
    for child in body["children"][BINDINGS].values():
        space = child["metadata"]["namespace"]
        gone = selected is not None and (space not in selected or is_deleting(selected[space]))
        assert space in answered or gone
    for other in body["related"][BINDINGS].values():
        if all(owner["uid"] != uid for owner in owners_of(other)):
            assert other["metadata"]["namespace"] not in answered
