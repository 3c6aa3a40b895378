"""How kstatus (Flux) and Argo CD read a binding, at each point of its life.

Argo CD reads it by metacontroller/argocd/argocd-cm.yaml.
"""

from typing import Final

import pytest

from hooks.core.apis import APIS
from hooks.core.names import CLUSTER_KIND, GROUP
from tests.argocd import health
from tests.golden import Case
from tests.kstatus import KStatus, compute
from tests.model import binding
from tests.model.objects import Object
from tests.test_crds import STATUS
from tests.test_golden import COMPOSITE
from tests.test_manifests import FOLDER, load

(PATCH,) = load(FOLDER / "argocd/argocd-cm.yaml")
pytestmark = pytest.mark.process

SCRIPT: Final = PATCH["data"]["resource.customizations.health.acrpull.dev_ACRPullBinding"]
ALIKE: Final = {
    KStatus.CURRENT: "Healthy",
    KStatus.IN_PROGRESS: "Progressing",
    KStatus.FAILED: "Degraded",
    KStatus.TERMINATING: "Progressing",
}
READY: Final = "Ready=True Ready"
FRESH: Final = "TokenFresh=True TokenValid"
ATTACHED: Final = "Attached=True Attached"
HEALTHY: Final = "RenewalHealthy=True OnSchedule"


def bound(*conditions: str, generation: int = 1, deleting: bool = False) -> Object:
    """Return a binding of *generation* whose conditions, "type=status reason", are of the first."""
    made = binding("team-a", "app", acrServer="myregistry.azurecr.io")
    made["metadata"]["generation"] = generation
    if deleting:
        made["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    made["status"] = {"observedGeneration": 1, "conditions": [condition(c) for c in conditions]}
    return made


def condition(text: str) -> Object:
    """Return the condition that *text*, "type=status reason", names; its message has the reason."""
    state, reason = text.split()
    kind, status = state.split("=")
    return {"type": kind, "status": status, "reason": reason, "message": f"Why: {reason}."}


@pytest.mark.parametrize(
    ("obj", "kstatus", "argocd", "message"),
    [
        pytest.param(
            bound() | {"status": STATUS["default"]},
            "InProgress",
            "Progressing",
            "Metacontroller has not synced this spec yet. See the events of the binding.",
            id="new",
        ),
        pytest.param(
            bound(READY, FRESH, ATTACHED, HEALTHY), "Current", "Healthy", "Why: Ready.", id="ready"
        ),
        pytest.param(
            bound(READY, FRESH, ATTACHED, HEALTHY, generation=2),
            "InProgress",
            "Progressing",
            "Metacontroller has not synced this spec yet. See the events of the binding.",
            id="changed",
        ),
        pytest.param(
            bound("Ready=True RefreshFailing", ATTACHED, "RenewalHealthy=False Throttled"),
            "Current",
            "Healthy",
            "The token works. Its renewal fails: Why: Throttled.",
            id="renewal-fails",
        ),
        pytest.param(
            bound("Ready=False RegistryDenied", ATTACHED, "RenewalHealthy=False RegistryDenied"),
            "InProgress",
            "Progressing",
            "RegistryDenied: Why: RegistryDenied.",
            id="not-ready",
        ),
        pytest.param(
            bound("Ready=Unknown Pending"), "InProgress", "Progressing", "Pending: ", id="unknown"
        ),
        pytest.param(
            bound("Ready=False InvalidSpec", ATTACHED, "Stalled=True InvalidSpec"),
            "Failed",
            "Degraded",
            "Why: InvalidSpec.",
            id="stalled",
        ),
        pytest.param(
            bound("Ready=False InvalidSpec", "Stalled=True InvalidSpec", generation=2),
            "InProgress",
            "Progressing",
            "Metacontroller has not synced",
            id="stalled-and-changed",
        ),
        pytest.param(
            bound(READY, ATTACHED, deleting=True),
            "Terminating",
            "Progressing",
            "The binding is being deleted.",
            id="deleting",
        ),
        pytest.param(
            bound("Ready=False ServerNotAllowed", "Stalled=True ServerNotAllowed", deleting=True),
            "Terminating",
            "Progressing",
            "The binding is being deleted.",
            id="stalled-and-deleting",
        ),
    ],
)
def test_reading(obj: Object, kstatus: str, argocd: str, message: str) -> None:
    """Both read the same of it."""
    code, told = health(SCRIPT, obj)
    assert (compute(obj), code) == (kstatus, argocd)
    assert told.startswith(message)


@pytest.mark.parametrize("case", COMPOSITE, ids=lambda case: case.name)
def test_golden(case: Case) -> None:
    """Each status that the service writes is read alike, and as reconciled only when Ready."""
    obj = {**case.request["parent"], "status": case.response["status"]}
    ready = {c["type"]: c["status"] for c in obj["status"]["conditions"]}["Ready"] == "True"
    status = compute(obj)
    assert health(SCRIPT, obj)[0] == ALIKE[status]
    assert (status == KStatus.CURRENT) == ready


def test_every_kind() -> None:
    """The patch has the same check for each kind of binding, and nothing else."""
    assert (PATCH["kind"], PATCH["metadata"]) == ("ConfigMap", {"name": "argocd-cm"})
    groups = {api.api_version.partition("/")[0]: api.kind for api in APIS.values()}
    kinds = [*groups.items(), (GROUP, CLUSTER_KIND)]
    keys = {f"resource.customizations.health.{group}_{kind}" for group, kind in kinds}
    assert PATCH["data"] == dict.fromkeys(keys, SCRIPT)
