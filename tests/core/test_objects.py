"""Bindings, as from `kubectl get -o json`, to values, and the name of a binding's Secret."""

import re
from dataclasses import replace

import pytest

from hooks.core.apis import OURS
from hooks.core.errors import BadRequest
from hooks.core.fields import JSON
from hooks.core.model.binding import Condition, Spec, Status
from hooks.core.model.identity import Identity, WorkloadIdentity
from hooks.core.model.targets import one_target
from hooks.core.rfc3339 import EARLIEST
from hooks.core.wire.objects import parse_binding
from tests.core.builders import BINDING, HOUR, IDENTITY, NOW, PARENT, SECOND, SERVER, changed

DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LONG = "a" * 244


@pytest.mark.parametrize(
    ("binding", "name"),
    [
        pytest.param("app", "acr-pull-app", id="short"),
        pytest.param("a.b-c.d", "acr-pull-a.b-c.d", id="dots"),
        pytest.param("1", "acr-pull-1", id="digit"),
        pytest.param(LONG, f"acr-pull-{LONG}", id="just-fits"),
    ],
)
def test_secret_name(binding: str, name: str) -> None:
    """A Secret is named after its binding where that makes a valid name."""
    assert OURS.secret_name(binding) == name


AWKWARD = [
    f"{LONG}a",
    f"{LONG}b",
    f"{LONG[:227]}-{LONG}",
    f"{LONG[:227]}.{LONG}",
    "a" * 100000,
    "",
    "-",
    "a-",
    "a_",
    "A",
    "a..b",
    "a.",
    "a/b",
    "a\n",
    "\u00e4",
    "\ud800",
]


def test_awkward_secret_names() -> None:
    """A name too long or invalid is cut and closed with a hash: valid, and each its own."""
    names = [OURS.secret_name(binding) for binding in AWKWARD]
    assert all(DNS_SUBDOMAIN.fullmatch(name) and len(name) <= 253 for name in names)
    assert all(re.fullmatch(r"acr-pull.*-[0-9a-f]{16}", name) for name in names)
    assert len(set(names)) == len(AWKWARD)
    assert len(names[0]) == 253


def test_binding() -> None:
    """A binding is read with its names, its spec and nothing that it lacks."""
    assert parse_binding(PARENT, "parent") == replace(BINDING, created_at=EARLIEST)


def test_bare_binding() -> None:
    """A name and a spec are enough of a binding, as in a file that was never applied."""
    binding = parse_binding({"metadata": {"name": "app"}, "spec": {}}, "parent")
    assert (binding.namespace, binding.uid, binding.generation) == ("default", "", 0)
    assert (binding.api_version, binding.kind) == ("acrpull.dev/v1beta1", "ACRPullBinding")
    assert (binding.targets, binding.spec) == (one_target("default"), Spec(None, None, None))


@pytest.mark.parametrize(
    ("spec", "parsed"),
    [
        pytest.param({}, Spec(None, None, None), id="empty"),
        pytest.param({"acrServer": SERVER}, Spec(SERVER, None, None), id="server"),
        pytest.param(
            {"managedIdentityClientID": IDENTITY.client_id}, Spec(None, IDENTITY, None), id="client"
        ),
        pytest.param(
            {"managedIdentityResourceID": "/x"},
            Spec(None, Identity(resource_id="/x"), None),
            id="resource",
        ),
        pytest.param(
            {"workloadIdentity": {}}, Spec(None, WorkloadIdentity(), None), id="workload-by-default"
        ),
        pytest.param(
            {"workloadIdentity": {"serviceAccountName": "a", "clientID": "b", "tenantID": "c"}},
            Spec(None, WorkloadIdentity("a", "b", "c"), None),
            id="workload",
        ),
        pytest.param({"scope": "a:b:c"}, Spec(None, None, "a:b:c"), id="scope"),
        pytest.param({"scope": "a:b:c d:e:f"}, Spec(None, None, "a:b:c d:e:f"), id="scopes"),
        pytest.param({"scope": ""}, Spec(None, None, None), id="empty-scope"),
    ],
)
def test_spec(spec: JSON, parsed: Spec) -> None:
    """What the spec leaves out is None."""
    assert parse_binding({**PARENT, "spec": spec}, "parent").spec == parsed


@pytest.mark.parametrize(
    ("spec", "known", "account"),
    [
        pytest.param({}, "old", "default", id="by-default"),
        pytest.param({"serviceAccountName": "build"}, "old", "build", id="named"),
        pytest.param({"serviceAccountName": "No_Name"}, "old", "old", id="invalid-name"),
        pytest.param({"serviceAccountName": 5}, "old", "old", id="no-text"),
        pytest.param({"serviceAccountName": None}, "old", "old", id="null"),
        pytest.param({"serviceAccountName": "a" * 253}, "old", "a" * 253, id="longest"),
        pytest.param({"serviceAccountName": "a" * 254}, "old", "old", id="too-long"),
        pytest.param(None, "old", "default", id="no-spec"),
        pytest.param([], "old", "old", id="no-object"),
        pytest.param("text", None, None, id="nothing-known"),
    ],
)
def test_service_account_name(spec: object, known: str | None, account: str | None) -> None:
    """A spec that says no ServiceAccount that can be leaves the one that the status knows."""
    parent = {**PARENT, "spec": spec, "status": {"serviceAccountName": known}}
    assert parse_binding(parent, "parent", "is wrong").targets == (account and one_target(account))


@pytest.mark.parametrize("spec", [{"spec": None}, {}], ids=["null", "absent"])
def test_no_spec(spec: JSON) -> None:
    """A binding without a spec leaves all to the defaults, as one with an empty spec does."""
    parent = {"metadata": PARENT["metadata"], **spec}
    binding = parse_binding({**parent, "status": {"serviceAccountName": "old"}}, "parent")
    assert (binding.targets, binding.spec) == (one_target("default"), Spec(None, None, None))


@pytest.mark.parametrize("spec", [{}, [], None, {"acrServer": 5}])
def test_problem(spec: object) -> None:
    """An invalid spec is its problem's text and is not read any further."""
    assert parse_binding({**PARENT, "spec": spec}, "parent", "is wrong").spec == "is wrong"


def test_metadata() -> None:
    """Age, deletion and finalizers are read from the metadata."""
    meta = {
        **PARENT["metadata"],
        "creationTimestamp": "2026-11-23T11:00:00Z",
        "deletionTimestamp": "2026-11-23T12:00:00Z",
        "finalizers": ["metacontroller.io/x", "orphan"],
    }
    binding = parse_binding({**PARENT, "metadata": meta}, "parent")
    assert (binding.created_at, binding.deleting) == (NOW - HOUR, True)
    assert binding.other_finalizers == {"orphan"}


@pytest.mark.parametrize("text", ["", "yesterday"])
def test_unreadable_times(text: str) -> None:
    """A text that is not a time counts as an unknown time, and the binding is deleted anyway."""
    times = {"creationTimestamp": text, "deletionTimestamp": "soon"}
    condition = {"type": "Ready", "lastTransitionTime": text}
    status = {"conditions": [condition], "tokenIssueTime": text, "secretPendingTime": text}
    obj = {**PARENT, "metadata": {**PARENT["metadata"], **times}, "status": status}
    binding = parse_binding(obj, "parent")
    assert (binding.created_at, binding.deleted_at, binding.deleting) == (EARLIEST, None, True)
    assert binding.status == Status((Condition("Ready", "", "", "", 0),))


def test_status() -> None:
    """The status is read as far as the next status depends on it."""
    status: JSON = {
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Ready",
                "message": "m",
                "observedGeneration": 2,
                "lastTransitionTime": "2026-11-23T11:00:00Z",
            },
            {"type": "Bare", "message": None},
        ],
        "secretName": "acr-pull-app",
        "serviceAccountName": "default",
        "tokenIssueTime": "2026-11-23T10:00:00Z",
        "tokenExpirationTime": "2026-11-23T13:00:00Z",
        "secretPendingTime": "2026-11-23T12:00:00Z",
        "writeAttempts": 2,
        "lastWriteTime": "2026-11-23T12:00:04Z",
        "attachAttempts": 3,
        "lastAttachTime": "2026-11-23T12:00:05Z",
    }
    parsed = parse_binding({**PARENT, "status": status}, "parent").status
    assert parsed == Status(
        conditions=(
            Condition("Ready", "True", "Ready", "m", 2, NOW - HOUR),
            Condition("Bare", "", "", "", 0),
        ),
        secret_name="acr-pull-app",
        targets=one_target("default"),
        token_issue_time=NOW - 2 * HOUR,
        secret_pending_time=NOW,
        write_attempts=2,
        last_write_time=NOW + 4 * SECOND,
        attach_attempts=3,
        last_attach_time=NOW + 5 * SECOND,
    )


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("metadata", None, "parent.metadata: expected an object, e.g. {}"),
        ("metadata/name", None, 'parent.metadata.name: expected a string, e.g. "app"'),
        ("metadata/uid", 5, "parent.metadata.uid: expected a string"),
        ("metadata/generation", "2", "parent.metadata.generation: expected an integer, e.g. 1"),
        ("metadata/generation", True, "parent.metadata.generation: expected an integer"),
        ("metadata/finalizers", "orphan", "parent.metadata.finalizers: expected a list"),
        ("metadata/finalizers", [5], "parent.metadata.finalizers[]: expected a string"),
        ("apiVersion", 1, "parent.apiVersion: expected a string"),
        ("status", [], "parent.status: expected an object"),
        ("status", {"conditions": {}}, "parent.status.conditions: expected a list"),
        ("status", {"conditions": [{}, 5]}, "parent.status.conditions[1]: expected an object"),
        (
            "status",
            {"conditions": [{"observedGeneration": "2"}]},
            "parent.status.conditions[0].observedGeneration: expected an integer",
        ),
        ("status", {"tokenIssueTime": 5}, "parent.status.tokenIssueTime: expected a string"),
        ("status", {"serviceAccountName": {}}, "parent.status.serviceAccountName: expected a str"),
        ("status", {"secretPendingTime": 5}, "parent.status.secretPendingTime: expected a string"),
        ("status", {"writeAttempts": "3"}, "parent.status.writeAttempts: expected an integer"),
        ("status", {"lastWriteTime": 5}, "parent.status.lastWriteTime: expected a string"),
        ("status", {"attachAttempts": "3"}, "parent.status.attachAttempts: expected an integer"),
        ("status", {"lastAttachTime": 5}, "parent.status.lastAttachTime: expected a string"),
    ],
)
def test_bad_binding(path: str, value: object, message: str) -> None:
    """What is not of its type is an error that names its path."""
    with pytest.raises(BadRequest) as caught:
        parse_binding(changed(PARENT, path, value), "parent")
    assert str(caught.value).startswith(message)
