"""The kinds that the modelled API server serves."""

from dataclasses import dataclass
from functools import cached_property

from hooks.core.names import (
    ADMISSION_GROUP,
    ADMISSION_KINDS,
    ADMISSION_RESOURCES,
    PLURAL,
    UPSTREAM_KIND,
    UPSTREAM_V1BETA1,
    UPSTREAM_V1BETA2,
)
from tests.model.errors import SyncError
from tests.model.objects import Object, kind_of


@dataclass(frozen=True)
class Resource:
    """A served kind; a `custom` resource has a generation and a status subresource."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True
    custom: bool = False

    @property
    def group(self) -> str:
        """Return the key of this kind in hook requests.

        Source: metacontroller@v4.17.2:pkg/controller/common/api/common.go (MarshalText)
        """
        return f"{self.kind}.{self.api_version}"

    @cached_property
    def name(self) -> str:
        """A unique name of the kind in this model."""
        return kind_of({"kind": self.kind, "apiVersion": self.api_version})


NAMESPACE = Resource("v1", "Namespace", "namespaces", namespaced=False)
SECRET = Resource("v1", "Secret", "secrets")
SERVICE_ACCOUNT = Resource("v1", "ServiceAccount", "serviceaccounts")
BINDING = Resource("acrpull.dev/v1beta1", "ACRPullBinding", "acrpullbindings", custom=True)
UPSTREAM = tuple(
    Resource(version, UPSTREAM_KIND, PLURAL, custom=True)
    for version in (UPSTREAM_V1BETA1, UPSTREAM_V1BETA2)
)

ADMISSION_VERSION = f"{ADMISSION_GROUP}/v1"
ADMISSION = tuple(
    Resource(ADMISSION_VERSION, kind, plural, namespaced=False)
    for kind, plural in zip(ADMISSION_KINDS, ADMISSION_RESOURCES, strict=True)
)
RESOURCES = {
    r.name: r for r in (NAMESPACE, SECRET, SERVICE_ACCOUNT, BINDING, *UPSTREAM, *ADMISSION)
}


def resource_of(obj: Object) -> Resource:
    """Return the resource of *obj*."""
    return RESOURCES[kind_of(obj)]


def find_kind(api_version: str, kind: str) -> Resource | None:
    """Return the resource of *api_version* and *kind*, None if the API server has no such kind."""
    resource = RESOURCES.get(kind_of({"kind": kind, "apiVersion": api_version}))
    return resource if resource and resource.api_version == api_version else None


def find_plural(api_version: str, plural: str) -> Resource:
    """Return the resource with the name *plural* in a rule.

    Raises `SyncError`: the API server has no such kind. Then the whole sync fails.
    Source: metacontroller@v4.17.2:pkg/controller/common/customize/manager.go:581
    """
    for resource in RESOURCES.values():
        if (resource.api_version, resource.plural) == (api_version, plural):
            return resource
    raise SyncError(f"discovery: can't find resource {plural!r} in apiVersion {api_version!r}")
