"""Objects and bodies of any size, for tests/bounds.py."""

import base64
import json
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Final

from hooks.core.account.relation import ATTACH, target_label
from hooks.core.names import (
    ATTACHED_ANNOTATION,
    IDENTITIES_ANNOTATION,
    INPUTS_ANNOTATION,
    LAST_APPLIED_ANNOTATION,
    NULL_GUID,
    PULL_SECRETS_ANNOTATION,
    SERVERS_ANNOTATION,
    UID_LABEL,
)
from tests.bench.bodies import encode
from tests.client import NAMESPACE_UID, Object

BINDINGS: Final = "ACRPullBinding.acrpull.dev/v1beta1"
SERVER: Final = "myregistry.azurecr.io"
GUID: Final = "11111111-2222-3333-4444-{:012x}"
GUARD: Final = {"apiVersion": "v1", "kind": "Namespace", "name": "team-a", "uid": NAMESPACE_UID}
HOLDER: Final = {
    "apiVersion": "acrpull.dev/v1beta1",
    "kind": "ACRPullBinding",
    "name": "app",
    "uid": GUID.format(0),
    "controller": True,
}


def names(number: int, prefix: str = "") -> list[str]:
    """Return *number* short names."""
    return [f"{prefix}{index:x}" for index in range(number)]


def filled(make: Callable[[int], Object], size: int) -> list[Object]:
    """Return objects of *size* bytes in total as JSON; *make* gets the number of each."""
    objects: list[Object] = []
    for index in count():
        objects.append(make(index))
        size -= len(encode(objects[-1])) + len(f'"team-a/{index:x}":,')
        if size < 0:
            return objects[:-1]
    raise AssertionError


def metadata(name: str, number: int = 0, **fields: Any) -> Object:  # noqa: ANN401  JSON
    """Return metadata with the fields that an API server stores of each object."""
    return {
        "name": name,
        "namespace": "team-a",
        "uid": GUID.format(number),
        "resourceVersion": "1",
        "creationTimestamp": "2026-11-23T11:00:00Z",
        **fields,
    }


def binding(number: int = 0, spec: Object | None = None, **fields: Any) -> Object:  # noqa: ANN401  JSON
    """Return a binding; *fields* are of its metadata, and `status`."""
    status = fields.pop("status", {})
    return {
        "apiVersion": "acrpull.dev/v1beta1",
        "kind": "ACRPullBinding",
        "metadata": metadata("app" if number == 0 else f"b{number:x}", number, **fields),
        "spec": spec or {"acrServer": SERVER, "workloadIdentity": {}},
        "status": status,
    }


def account(
    entries: Iterable[str] = (),
    annotations: Object | None = None,
    owners: Iterable[Object] = (HOLDER, GUARD),
    name: str = "default",
    labels: Iterable[str] = (),
) -> Object:
    """Return a ServiceAccount that binding `app` owns."""
    meta = metadata(name, labels={UID_LABEL: GUID.format(0)} | dict.fromkeys(labels, "v"))
    meta |= {"annotations": annotations or {}, "ownerReferences": list(owners)}
    listed = [{"name": entry} for entry in entries]
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": meta,
        "imagePullSecrets": listed,
    }


def secret(config: object = "", **fields: Any) -> Object:  # noqa: ANN401  JSON
    """Return the Secret of binding `app`; *fields* are of its metadata."""
    data = json.dumps(config, separators=(",", ":")).encode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata("acr-pull-app", annotations={INPUTS_ANNOTATION: "0"}, **fields),
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(data).decode()},
    }


def auths(number: int, password: str) -> Object:
    """Return a docker config with *number* entries."""
    entry = {"username": NULL_GUID, "password": password}
    return {"auths": {server: entry for server in names(number)}}  # noqa: C420  ruff takes either


def group(objects: Iterable[Object]) -> Object:
    """Return *objects* by their names, as a body contains them."""
    return {f"team-a/{obj['metadata']['name']}": obj for obj in objects}


def namespace(**annotations: str) -> Object:
    """Return the Namespace with allow-lists."""
    keys = {"identities": IDENTITIES_ANNOTATION, "servers": SERVERS_ANNOTATION}
    listed = {keys[key]: value for key, value in annotations.items()}
    return {"metadata": {"name": "team-a", "uid": NAMESPACE_UID, "annotations": listed}}


def composite(
    parent: Object,
    children: Iterable[Object] = (),
    others: Iterable[Object] = (),
    secrets: Iterable[Object] = (),
    within: Object | None = None,
) -> Object:
    """Return the body of `/sync` and `/finalize`; *others* are ServiceAccounts, too."""
    accounts = group(children)
    related = {
        "Namespace.v1": {"team-a": within or namespace()},
        "ServiceAccount.v1": accounts | group(others),
        "Secret.v1": {},
    }
    owned = {"ServiceAccount.v1": accounts, "Secret.v1": group(secrets)}
    return {"parent": parent, "children": owned, "related": related, "finalizing": False}


def decorated_secret(obj: Object, bindings: Iterable[Object]) -> Object:
    """Return the body of `/secret/sync`."""
    return _decorated(obj, {BINDINGS: group(bindings)})


def decorated_account(obj: Object, secrets: Iterable[Object]) -> Object:
    """Return the body of `/serviceaccount/sync`."""
    return _decorated(obj, {"Secret.v1": group(secrets)})


def _decorated(obj: Object, related: Object) -> Object:
    return {"object": obj, "attachments": {}, "related": related, "finalizing": False}


def attaching_secret(number: int) -> Object:
    """Return a Secret that attaches a binding to the ServiceAccount `default`."""
    labels = {UID_LABEL: f"{number:x}", target_label("default"): ATTACH}
    return unlabeled_secret(number, labels=labels)


def unlabeled_secret(number: int, **fields: object) -> Object:
    """Return a binding's Secret as an earlier release wrote it; *fields* are of its metadata."""
    obj = secret(ownerReferences=[{**HOLDER, "uid": f"{number:x}"}], **fields)
    obj["metadata"]["name"] = f"{number:x}"
    return obj


def applied(noted: object) -> Object:
    """Return annotations with *noted* as the last-applied configuration."""
    text = noted if isinstance(noted, str) else json.dumps(noted, separators=(",", ":"))
    return {LAST_APPLIED_ANNOTATION: text, ATTACHED_ANNOTATION: "0,1,2"}


def listing(names: Iterable[str], key: str = PULL_SECRETS_ANNOTATION) -> Object:
    """Return the annotation *key* with *names*."""
    return {key: ",".join(names)}


def owner(number: int) -> Object:
    """Return an owner reference to an unrelated object."""
    return {"apiVersion": "v1", "kind": "A", "name": "n", "uid": f"{number:x}"}
