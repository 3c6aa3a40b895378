"""The status of a custom resource by kstatus: https://github.com/kubernetes-sigs/cli-utils.

Flux (`wait`, `healthChecks`) and other tools use kstatus. Source of the rules:
cli-utils@v0.37.2:pkg/kstatus/status/status.go (Compute, checkReadyCondition) and generic.go
(checkGenericProperties, checkGeneration). The kind has no rules in core.go (GetLegacyConditionsFn),
and the API server accepted the object.
"""

from enum import StrEnum
from typing import Final

from tests.model.objects import Object


class KStatus(StrEnum):
    """The progress of an object's reconciliation."""

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
