"""What kstatus, of https://github.com/kubernetes-sigs/cli-utils, reports of a custom resource.

Flux (`wait`, `healthChecks`) and other tools wait by it. The rules are those of
cli-utils@v0.37.2:pkg/kstatus/status/status.go (Compute, checkReadyCondition) and generic.go
(checkGenericProperties, checkGeneration), for a kind that core.go (GetLegacyConditionsFn) has no
rules for, and an object that the API server accepted.
"""

from enum import StrEnum
from typing import Final

from tests.model.objects import Object


class KStatus(StrEnum):
    """How far an object is reconciled."""

    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    CURRENT = "Current"
    TERMINATING = "Terminating"


# By type and status of a condition.
STANDARD: Final = {
    ("Reconciling", "True"): KStatus.IN_PROGRESS,
    ("Stalled", "True"): KStatus.FAILED,
}
READY: Final = {
    ("Ready", "True"): KStatus.CURRENT,
    ("Ready", "False"): KStatus.IN_PROGRESS,
    ("Ready", "Unknown"): KStatus.IN_PROGRESS,
}


def compute(obj: Object) -> KStatus:
    """Return the status of *obj*: the first condition with a rule counts, Ready after the others.

    An object without a status, or without any of these conditions, is reconciled.
    """
    metadata, status = obj["metadata"], obj.get("status", {})
    if metadata.get("deletionTimestamp"):
        return KStatus.TERMINATING
    generation = metadata.get("generation")
    if generation is not None and status.get("observedGeneration", generation) != generation:
        return KStatus.IN_PROGRESS
    conditions = [(each["type"], each["status"]) for each in status.get("conditions", [])]
    for rules in (STANDARD, READY):
        for found in conditions:
            if found in rules:
                return rules[found]
    return KStatus.CURRENT
