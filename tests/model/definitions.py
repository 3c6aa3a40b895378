"""The two controllers as their requests carry them (key `controller`).

The shape is Metacontroller v4.17.2's, observed 2026-11-23; managedFields and kubectl's
annotation are left out.
"""

from tests.model.objects import Object

NAME = "acrpull"
_URL = "http://127.0.0.1:8080"


def _hook(path: str) -> Object:
    return {"version": "v2", "webhook": {"url": _URL + path}}


def _child(resource: str) -> Object:
    strategy = {"method": "InPlace", "statusChecks": {}}
    return {"apiVersion": "v1", "resource": resource, "updateStrategy": strategy}


def _controller(kind: str, uid: str, spec: Object) -> Object:
    return {
        "kind": kind,
        "apiVersion": "metacontroller.k8s.io/v1alpha1",
        "metadata": {
            "name": NAME,
            "uid": uid,
            "resourceVersion": "1",
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": spec,
        "status": {},
    }


COMPOSITE = _controller(
    "CompositeController",
    "00000000-0000-4000-8000-000000000001",
    {
        "parentResource": {
            "apiVersion": "acrpull.dev/v1beta1",
            "resource": "acrpullbindings",
            "ignoreStatusChanges": True,
        },
        "childResources": [_child("secrets"), _child("serviceaccounts")],
        "hooks": {
            "customize": _hook("/customize"),
            "sync": _hook("/sync"),
            "finalize": _hook("/finalize"),
        },
        "generateSelector": True,
    },
)

DECORATOR = _controller(
    "DecoratorController",
    "00000000-0000-4000-8000-000000000002",
    {
        "resources": [{"apiVersion": "v1", "resource": "serviceaccounts"}],
        "hooks": {
            "customize": _hook("/serviceaccount/customize"),
            "sync": _hook("/serviceaccount/sync"),
        },
    },
)
