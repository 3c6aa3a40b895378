"""A ClusterACRPullBinding and the objects of one request, without JSON keys."""

from collections.abc import Mapping
from dataclasses import dataclass

from hooks.core.fields import JSON
from hooks.core.model.binding import Condition


@dataclass(frozen=True, slots=True)
class Template:
    """The labels, annotations and spec of the bindings. The core does not interpret *spec*."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    spec: JSON


@dataclass(frozen=True, slots=True)
class ClusterBinding:
    """A ClusterACRPullBinding. If the spec is invalid, *template* is the text of the problem.

    The keys of *conditions* are the types.
    """

    name: str
    uid: str
    generation: int
    deleting: bool
    template: Template | str
    conditions: Mapping[str, Condition]


@dataclass(frozen=True, slots=True)
class Member:
    """An observed binding of a ClusterACRPullBinding.

    Attributes:
        written: The template that Metacontroller wrote last.
        ready: The condition Ready; None if acrpull has not answered for the current spec yet.
        stalled: Whether the binding becomes ready only after a change by a person.
    """

    name: str
    namespace: str
    spec: JSON
    written: Template
    deleting: bool = False
    ready: Condition | None = None
    stalled: bool = False


@dataclass(frozen=True, slots=True)
class Fleet:
    """One request to `/clusterbinding/sync`.

    Attributes:
        members: The children, by Namespace.
        namespaces: The selected Namespaces that are not being deleted; None if Metacontroller did
            not look for Namespaces.
        taken: The Namespaces with a binding of the same name that is not a child.
        copies: The children with other names: a user copied a child with its owner reference. They
            stay unchanged.
    """

    binding: ClusterBinding
    members: Mapping[str, Member]
    namespaces: tuple[str, ...] | None
    taken: frozenset[str] = frozenset()
    copies: tuple[Member, ...] = ()

    @property
    def selected(self) -> tuple[str, ...]:
        """The selected Namespaces; while unknown, the Namespaces of the children."""
        return tuple(self.members) if self.namespaces is None else self.namespaces
