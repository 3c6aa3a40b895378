"""metacontroller/bindings.yaml: what a user of a Namespace may write into a binding."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Final

import pytest

from hooks.core.names import CLUSTER_KIND, UID_LABEL
from tests.e2e.api import BINDING, Api, ApiError, Object
from tests.e2e.control_plane import ControlPlane
from tests.e2e.eventually import eventually
from tests.model import binding, namespace
from tests.service import ROOT

ROOM: Final = "binding-policy"
HELD: Final = "example.com/held"  # a finalizer
# The garbage collector can't look up this version, so it does not delete the bindings of the owner.
OWNER: Final = {
    "apiVersion": "acrpull.dev/v9",
    "kind": CLUSTER_KIND,
    "name": "fleet",
    "uid": "u",
    "controller": True,
}
OTHER: Final = {"apiVersion": "example.com/v1", "kind": "Release", "name": "r"}
LARGE: Final[dict[str, tuple[str, Object]]] = {
    "labels": ("more than 100 labels", {"labels": {f"{key:x}": "" for key in range(9000)}}),
    "an annotation": ("32 KiB of annotations", {"annotations": {"mine": "x" * 200 * 1024}}),
    "bytes of an annotation": (
        "32 KiB of annotations",
        {"annotations": {"mine": "\u20ac" * 12_000}},
    ),
    "annotations": (
        "more than 100 annotations",
        {"annotations": {f"{key:x}": "" for key in range(20_000)}},
    ),
    "owner references": (
        "more than 10 owner references",
        {"ownerReferences": [OTHER | {"uid": str(number)} for number in range(9000)]},
    ),
    "a uid": ("a very long reference", {"ownerReferences": [OTHER | {"uid": "x" * 100_000}]}),
    "finalizers": ("20 finalizers", {"finalizers": [f"{HELD}{key}" for key in range(9000)]}),
}
CLAIMS: Final[dict[str, Object]] = {
    "a copy": {"labels": {UID_LABEL: "u"}, "ownerReferences": [OWNER]},
    "a label": {"labels": {UID_LABEL: "u"}},
    "a reference": {"ownerReferences": [OWNER]},
}
# Fields of a manager that do not exist, wide and deep.
JUNK: Final[dict[str, Object]] = {
    "wide": {"f:metadata": {"f:labels": {f"f:{key:x}": {} for key in range(9000)}}},
    "deep": {"f:a": {"f:b": {"f:c": {"f:d": {"f:e": {"f:f": {}}}}}}},
}
# The largest binding that a user may create with the template of a Secret, and some of the rest.
FULL: Final = {
    "labels": {f"example.com/{key}": "x" * 63 for key in range(100)},
    "annotations": {f"example.com/{key}": "x" * 300 for key in range(100)},
    "finalizers": [f"{HELD}-{key}" for key in range(20)],
    "ownerReferences": [OTHER | {"uid": str(number)} for number in range(10)],
}


@pytest.fixture(scope="module")
def api(plane: ControlPlane) -> Iterator[Api]:
    """Return the API server for a user with the role `edit` in a Namespace, with the policy."""
    plane.kubectl("apply", "--server-side", "-k", str(ROOT / "crds"))
    plane.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=20s")
    for name in ("rbac", "bindings"):
        plane.kubectl("apply", "-f", str(ROOT / f"metacontroller/{name}.yaml"))
    plane.api.create(namespace(ROOM))
    plane.kubectl("create", "rolebinding", "-n", ROOM, "jane", "--clusterrole=edit", "--user=jane")
    jane = plane.api.as_user("jane")

    def in_force() -> None:
        with pytest.raises(ApiError, match="acrpull-bindings"):
            jane.create(new("probe", CLAIMS["a copy"]), dryRun="All")

    eventually(in_force)
    yield jane
    for found in plane.api.list(BINDING, ROOM):
        plane.api.merge(
            BINDING, ROOM, found["metadata"]["name"], {"metadata": {"finalizers": None}}
        )


def new(name: str, metadata: Object) -> Object:
    """Return a binding with *metadata*."""
    made = binding(ROOM, name, acrServer="myregistry.azurecr.io")
    made["metadata"] |= deepcopy(metadata)
    return made


def child(plane: ControlPlane, name: str, **metadata: object) -> Object:
    """Create a binding of a ClusterACRPullBinding as Metacontroller does."""
    return plane.api.create(new(name, CLAIMS["a copy"] | metadata))


def change(api: Api, made: Object, **metadata: object) -> Object:
    """Merge *metadata* into the binding *made*."""
    return api.merge(BINDING, ROOM, made["metadata"]["name"], {"metadata": metadata})


@pytest.mark.parametrize(("message", "metadata"), LARGE.values(), ids=LARGE)
def test_large(plane: ControlPlane, api: Api, message: str, metadata: Object) -> None:
    """A user can neither create a large binding nor enlarge a binding, with or without an owner.

    An administrator may. Then the user may still change and shrink the binding.
    """
    name = f"large-{list(LARGE.values()).index((message, metadata))}"
    with pytest.raises(ApiError, match=f"^403: .*{message}"):
        api.create(new(name, metadata))
    made = child(plane, name)
    with pytest.raises(ApiError, match=f"^403: .*{message}"):
        change(api, made, **metadata)
    change(plane.api, made, **metadata)
    if message != "a very long reference":
        api.merge(BINDING, ROOM, name, {"spec": {"scope": "repository:a:pull"}})
    (field,) = metadata
    change(api, made, **{field: None})


def test_enlarged_while_deleted(plane: ControlPlane, api: Api) -> None:
    """A user can't enlarge a binding that is being deleted, and its finalizers can be removed."""
    made = child(plane, "deleted", finalizers=[HELD], **LARGE["an annotation"][1])
    api.delete(BINDING, ROOM, "deleted")
    with pytest.raises(ApiError, match="more than 100 labels"):
        change(api, made, **LARGE["labels"][1])
    change(api, made, finalizers=None)
    assert api.find(BINDING, ROOM, "deleted") is None


@pytest.mark.parametrize("metadata", CLAIMS.values(), ids=CLAIMS)
def test_claim(api: Api, metadata: Object) -> None:
    """A user can create no binding for a ClusterACRPullBinding, whatever name the reference has."""
    with pytest.raises(ApiError, match=r"^403: .*Only Metacontroller adds the label"):
        api.create(new("fleet", metadata))
    made = api.create(new("own", {}))
    with pytest.raises(ApiError, match=r"^403: .*Only Metacontroller adds the label"):
        change(api, made, **metadata)
    api.delete(BINDING, ROOM, "own")


@pytest.mark.parametrize("fields", JUNK.values(), ids=JUNK)
def test_managed_fields(plane: ControlPlane, api: Api, fields: Object) -> None:
    """A user can't enlarge a binding by fields that do not exist."""
    made = child(plane, f"junk-{len(fields)}-{list(JUNK.values()).index(fields)}")
    manager = made["metadata"]["managedFields"][0] | {"manager": "junk", "fieldsV1": fields}
    made["metadata"]["managedFields"].append(manager)
    with pytest.raises(ApiError, match=r"^403: .*very large managedFields"):
        api.replace(made)


def test_field_managers(api: Api) -> None:
    """20 clients may apply a binding."""
    for number in range(20):
        api.apply(new("applied", {}), f"client-{number}", force="true")
    with pytest.raises(ApiError, match=r"^403: .*more than 20 field managers"):
        api.apply(new("applied", {}), "client-20", force="true")
    change(api, new("applied", {}), managedFields=[{}])


def test_accepted(plane: ControlPlane, api: Api) -> None:
    """A user may fill a binding up to the limits, and change the binding of an administrator."""
    template = {
        "labels": {f"example.com/{key}": "x" * 63 for key in range(20)},
        "annotations": {f"example.com/{key}": "x" * 1024 for key in range(20)},
    }
    made = new("full", FULL)
    made["spec"] |= {"secretTemplate": {"metadata": template}}
    api.create(made)
    made = child(plane, "child", annotations={"example.com/large": "x" * 100_000})
    change(api, made, labels={"mine": "1"}, finalizers=[HELD])
    change(api, made, ownerReferences=None)
    change(api, made, labels={UID_LABEL: None}, finalizers=None)
