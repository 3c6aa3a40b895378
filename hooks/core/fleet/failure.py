"""Why the binding of a ClusterACRPullBinding is not ready in a Namespace."""

from dataclasses import dataclass

from hooks.core.fleet.cluster_binding import Fleet, Member, Template
from hooks.core.model.reason import Reason

SEE_EVENTS = "If this persists, see the events of the ClusterACRPullBinding."


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the binding in a Namespace is not ready.

    *stalled* is True if the binding becomes ready only after a change by a person.
    """

    namespace: str
    reason: str
    message: str
    stalled: bool = False


def failure_in(fleet: Fleet, namespace: str) -> Failure | None:
    """Return why the binding in *namespace* is not ready; None if the binding is ready."""
    member = fleet.members.get(namespace)
    if member is not None:
        return _unready(member, fleet.binding.template)
    if namespace not in fleet.taken:
        text = f"Waiting for Metacontroller to create the binding. {SEE_EVENTS}"
        return Failure(namespace, Reason.PENDING, text)
    text = (
        f'ACRPullBinding "{fleet.binding.name}" exists and is not owned by this '
        "ClusterACRPullBinding. Delete the ACRPullBinding, or rename the ClusterACRPullBinding."
    )
    return Failure(namespace, Reason.BINDING_NAME_TAKEN, text, stalled=True)


def _unready(member: Member, template: Template | str) -> Failure | None:
    namespace, ready = member.namespace, member.ready
    if member.deleting:
        return Failure(namespace, Reason.DELETING, "The earlier binding is being deleted.")
    if _is_outdated(member, template):
        text = f"Waiting for Metacontroller to update the binding. {SEE_EVENTS}"
        return Failure(namespace, Reason.PENDING, text)
    if ready is None:
        return Failure(namespace, Reason.PENDING, "Waiting for the first status of the binding.")
    if ready.status == "True":
        return None
    return Failure(namespace, ready.reason, ready.message, stalled=member.stalled)


def _is_outdated(member: Member, template: Template | str) -> bool:
    """True if a field of *template*'s spec has another value in *member*.

    A field that a user added to the binding stays, because Metacontroller changes only the fields
    of the template.
    """
    if isinstance(template, str):
        return False
    return not _covers(member.spec, template.spec)


def _covers(observed: object, wanted: object) -> bool:
    """True if *observed* has all fields of *wanted*, both decoded JSON."""
    if isinstance(observed, dict) and isinstance(wanted, dict):
        return all(key in observed and _covers(observed[key], wanted[key]) for key in wanted)
    return observed == wanted
