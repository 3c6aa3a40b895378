"""The exact JSON of the answers, without the children; hook version v2 refuses other keys."""

from dataclasses import replace

import pytest

from hooks.core.account.attachment import DesiredServiceAccount
from hooks.core.account.decoration import Decoration
from hooks.core.apis import APIS
from hooks.core.fields import JSON
from hooks.core.model.binding import Binding, Condition, Spec, Status
from hooks.core.model.cluster import OwnedSecret, ServiceAccount
from hooks.core.model.identity import WorkloadIdentity
from hooks.core.model.targets import one_target
from hooks.core.sync import Answer
from hooks.core.wire.response import (
    new_answer,
    new_condition,
    new_decoration,
    new_decorator_rules,
    new_rules,
    new_secret_rules,
    new_status_fields,
)
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    GUARD,
    HOLDER,
    HOUR,
    NOW,
    SECOND,
    SECRET,
    SECRET_NAME,
    TARGET,
    TOKEN,
    UNTOUCHED,
    WANTED,
)

READY = Condition("Ready", "True", "Ready", "", 2, NOW)
READY_JSON = {
    "type": "Ready",
    "status": "True",
    "reason": "Ready",
    "message": "",
    "observedGeneration": 2,
    "lastTransitionTime": "2026-11-23T12:00:00Z",
}
DESIRED = DesiredServiceAccount(
    name="default",
    namespace="team-a",
    pull_secrets=("zeta", None, SECRET_NAME),
    attached=(SECRET_NAME,),
    owners=(HOLDER, GUARD),
    had_pull_secrets=True,
)
LABELED = [
    {
        "apiVersion": "v1",
        "resource": "secrets",
        "namespace": "team-a",
        "labelSelector": {"matchExpressions": [{"key": key, "operator": "Exists"}]},
    }
    for key in (TARGET, "serviceaccount.acrpull.dev/ALL")
]
STATUS = Status(
    conditions=(READY,),
    secret_name=SECRET_NAME,
    targets=one_target("default"),
    token_issue_time=NOW,
    token_expiration_time=NOW + 3 * HOUR,
)
ANSWER = Answer(STATUS, SECRET, (DESIRED,), 9000)


def test_condition() -> None:
    """A condition has all six fields, also an empty message."""
    assert new_condition(READY) == READY_JSON


def test_long_message() -> None:
    """A message is cut to what the API server stores."""
    status = Status((replace(READY, message="x" * 40_000),))
    (condition,) = new_status_fields(BINDING, status)["conditions"]
    assert condition["message"] == "x" * 32768


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(
            STATUS,
            {
                "observedGeneration": 2,
                "conditions": [READY_JSON],
                "secretName": SECRET_NAME,
                "serviceAccountName": "default",
                "tokenIssueTime": "2026-11-23T12:00:00Z",
                "tokenExpirationTime": "2026-11-23T15:00:00Z",
            },
            id="whole",
        ),
        pytest.param(
            Status(
                secret_pending_time=NOW,
                write_attempts=2,
                last_write_time=NOW + 4 * SECOND,
                attach_attempts=3,
                last_attach_time=NOW + 5 * SECOND,
            ),
            {
                "observedGeneration": 2,
                "conditions": [],
                "secretPendingTime": "2026-11-23T12:00:00Z",
                "writeAttempts": 2,
                "lastWriteTime": "2026-11-23T12:00:04Z",
                "attachAttempts": 3,
                "lastAttachTime": "2026-11-23T12:00:05Z",
            },
            id="under-way",
        ),
        pytest.param(Status(), {"observedGeneration": 2, "conditions": []}, id="empty"),
    ],
)
def test_status(status: Status, body: JSON) -> None:
    """The status leaves out what it does not know: a null would differ from what is stored."""
    assert new_status_fields(BINDING, status) == body


@pytest.mark.parametrize(
    ("answer", "finalizing", "keys", "kinds"),
    [
        pytest.param(ANSWER, False, [], ["Secret", "ServiceAccount"], id="sync"),
        pytest.param(ANSWER, True, ["finalized"], ["Secret", "ServiceAccount"], id="finalize"),
        pytest.param(replace(ANSWER, secret=None), False, [], ["ServiceAccount"], id="no-secret"),
        pytest.param(replace(ANSWER, secret=None, accounts=()), False, [], [], id="no-children"),
    ],
)
def test_answer(answer: Answer, keys: list[str], kinds: list[str], *, finalizing: bool) -> None:
    """An answer has status, children and the wait; only `/finalize` says whether it is final."""
    body = new_answer(BINDING, answer, finalizing=finalizing)
    assert sorted(body) == sorted(["status", "children", "resyncAfterSeconds", *keys])
    assert [child["kind"] for child in body["children"]] == kinds
    assert {child["metadata"]["namespace"] for child in body["children"]} <= {"team-a"}
    assert body["resyncAfterSeconds"] == 9000
    assert body["status"] == new_status_fields(BINDING, STATUS)


@pytest.mark.parametrize("finalized", [True, False])
def test_finalized(*, finalized: bool) -> None:
    """The answer to `/finalize` says yes or no."""
    body = new_answer(BINDING, replace(ANSWER, finalized=finalized), finalizing=True)
    assert body["finalized"] is finalized


def test_token_is_in_secret_only() -> None:
    """A token occurs in the Secret's data and nowhere else in an answer."""
    body = new_answer(BINDING, ANSWER, finalizing=True)
    assert body["children"][0].pop("data")
    assert TOKEN.value not in str(body)
    assert "eyJ" not in str(body)


WORKLOAD = WorkloadIdentity("pusher", None, None)
OF_STATUS = Status(targets=one_target("build"))


@pytest.mark.parametrize(
    ("binding", "names"),
    [
        pytest.param(BINDING, ["default"], id="target"),
        pytest.param(replace(BINDING, status=OF_STATUS), ["build", "default"], id="previous"),
        pytest.param(
            replace(BINDING, spec=Spec(None, WORKLOAD, None)), ["default", "pusher"], id="identity"
        ),
        pytest.param(
            replace(BINDING, spec=Spec(None, WorkloadIdentity(None, None, None), None)),
            ["default"],
            id="identity-of-the-target",
        ),
        pytest.param(
            replace(BINDING, spec="is wrong", targets=None, status=OF_STATUS),
            ["build"],
            id="invalid",
        ),
        pytest.param(replace(BINDING, spec="is wrong", targets=None), ["default"], id="unknown"),
    ],
)
def test_rules(binding: Binding, names: list[str]) -> None:
    """A binding relates its Namespace, the named ServiceAccounts, and the Secret of its name.

    Without names, a rule would select all ServiceAccounts.
    """
    assert new_rules(binding) == {
        "relatedResources": [
            {"apiVersion": "v1", "resource": "namespaces", "names": ["team-a"]},
            {
                "apiVersion": "v1",
                "resource": "serviceaccounts",
                "namespace": "team-a",
                "names": names,
            },
            {
                "apiVersion": "v1",
                "resource": "secrets",
                "namespace": "team-a",
                "names": [SECRET_NAME],
            },
        ]
    }


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_rules_of_admission(version: str) -> None:
    """In the mode `admission`, a binding also relates the admission policy and its binding."""
    *policies, _, _, _ = new_rules(BINDING, version)["relatedResources"]
    assert policies == [
        {
            "apiVersion": f"admissionregistration.k8s.io/{version}",
            "resource": resource,
            "names": ["acrpull-serviceaccounts"],
        }
        for resource in ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings")
    ]
    assert (
        new_rules(BINDING, version)["relatedResources"][2:]
        == (new_rules(BINDING)["relatedResources"])
    )


@pytest.mark.parametrize(
    "account",
    [
        UNTOUCHED,
        replace(ACCOUNT, wanted=()),
        replace(ACCOUNT, wanted=(), unwanted=(SECRET_NAME,)),
        ServiceAccount("default", "team-a", annotations=frozenset({WANTED})),
    ],
)
def test_decorator_rules(account: ServiceAccount) -> None:
    """A ServiceAccount relates the Secrets labeled for it, whatever else it contains.

    Metacontroller caches the rules, because a change of a ServiceAccount changes no generation.
    """
    assert new_decorator_rules(account) == {"relatedResources": LABELED}


def test_decorator_rules_for_unlabeled_secrets() -> None:
    """A ServiceAccount also relates the Secrets in its annotation, by name."""
    by_name = {
        "apiVersion": "v1",
        "resource": "secrets",
        "namespace": "team-a",
        "names": [SECRET_NAME],
    }
    assert new_decorator_rules(ACCOUNT) == {"relatedResources": [*LABELED, by_name]}


LEFT = OwnedSecret(SECRET_NAME, "team-a", made_here=True)


@pytest.mark.parametrize(
    ("secret", "names"),
    [
        pytest.param(LEFT, {"acrpull.dev": "app", "acrpull.microsoft.com": "app"}, id="left"),
        pytest.param(
            replace(LEFT, name="app-msi-acrpull-secret"),
            {"msi-acrpull.microsoft.com": "app"},
            id="of-one-api",
        ),
        pytest.param(replace(LEFT, name="my-secret"), {}, id="named-by-no-api"),
        pytest.param(replace(LEFT, owners=(HOLDER,)), {}, id="owned"),
    ],
)
def test_secret_rules(secret: OwnedSecret, names: dict[str, str]) -> None:
    """A left Secret relates the bindings that fit its name, and an owned Secret relates nothing."""
    rules = new_secret_rules(secret, APIS.values())["relatedResources"]
    assert {rule["apiVersion"].split("/")[0]: rule["names"] for rule in rules} == {
        group: [name] for group, name in names.items()
    }
    assert all(rule["namespace"] == "team-a" for rule in rules)
    assert all(rule["resource"] == "acrpullbindings" for rule in rules)


@pytest.mark.parametrize(
    ("decoration", "body"),
    [
        (Decoration(), {"labels": {}, "annotations": {}}),
        (
            Decoration({"controller-uid": "u"}, {"a": None}),
            {"labels": {"controller-uid": "u"}, "annotations": {"a": None}},
        ),
        (
            Decoration({}, {"a": "b"}, 60),
            {"labels": {}, "annotations": {"a": "b"}, "resyncAfterSeconds": 60},
        ),
    ],
    ids=["nothing", "set-and-remove", "again"],
)
def test_decoration(decoration: Decoration, body: JSON) -> None:
    """A decoration contains labels and annotations; null removes a key."""
    assert new_decoration(decoration) == body
