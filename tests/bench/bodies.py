"""Metacontroller's bodies for bindings at rest: no work is left to do."""

import json
from collections.abc import Callable, Sequence
from typing import Final

from tests.demo.stand_ins import JSON, observed, sample

Post = Callable[[str, bytes], bytes]

BODY_BYTES: Final = 8192
UID: Final = "2222-4c4c-9d1c-0a1f3f0c6a11"  # the end of a uid
NAMESPACE_UID: Final = f"5bd1d1c0-{UID}"
CREATED: Final = "2026-11-23T08:59:20Z"


def new_binding(server: str, number: int, identities: int) -> JSON:
    """Return the binding with the index *number*; *identities* take turns."""
    identity = f"{number % identities:08d}-2222-3333-4444-555555555555"
    binding = sample(server, managedIdentityClientID=identity)
    binding["metadata"] |= {"name": f"app-{number}", "uid": f"{number:08d}-{UID}"}
    return binding


def settled(post: Post, binding: JSON) -> bytes:
    """Return the body for *binding* at rest: the service keeps its token."""
    answer: JSON = json.loads(post("/sync", encode({"parent": binding})))
    for _ in range(5):
        before, body = answer, stored(binding, answer)
        answer = json.loads(post("/sync", encode(body)))
        if answer | {"resyncAfterSeconds": 0} == before | {"resyncAfterSeconds": 0}:
            return encode(padded(body))
    raise RuntimeError(f"it does not settle: {answer['status']}")


def stored(binding: JSON, answer: JSON) -> JSON:
    """Return the body after *answer*, with the fields of the API server and the decorator."""
    namespace = binding["metadata"]["namespace"]
    body = observed(binding, answer)
    owner = {key: binding[key] for key in ("apiVersion", "kind")}
    owner |= {key: binding["metadata"][key] for key in ("name", "uid")} | {"controller": True}
    uid = {"controller-uid": binding["metadata"]["uid"]}
    for group in body["children"].values():
        for name, obj in group.items():
            meta = obj["metadata"]
            added = {"creationTimestamp": CREATED, "labels": uid | meta.get("labels", {})}
            group[name] = obj | {"metadata": {"ownerReferences": [owner]} | meta | added}
    meta = {"name": namespace, "uid": NAMESPACE_UID, "creationTimestamp": CREATED}
    accounts = body["children"]["ServiceAccount.v1"]
    related = {"Namespace.v1": {namespace: {"metadata": meta}}, "ServiceAccount.v1": accounts}
    return body | {"related": related, "finalizing": False}


def padded(body: JSON) -> JSON:
    """Return *body* with managed fields in its parent, up to a length of `BODY_BYTES`."""
    entries: list[JSON] = []
    metadata = body["parent"]["metadata"] | {"creationTimestamp": CREATED, "managedFields": entries}
    body = body | {"parent": body["parent"] | {"metadata": metadata}}
    fields: JSON = {".": {}, "f:acrServer": {}, "f:managedIdentityClientID": {}, "f:scope": {}}
    while len(encode(body)) < BODY_BYTES:
        entry = {"manager": f"manager-{len(entries)}", "operation": "Update", "time": CREATED}
        entries.append(entry | {"fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields}})
    return body


def one_namespace(bodies: Sequence[bytes]) -> bytes:
    """Return the decorator's body for a ServiceAccount: all bindings target the ServiceAccount."""
    parsed = [json.loads(body) for body in bodies]
    (account,) = parsed[0]["children"]["ServiceAccount.v1"].values()
    secrets = {
        name: secret for body in parsed for name, secret in body["children"]["Secret.v1"].items()
    }
    related = {"Secret.v1": secrets}
    return encode({"object": account, "attachments": {}, "related": related, "finalizing": False})


def encode(body: JSON) -> bytes:
    """Return *body* in Go's encoding: without blanks."""
    return json.dumps(body, separators=(",", ":")).encode()
