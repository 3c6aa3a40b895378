"""Objects as a user would first write them."""

from collections.abc import Iterable
from typing import Any

from tests.model.objects import Object


def namespace(name: str) -> Object:
    """Return the Namespace *name*."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def service_account(namespace: str, name: str, *, pull_secrets: Iterable[str] = ()) -> Object:
    """Return a ServiceAccount that lists *pull_secrets*, in that order."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"namespace": namespace, "name": name},
        "imagePullSecrets": [{"name": secret} for secret in pull_secrets],
    }


def binding(namespace: str, name: str, **spec: Any) -> Object:  # noqa: ANN401  any JSON
    """Return an ACRPullBinding; *spec* holds its fields under their own (camelCase) names."""
    return {
        "apiVersion": "acrpull.dev/v1beta1",
        "kind": "ACRPullBinding",
        "metadata": {"namespace": namespace, "name": name},
        "spec": dict(spec),
    }
