"""The status of a ClusterACRPullBinding: the condition Ready, counts, and failing Namespaces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from hooks.core.fleet.cluster_binding import Fleet
from hooks.core.fleet.failure import Failure, failure_in
from hooks.core.model.binding import Condition
from hooks.core.model.reason import Reason
from hooks.core.status.condition_state import ConditionState
from hooks.core.status.conditions import transition_time

MAX_FAILING: Final = 5  # Namespaces in the status


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """The status of a ClusterACRPullBinding; *failing* has at most `MAX_FAILING` Namespaces."""

    conditions: tuple[Condition, ...]
    selected: int
    created: int
    ready: int
    failing: tuple[Failure, ...]


def new_fleet_status(fleet: Fleet, now: datetime) -> FleetStatus:
    """Return the status that describes the observed *fleet*."""
    binding, selected = fleet.binding, sorted(fleet.selected)
    failures = [failure for name in selected if (failure := failure_in(fleet, name))]
    conditions = []
    for kind, state in _states(fleet, failures).items():
        since = transition_time(binding.conditions.get(kind), state.status, now)
        conditions.append(
            Condition(kind, state.status, state.reason, state.message, binding.generation, since)
        )
    existing = {name for name, member in fleet.members.items() if not member.deleting}
    return FleetStatus(
        conditions=tuple(conditions),
        selected=len(selected),
        created=len(existing.intersection(selected)),
        ready=len(selected) - len(failures),
        failing=tuple(failures[:MAX_FAILING]),
    )


def _states(fleet: Fleet, failures: Sequence[Failure]) -> Mapping[str, ConditionState]:
    """Return the conditions. `Stalled` exists only while a person must change something."""
    binding = fleet.binding
    if binding.deleting:
        text = "The ClusterACRPullBinding is being deleted."
        return {"Ready": ConditionState("False", Reason.DELETING, text)}
    if isinstance(binding.template, str):
        state = ConditionState("False", Reason.INVALID_SPEC, binding.template)
        return {"Ready": state, "Stalled": replace(state, status="True")}
    if fleet.namespaces is None:
        text = "Waiting for Metacontroller to report the Namespaces."
        return {"Ready": ConditionState("False", Reason.PENDING, text)}
    if not failures:
        return {"Ready": ConditionState("True", Reason.READY, _sum(len(fleet.namespaces)))}
    shown = ", ".join(f"{f.namespace} ({f.reason})" for f in failures[:MAX_FAILING])
    more = ", ..." if len(failures) > MAX_FAILING else ""
    text = (
        f"{len(failures)} of {len(fleet.namespaces)} bindings are not ready: {shown}{more}. "
        "See status.failing."
    )
    states = {"Ready": ConditionState("False", Reason.BINDINGS_NOT_READY, text)}
    stalled = next((failure for failure in failures if failure.stalled), None)
    if stalled is not None:
        text = f'Namespace "{stalled.namespace}": {stalled.message}'
        states["Stalled"] = ConditionState("True", stalled.reason, text)
    return states


def _sum(selected: int) -> str:
    """Return the message for *selected* Namespaces without a failure."""
    if not selected:
        return "spec.namespaceSelector selects no Namespace."
    return f"The bindings of all selected Namespaces are ready: {selected}."
