"""Objects as a user creates them."""

from collections.abc import Iterable
from typing import Any

from tests.model.objects import Object


def namespace(name: str) -> Object:
    """Return the Namespace *name*."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def service_account(namespace: str, name: str, *, pull_secrets: Iterable[str] = ()) -> Object:
    """Return a ServiceAccount with *pull_secrets* as its `imagePullSecrets`, in order."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"namespace": namespace, "name": name},
        "imagePullSecrets": [{"name": secret} for secret in pull_secrets],
    }


def binding(namespace: str, name: str, **spec: Any) -> Object:  # noqa: ANN401  any JSON
    """Return an ACRPullBinding; *spec* has the fields by their camelCase names."""
    return {
        "apiVersion": "acrpull.dev/v1beta1",
        "kind": "ACRPullBinding",
        "metadata": {"namespace": namespace, "name": name},
        "spec": dict(spec),
    }
