"""A caller of the hooks, with bodies like Metacontroller's or like a person's."""

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
import requests

from hooks.budget import HOOK_TIMEOUT_SECONDS
from hooks.core.model.identity import Identity
from hooks.core.model.token import TokenRequest
from hooks.core.names import ACR_AUDIENCE
from hooks.core.renewal.decision import inputs_hash

Object = dict[str, Any]
LIFE_SECONDS = 10800  # the life of ACR's refresh tokens: 3 h
NULL_GUID = "00000000-0000-0000-0000-000000000000"
NAMESPACE_UID = "6933a496-c95b-4807-8d30-7deeb53b2305"


@dataclass
class Client:
    """Calls the service at *url* for bindings to the registry *server*.

    Every client has a separate identity, because the service caches outcomes by identity. It
    waits as long as Metacontroller, so each test with a call proves that the answer comes in time.
    """

    url: str
    server: str
    client_id: str = field(default_factory=lambda: str(uuid4()))

    def post(self, path: str, body: object, **headers: str) -> requests.Response:
        """Send *body*: bytes unchanged, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return requests.post(
            f"{self.url}{path}", data=data, headers=headers, timeout=HOOK_TIMEOUT_SECONDS
        )

    def ask(self, path: str, body: object) -> Object:
        """Return the successful answer to *body*."""
        response = self.post(path, body)
        assert response.status_code == 200, response.text
        answer: Object = response.json()
        return answer

    def parent(self, name: str = "app", **spec: str) -> Object:
        """Return a binding; *spec* adds to its fields, or replaces them."""
        identity = {} if "managedIdentityResourceID" in spec else self.identity
        return {
            "apiVersion": "acrpull.dev/v1beta1",
            "kind": "ACRPullBinding",
            "metadata": {
                "name": name,
                "namespace": "team-a",
                "uid": f"uid-{name}",
                "generation": 1,
            },
            "spec": {"acrServer": self.server, **identity, **spec},
        }

    @property
    def identity(self) -> dict[str, str]:
        """The field of a spec for this client's identity."""
        return {"managedIdentityClientID": self.client_id}

    def sync(self, body: Object) -> Object:
        """Return the answer to `/sync`."""
        return self.ask("/sync", body)

    def settle(self, body: Object) -> Object:
        """Return the second answer: Metacontroller has written status and Secret of the first."""
        return self.sync(applied(body, self.sync(body)))

    def old(self, left: float) -> Object:
        """Return an answer whose token expires in *left* seconds and was issued elsewhere.

        The service remembers each token that it requested, and does not remember this token.
        """
        expiry = int(time.time() + left)  # noqa: TID251  the service reads the machine's clock
        claims = {"iat": expiry - LIFE_SECONDS, "nbf": expiry - LIFE_SECONDS, "exp": expiry}
        request = TokenRequest(Identity(self.client_id), self.server, None, ACR_AUDIENCE)
        old = jwt.encode(claims, "k" * 32, algorithm="HS256")
        secret = new_secret("acr-pull-app", self.server, old, inputs_hash(request))
        return {"status": {}, "children": [secret]}


def applied(body: Object, answer: Object) -> Object:
    """Return *body* as sent after Metacontroller wrote status and Secret of *answer*."""
    secrets = {
        f"team-a/{made['metadata']['name']}": made
        for made in answer["children"]
        if made["kind"] == "Secret"
    }
    parent = {**body["parent"], "status": answer["status"]}
    return {**body, "parent": parent, "children": {**body["children"], "Secret.v1": secrets}}


def observed(parent: Object, *children: Object, answer: Object | None = None) -> Object:
    """Return Metacontroller's body for *parent* and its *children*.

    With *answer*, Metacontroller has written its status and Secret.
    """
    groups: Object = {"Secret.v1": {}, "ServiceAccount.v1": {}}
    for child in children:
        groups[f"{child['kind']}.v1"][f"team-a/{child['metadata']['name']}"] = child
    namespace = {"metadata": {"name": "team-a", "uid": NAMESPACE_UID}}
    related = {
        "Namespace.v1": {"team-a": namespace},
        "ServiceAccount.v1": groups["ServiceAccount.v1"],
        "Secret.v1": {},
    }
    body = {"parent": parent, "children": groups, "related": related, "finalizing": False}
    return body if answer is None else applied(body, answer)


def service_account(name: str, *pull_secrets: str, owner: str | None = None) -> Object:
    """Return a ServiceAccount; with the uid of an *owner*, adopted and protected."""
    meta: Object = {"name": name, "namespace": "team-a"}
    if owner is not None:
        meta["ownerReferences"] = [
            {"apiVersion": "acrpull.dev/v1beta1", "kind": "ACRPullBinding", "name": owner,
             "uid": f"uid-{owner}", "controller": True},
            {"apiVersion": "v1", "kind": "Namespace", "name": "team-a", "uid": NAMESPACE_UID},
        ]  # fmt: skip
        meta["labels"] = {"controller-uid": f"uid-{owner}"}
    entries = [{"name": name} for name in pull_secrets]
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta,
            "imagePullSecrets": entries}  # fmt: skip


def child(answer: Object, kind: str) -> Object:
    """Return the only child of *kind* in *answer*."""
    (found,) = (c for c in answer["children"] if c["kind"] == kind)
    return dict(found)


def docker_config(secret: Object) -> Object:
    """Return the decoded docker config of *secret*."""
    config: Object = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    return config


def token(answer: Object) -> str:
    """Return the token in *answer*'s Secret."""
    (entry,) = docker_config(child(answer, "Secret"))["auths"].values()
    return str(entry["password"])


def reason(answer: Object, kind: str = "Ready") -> str:
    """Return "status/reason" of the condition *kind* in *answer*."""
    (found,) = (c for c in answer["status"]["conditions"] if c["type"] == kind)
    return f"{found['status']}/{found['reason']}"


def new_secret(name: str, server: str, token: str, inputs: str) -> Object:
    """Return a pull Secret with *token* for *server*; *inputs* is the hash of its inputs."""
    auth = base64.b64encode(f"{NULL_GUID}:{token}".encode()).decode()
    entry = {"username": NULL_GUID, "password": token, "auth": auth}
    config = json.dumps({"auths": {server: entry}})
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": "team-a",
            "annotations": {"acrpull.dev/token-inputs": inputs},
        },
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(config.encode()).decode()},
    }


def with_token(answer: Object, text: str) -> Object:
    """Return *answer* with another token in its Secret."""
    secret = child(answer, "Secret")
    (server,) = docker_config(secret)["auths"]
    made = new_secret(secret["metadata"]["name"], server, text, "")
    return {**answer, "children": [{**secret, "data": made["data"]}]}


def aged(answer: Object, seconds: float) -> Object:
    """Return *answer* with a token older by *seconds*, without a valid signature."""
    claims = jwt.decode(token(answer), options={"verify_signature": False})
    for name in ("iat", "nbf", "exp"):
        claims[name] -= seconds
    return with_token(answer, jwt.encode(claims, "k" * 32, algorithm="HS256"))
