"""Decides which bindings a ClusterACRPullBinding has.

Metacontroller deletes each child that an answer omits. A child is omitted only if Metacontroller
reported the selected Namespaces, and the Namespace of the child is not selected.

A user may have a binding of the same name in a selected Namespace. Such a binding must stay
unchanged, and the apply strategies of Metacontroller differ:

- With dynamic-apply, Metacontroller creates a child, and gives up if the name exists.
- With server-side-apply, Metacontroller overwrites any object of the name.

An answer contains no child for a Namespace with a user's binding. A gap is left with
server-side-apply: a user may create the binding between the observation by Metacontroller and the
write, usually within a second. Metacontroller then overwrites the user's binding.
metacontroller@v4.17.2:pkg/controller/common/manage_children.go (Apply)
"""

from collections.abc import Mapping

from hooks.core.fleet.cluster_binding import Fleet, Template


def roll_out(fleet: Fleet) -> Mapping[str, Template]:
    """Return the desired binding of each Namespace.

    The children stay unchanged while the spec is invalid or the selection is unknown, and while the
    garbage collector deletes the children of a deleted ClusterACRPullBinding.
    """
    template = fleet.binding.template
    if fleet.binding.deleting or fleet.namespaces is None or isinstance(template, str):
        return {name: member.written for name, member in fleet.members.items()}
    return {name: template for name in fleet.namespaces if name not in fleet.taken}
