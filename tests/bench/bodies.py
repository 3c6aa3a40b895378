"""Metacontroller's bodies for bindings at rest: no work is left to do."""

import json
from collections.abc import Callable, Sequence
from typing import Final

from tests.demo.stand_ins import JSON, observed, sample

Post = Callable[[str, bytes], bytes]

BODY_BYTES: Final = 8192
LARGE_BYTES: Final = 300_000
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
    added = {"creationTimestamp": CREATED, "labels": {"controller-uid": binding["metadata"]["uid"]}}
    for group in body["children"].values():
        for name, obj in group.items():
            group[name] = obj | {"metadata": added | obj["metadata"]}
    meta = {"name": namespace, "uid": NAMESPACE_UID, "creationTimestamp": CREATED}
    accounts = body["children"]["ServiceAccount.v1"]
    related = {"Namespace.v1": {namespace: {"metadata": meta}}, "ServiceAccount.v1": accounts}
    return body | {"related": related, "finalizing": False}


def padded(body: JSON, size: int = BODY_BYTES) -> JSON:
    """Return *body* with managed fields in its parent, up to a length of *size* bytes."""
    entries: list[JSON] = []
    metadata = body["parent"]["metadata"] | {"creationTimestamp": CREATED, "managedFields": entries}
    body = body | {"parent": body["parent"] | {"metadata": metadata}}
    fields: JSON = {".": {}, "f:acrServer": {}, "f:managedIdentityClientID": {}, "f:scope": {}}
    entry: JSON = {"manager": "manager", "operation": "Update", "time": CREATED}
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields}}
    missing = max(0, size - len(encode(body)))
    entries.extend([entry] * (missing // len(encode(entry)) + 1))
    return body


def one_account(bodies: Sequence[bytes]) -> bytes:
    """Return the decorator's body for a ServiceAccount that all bindings of *bodies* target."""
    parsed = [json.loads(body) for body in bodies]
    (account,) = parsed[0]["children"]["ServiceAccount.v1"].values()
    secrets: JSON = {}
    for body in parsed:
        secrets |= body["children"]["Secret.v1"]
    related = {"Secret.v1": secrets}
    return encode({"object": account, "attachments": {}, "related": related, "finalizing": False})


def large_bodies(body: bytes, bodies: Sequence[bytes]) -> dict[str, bytes]:
    """Return a body of about `LARGE_BYTES` for each hook that can get such a body."""
    secret = len(one_account(bodies[:2])) - len(one_account(bodies[:1]))
    return {
        "/sync": encode(padded(json.loads(body), LARGE_BYTES)),
        "/serviceaccount/sync": one_account(bodies[: LARGE_BYTES // secret]),
    }


def encode(body: JSON) -> bytes:
    """Return *body* in Go's encoding: without blanks."""
    return json.dumps(body, separators=(",", ":")).encode()
