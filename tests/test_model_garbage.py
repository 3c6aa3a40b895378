"""The model's garbage collector and namespace controller."""

from datetime import timedelta

import pytest

from tests.model import service_account
from tests.model.errors import ForbiddenError
from tests.model.objects import controller_ref
from tests.model_world import ACCOUNT, World, owned_by, owners


@pytest.mark.parametrize(
    ("guarded", "survives"), [(True, True), (False, False)], ids=["guarded", "unguarded"]
)
def test_garbage_collection_spares_what_a_living_owner_keeps(
    guarded: bool,
    survives: bool,
) -> None:
    """With all owners gone an object goes; with one alive it only loses the other references."""
    world = World()
    owner = world.cluster.create(service_account("team-a", "owner"))
    space = world.cluster.read("Namespace", "", "team-a")
    refs = [controller_ref(owner)]
    if guarded:
        refs.append(controller_ref(space) | {"controller": False})
    world.cluster.create(owned_by(*refs))
    world.mc.settle()
    world.cluster.delete("ServiceAccount", "team-a", "owner")
    world.mc.settle()
    left = world.cluster.get("ServiceAccount", "team-a", "owned")
    assert (left is not None) is survives
    assert left is None or owners(left) == ["Namespace"]


def test_a_reference_by_another_name_or_from_elsewhere_keeps_nothing() -> None:
    """An owner is found by name in the object's namespace, and must have the uid."""
    world = World()
    owner = world.cluster.read(*ACCOUNT)
    world.cluster.create(owned_by(controller_ref(owner) | {"name": "renamed"}))
    world.mc.settle()
    assert world.cluster.get("ServiceAccount", "team-a", "owned") is None


def test_orphaning_drops_the_references() -> None:
    """With propagation Orphan the dependents stay, without their reference."""
    world = World()
    owner = world.cluster.create(service_account("team-a", "owner"))
    world.cluster.create(owned_by(controller_ref(owner)))
    world.cluster.delete("ServiceAccount", "team-a", "owner", propagation="Orphan")
    world.mc.settle()
    assert world.cluster.get("ServiceAccount", "team-a", "owner") is None
    assert owners(world.cluster.get("ServiceAccount", "team-a", "owned")) == []


def test_foreground_deletion_waits_for_its_dependents() -> None:
    """Dependents that block go first; one that another owner keeps only loses the reference."""
    world = World()
    owner = world.cluster.create(service_account("team-a", "owner"))
    space = world.cluster.read("Namespace", "", "team-a")
    guard = controller_ref(space) | {"controller": False}
    world.cluster.create(owned_by(controller_ref(owner)))
    world.cluster.create(owned_by(controller_ref(owner), guard, name="kept"))
    world.cluster.delete("ServiceAccount", "team-a", "owner", propagation="Foreground")
    assert world.cluster.get("ServiceAccount", "team-a", "owner") is not None
    world.mc.settle()
    assert [a["metadata"]["name"] for a in world.cluster.list("ServiceAccount")] == [
        "default",
        "kept",
    ]
    assert owners(world.cluster.get("ServiceAccount", "team-a", "kept")) == ["Namespace"]


def test_a_deleted_namespace_takes_all_and_admits_nothing() -> None:
    """Its objects go, held only by their finalizers, and new ones are refused meanwhile."""
    world = World()
    world.bind()
    world.hook.finalized = False
    world.cluster.delete("Namespace", "", "team-a")
    with pytest.raises(ForbiddenError):
        world.cluster.create(service_account("team-a", "late"))
    world.mc.settle()
    assert [o["kind"] for o in world.cluster.list()] == ["ACRPullBinding", "Namespace"]
    world.hook.finalized = True
    world.mc.restart()
    world.mc.settle()
    assert world.cluster.list() == []


def test_a_deleted_namespace_is_left_alone_for_a_while() -> None:
    """With the namespace controller's true grace, nothing in it is deleted for 5 s."""
    world = World()
    world.mc.namespaces.grace = world.mc.namespaces.GRACE
    world.cluster.delete("Namespace", "", "team-a")
    world.mc.advance(4.9)
    assert [o["kind"] for o in world.cluster.list()] == ["Namespace", "ServiceAccount"]
    assert world.mc.next_due() == world.clock.now() + timedelta(seconds=0.1)
    world.mc.advance(0.1)
    assert world.cluster.list() == []
