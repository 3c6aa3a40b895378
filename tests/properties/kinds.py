"""The three kinds of bindings: the specs with the same meaning, and the names of the Secrets.

A story calls an acrpull binding by its name, and a binding of msi-acrpull by version and name:
`v1beta2/app`. A spec is written with the fields of acrpull.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hooks.core.names import API_VERSION, KIND, UPSTREAM_KIND, UPSTREAM_V1BETA1, UPSTREAM_V1BETA2
from tests.model.objects import Object, kind_of

DEFAULT_SCOPE = "repository:app:push"  # v1beta2 requires a scope
FINALIZERS = "metacontroller.io/"


@dataclass(frozen=True)
class Kind:
    """One API; *secret* has `{}` in the place of the binding's name."""

    api_version: str
    kind: str
    secret: str
    said: Callable[[Object], Object]

    @property
    def key(self) -> str:
        """The key of the kind in the cluster."""
        return kind_of({"kind": self.kind, "apiVersion": self.api_version})


def _said_by_v1beta1(spec: Object) -> Object:
    """Return *spec* with every field, as msi-acrpull's controller writes it back."""
    return {"managedIdentityResourceID": "", "scope": "", **spec}


def _said_by_v1beta2(spec: Object) -> Object:
    auth: Object = {"managedIdentity": {"clientID": spec.get("managedIdentityClientID")}}
    if "managedIdentityResourceID" in spec:
        auth = {"managedIdentity": {"resourceID": spec["managedIdentityResourceID"]}}
    if "workloadIdentity" in spec:
        asked = spec["workloadIdentity"]
        ref = asked.get("serviceAccountName", spec["serviceAccountName"])
        ids = {key: asked[key] for key in ("clientID", "tenantID") if key in asked}
        auth = {"workloadIdentity": {"serviceAccountRef": ref, **ids}}
    registry = {"server": spec["acrServer"], "scope": spec.get("scope", DEFAULT_SCOPE)}
    return {"acr": registry, "auth": auth, "serviceAccountName": spec["serviceAccountName"]}


OURS = Kind(API_VERSION, KIND, "acr-pull-{}", dict)
FIRST = Kind(UPSTREAM_V1BETA1, UPSTREAM_KIND, "{}-msi-acrpull-secret", _said_by_v1beta1)
SECOND = Kind(UPSTREAM_V1BETA2, UPSTREAM_KIND, "acr-pull-{}", _said_by_v1beta2)
KINDS = (OURS, FIRST, SECOND)
BINDINGS = {kind.kind for kind in KINDS}
_BY_VERSION = {"v1beta1": FIRST, "v1beta2": SECOND}


def kind_in(called: str) -> Kind:
    """Return the kind of the binding with the name *called* in a story."""
    version, upstream, _ = called.rpartition("/")
    return _BY_VERSION[version] if upstream else OURS


def name_in(called: str) -> str:
    """Return the object name of the binding *called* in a story."""
    return called.rpartition("/")[2]


def secret_of(called: str) -> str:
    """Return the name of the Secret of the binding *called* in a story."""
    return kind_in(called).secret.format(name_in(called))


def secret_name(binding: Object) -> str:
    """Return the name of the Secret of a *binding*."""
    (kind,) = (kind for kind in KINDS if kind.api_version == binding["apiVersion"])
    return kind.secret.format(binding["metadata"]["name"])


def new_binding(namespace: str, called: str, spec: dict[str, Any]) -> Object:
    """Return a binding as its user would first write it."""
    kind = kind_in(called)
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"namespace": namespace, "name": name_in(called)},
        "spec": kind.said(spec),
    }
