"""A client of the API server: objects as dicts, over its REST API.

https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests

from hooks.core.names import (
    ADMISSION_GROUP,
    API_VERSION,
    CLUSTER_KIND,
    CLUSTER_PLURAL,
    KIND,
    PLURAL,
    UPSTREAM_KIND,
    UPSTREAM_V1BETA1,
    UPSTREAM_V1BETA2,
)

Object = dict[str, Any]
TIMEOUT_SECONDS: Final = 20
MERGE_PATCH: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"
ADMISSION: Final = f"{ADMISSION_GROUP}/v1"
BINDING: Final = KIND
# Of two groups, with the same name.
UPSTREAM: Final = {
    version: f"{UPSTREAM_KIND} of {version}" for version in (UPSTREAM_V1BETA1, UPSTREAM_V1BETA2)
}

# apiVersion, plural, and True for a kind in a Namespace.
RESOURCES: Final = {
    KIND: (API_VERSION, PLURAL, True),
    **{kind: (version, PLURAL, True) for version, kind in UPSTREAM.items()},
    CLUSTER_KIND: (API_VERSION, CLUSTER_PLURAL, False),
    "Deployment": ("apps/v1", "deployments", True),
    "Event": ("v1", "events", True),
    "MutatingAdmissionPolicy": (ADMISSION, "mutatingadmissionpolicies", False),
    "MutatingAdmissionPolicyBinding": (ADMISSION, "mutatingadmissionpolicybindings", False),
    "Namespace": ("v1", "namespaces", False),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies", True),
    "Pod": ("v1", "pods", True),
    "Secret": ("v1", "secrets", True),
    "ServiceAccount": ("v1", "serviceaccounts", True),
    "ConfigMap": ("v1", "configmaps", True),
    "ValidatingAdmissionPolicy": (ADMISSION, "validatingadmissionpolicies", False),
    "ValidatingAdmissionPolicyBinding": (ADMISSION, "validatingadmissionpolicybindings", False),
}


class ApiError(Exception):
    """The API server rejected a request; `status` is the HTTP status, the text its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass
class Api:
    """The API server at *url* with the certificate of *ca_file*, for the bearer of *token*.

    Without *ca_file* and *token*, *url* is a proxy that logs in by itself. With *user*, each
    request impersonates that user, and the token's owner needs the right to impersonate. The API
    server adds the groups of a ServiceAccount.
    """

    url: str
    ca_file: Path | None = None
    token: str = ""
    user: str = ""
    session: requests.Session = field(default_factory=requests.Session, repr=False)

    def __post_init__(self) -> None:
        """Prepare the session, without the machine's proxy, CA or credential."""
        self.session.trust_env = False
        if self.ca_file:
            self.session.verify = str(self.ca_file)
        if self.token:
            self.session.headers["Authorization"] = f"Bearer {self.token}"
        if self.user:
            self.session.headers["Impersonate-User"] = self.user

    def as_user(self, user: str) -> "Api":
        """Return the API server with the rights of *user*."""
        return Api(self.url, self.ca_file, self.token, user)

    def get(self, kind: str, namespace: str, name: str) -> Object:
        """Return one object."""
        return self.call("GET", path_of(kind, namespace, name))

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        """Return one object; None if the object does not exist."""
        try:
            return self.get(kind, namespace, name)
        except ApiError as error:
            if error.status == requests.codes.not_found:
                return None
            raise

    def list(self, kind: str, namespace: str = "") -> list[Object]:
        """Return all objects of *kind* in *namespace*, or in all Namespaces."""
        items: list[Object] = self.call("GET", path_of(kind, namespace))["items"]
        return items

    def create(self, obj: Object, **options: str) -> Object:
        """Create *obj*; *options* go into the query, e.g. dryRun="All"."""
        return self.call("POST", _parent(obj), obj, params=options)

    def replace(self, obj: Object) -> Object:
        """Replace the object; with a resourceVersion in *obj*, only that version."""
        return self.call("PUT", _path(obj), obj)

    def apply(self, obj: Object, manager: str, **options: str) -> Object:
        """Apply *obj* on the server as field *manager*."""
        options = {"fieldManager": manager, **options}
        return self.call("PATCH", _path(obj), obj, APPLY_PATCH, params=options)

    def merge(self, kind: str, namespace: str, name: str, patch: Object, **options: str) -> Object:
        """Merge *patch* into an object; None removes a field."""
        path = path_of(kind, namespace, name)
        return self.call("PATCH", path, patch, MERGE_PATCH, params=options)

    def patch(self, kind: str, namespace: str, name: str, *operations: Object) -> Object:
        """Apply the *operations* of a JSON patch to an object."""
        path = path_of(kind, namespace, name)
        return self.call("PATCH", path, list(operations), JSON_PATCH)

    def delete(self, kind: str, namespace: str, name: str, propagation: str = "Background") -> None:
        """Delete one object."""
        self.call("DELETE", path_of(kind, namespace, name), {"propagationPolicy": propagation})

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        content_type: str = "application/json",
        params: dict[str, str] | None = None,
    ) -> Object:
        """Return the answer. Raises `ApiError` for an error status."""
        response = self.session.request(
            method,
            f"{self.url}{path}",
            json=body,
            headers={"Content-Type": content_type},
            params=params,
            timeout=TIMEOUT_SECONDS,
        )
        answer: Object = response.json() if response.content else {}
        if not response.ok:
            raise ApiError(response.status_code, answer.get("message", response.text))
        return answer


def path_of(kind: str, namespace: str = "", name: str = "") -> str:
    """Return the path of an object, or of all objects of its kind."""
    api_version, plural, namespaced = RESOURCES[kind]
    root = f"/{'api' if api_version == 'v1' else 'apis'}/{api_version}"
    within = f"/namespaces/{namespace}" if namespaced and namespace else ""
    return f"{root}{within}/{plural}" + (f"/{name}" if name else "")


def kind_of(obj: Object) -> str:
    """Return the key of *obj*'s kind in `RESOURCES`."""
    return UPSTREAM.get(obj["apiVersion"], str(obj["kind"]))


def _parent(obj: Object) -> str:
    return path_of(kind_of(obj), obj["metadata"].get("namespace", ""))


def _path(obj: Object) -> str:
    meta = obj["metadata"]
    return path_of(kind_of(obj), meta.get("namespace", ""), meta["name"])
