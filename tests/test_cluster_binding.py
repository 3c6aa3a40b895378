"""`/clusterbinding/sync` and `/clusterbinding/customize`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from hooks.core.names import LAST_APPLIED_ANNOTATION
from hooks.server.app import create_app
from hooks.settings.environment import Settings
from tests.client import Object, reason
from tests.fleet import NAME, OWNER, SPEC, UID, member, namespace, new_body, parent, stalled
from tests.test_manifests import not_called

Ask = Callable[..., Object]
NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EARLIER: Final = "2026-11-23T11:00:00Z"
DELETED: Final = {"deletionTimestamp": "2026-11-23T11:59:00Z"}
INVALID: Final = {"template": {"spec": {"acrServer": "https://myregistry.azurecr.io"}}}


@pytest.fixture(scope="module")
def ask() -> Ask:
    """Return a function that returns the answer to a body."""
    client = create_app(Settings.from_env({}), not_called, lambda: NOW).test_client()

    def post(body: Object, path: str = "/clusterbinding/sync", status: int = 200) -> Object:
        response = client.post(path, json=body)
        assert response.status_code == status, response.text
        answer: Object = response.get_json()
        return answer

    return post


def spaces(answer: Object) -> list[str]:
    """Return the Namespaces of the children in *answer*."""
    return [child["metadata"]["namespace"] for child in answer["children"]]


def counts(answer: Object) -> tuple[int, int, int]:
    """Return the counts in the status."""
    status = answer["status"]
    return status["selected"], status["created"], status["ready"]


def failing(answer: Object) -> dict[str, str]:
    """Return the reasons of the failing Namespaces."""
    return {failure["namespace"]: failure["reason"] for failure in answer["status"]["failing"]}


def message(answer: Object) -> str:
    """Return the message of Ready."""
    return str(answer["status"]["conditions"][0]["message"])


def test_created(ask: Ask) -> None:
    """A binding is created in each selected Namespace, with the template's fields."""
    meta = {"labels": {"team": "a"}, "annotations": {"mine": "1"}}
    answer = ask(new_body(parent(template={"metadata": meta, "spec": SPEC}), ["b", "a"]))
    assert spaces(answer) == ["a", "b"]
    assert answer["children"][0] == {
        "apiVersion": "acrpull.dev/v1beta1",
        "kind": "ACRPullBinding",
        "metadata": {"name": NAME, "namespace": "a", **meta},
        "spec": SPEC,
    }
    assert reason(answer) == "False/BindingsNotReady"
    assert counts(answer) == (2, 0, 0)
    assert failing(answer) == {"a": "Pending", "b": "Pending"}
    assert "resyncAfterSeconds" not in answer


def test_empty_maps(ask: Ask) -> None:
    """Without labels and annotations in the template, the maps are empty, so users' keys stay."""
    (child,) = ask(new_body(parent(), ["a"]))["children"]
    assert child["metadata"] == {"name": NAME, "namespace": "a", "labels": {}, "annotations": {}}


def test_ready(ask: Ask) -> None:
    """Once all bindings are ready, so is the ClusterACRPullBinding."""
    answer = ask(new_body(parent(), ["a", "b"], [member("a"), member("b")]))
    assert reason(answer) == "True/Ready"
    assert message(answer) == "The bindings of all selected Namespaces are ready: 2."
    assert counts(answer) == (2, 2, 2)
    assert answer["status"]["failing"] == []
    assert answer["status"]["observedGeneration"] == 1


def test_no_namespace(ask: Ask) -> None:
    """A selector that selects nothing is no problem, and its bindings are deleted."""
    answer = ask(new_body(parent(), [], [member("a")]))
    assert reason(answer) == "True/Ready"
    assert message(answer) == "spec.namespaceSelector selects no Namespace."
    assert (spaces(answer), counts(answer)) == ([], (0, 0, 0))


def test_left_the_selection(ask: Ask) -> None:
    """The binding of a Namespace that left the selection is deleted, and not counted."""
    answer = ask(new_body(parent(), ["a"], [member("a"), member("b")]))
    assert (spaces(answer), counts(answer)) == (["a"], (1, 1, 1))


def test_terminating_namespace(ask: Ask) -> None:
    """A Namespace that is being deleted is not selected."""
    answer = ask(new_body(parent(), ["a", namespace("b", **DELETED)], [member("a"), member("b")]))
    assert (spaces(answer), counts(answer)) == (["a"], (1, 1, 1))
    assert reason(answer) == "True/Ready"


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        pytest.param(member("a", "False/IdentityNotAllowed"), "IdentityNotAllowed", id="denied"),
        pytest.param(member("a", ""), "Pending", id="unanswered"),
        pytest.param(member("a", generation=2), "Pending", id="answered-for-an-older-spec"),
        pytest.param(member("a", spec={**SPEC, "acrServer": "x.io"}), "Pending", id="outdated"),
        pytest.param(member("a", **DELETED), "Deleting", id="deleted"),
    ],
)
def test_failing(ask: Ask, child: Object, expected: str) -> None:
    """A binding that is not ready is reported with its reason."""
    answer = ask(new_body(parent(), ["a", "b"], [child, member("b")]))
    assert failing(answer) == {"a": expected}
    assert reason(answer) == "False/BindingsNotReady"
    assert message(answer) == (
        f"1 of 2 bindings are not ready: a ({expected}). See status.failing."
    )
    assert counts(answer) == (2, 1 if expected == "Deleting" else 2, 1)
    assert [c["type"] for c in answer["status"]["conditions"]] == ["Ready"]


def test_added_field(ask: Ask) -> None:
    """A field that a user adds to a binding does not count as outdated."""
    child = member("a", spec={**SPEC, "scope": "repository:app:pull"})
    assert reason(ask(new_body(parent(), ["a"], [child]))) == "True/Ready"


def test_first_five(ask: Ask) -> None:
    """The status names the first five failing Namespaces."""
    names = [f"n{number}" for number in range(7)]
    answer = ask(new_body(parent(), reversed(names)))
    assert list(failing(answer)) == names[:5]
    assert message(answer).startswith("7 of 7 bindings are not ready: n0 (Pending), ")
    assert message(answer).endswith("n4 (Pending), .... See status.failing.")


def test_stalled(ask: Ask) -> None:
    """A binding that waits for a person stalls the ClusterACRPullBinding."""
    child = stalled(member("b", "False/ServerNotAllowed"))
    answer = ask(new_body(parent(), ["a", "b"], [child]))
    assert reason(answer, "Stalled") == "True/ServerNotAllowed"
    stall = answer["status"]["conditions"][1]
    assert stall["message"] == 'Namespace "b": Why: ServerNotAllowed.'


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"ownerReferences": [], "labels": {}}, id="of-a-user"),
        pytest.param({"labels": {}}, id="without-the-label"),
        pytest.param({"ownerReferences": []}, id="without-the-owner"),
        pytest.param({"ownerReferences": [{**OWNER, "uid": "other"}]}, id="restored"),
    ],
)
def test_name_taken(ask: Ask, other: dict[str, Any]) -> None:
    """A binding of that name which is not a child is left alone and reported."""
    answer = ask(new_body(parent(), ["a", "b"], [member("b")], [member("a", **other)]))
    assert spaces(answer) == ["b"]
    assert failing(answer) == {"a": "BindingNameTaken"}
    assert reason(answer, "Stalled") == "True/BindingNameTaken"
    assert counts(answer) == (2, 1, 1)


def test_other_names(ask: Ask) -> None:
    """Bindings of other names do not matter."""
    other = member("a", name="other", ownerReferences=[])
    assert spaces(ask(new_body(parent(), ["a"], [], [other]))) == ["a"]


def test_created_in_between(ask: Ask) -> None:
    """A child that appears only among the related objects is a child."""
    answer = ask(new_body(parent(), ["a"], [], [member("a")]))
    assert (spaces(answer), reason(answer)) == (["a"], "True/Ready")


def body_of_unknown_namespaces(children: list[Object]) -> Object:
    """Return a body without the group of Namespaces."""
    return new_body(parent(), None, children)


def body_of_invalid_spec(children: list[Object]) -> Object:
    """Return a body with an invalid spec."""
    return new_body(parent(**INVALID), ["b"], children)


def body_of_deleted(children: list[Object]) -> Object:
    """Return a body whose ClusterACRPullBinding is being deleted."""
    obj = parent()
    obj["metadata"] |= DELETED
    return new_body(obj, ["b"], children)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (body_of_unknown_namespaces, "False/Pending"),
        (body_of_invalid_spec, "False/InvalidSpec"),
        (body_of_deleted, "False/Deleting"),
    ],
)
def test_kept(ask: Ask, make: Callable[[list[Object]], Object], expected: str) -> None:
    """The children stay as Metacontroller wrote them last."""
    old = {"acrServer": "old.azurecr.io"}
    applied = {"metadata": {"labels": {"team": "a"}, "annotations": {}}, "spec": old}
    users: Object = {"labels": {"controller-uid": UID, "team": "a", "mine": "1"}, "spec": old}
    annotated = {"mine": "1", LAST_APPLIED_ANNOTATION: json.dumps(applied)}
    dynamic = member("dynamic", annotations=annotated, **users)
    ssa = member("ssa", annotations={"mine": "1"}, **users)
    answer = ask(make([dynamic, ssa]))
    assert reason(answer) == expected
    written = {child["metadata"]["namespace"]: child for child in answer["children"]}
    assert written["dynamic"]["spec"] == written["ssa"]["spec"] == old
    assert written["dynamic"]["metadata"]["labels"] == {"team": "a"}
    assert written["dynamic"]["metadata"]["annotations"] == {}
    assert written["ssa"]["metadata"]["labels"] == users["labels"]
    assert written["ssa"]["metadata"]["annotations"] == {"mine": "1"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", '{"metadata": 1}', '{"metadata": {"labels": 1}, "spec": {}}']
)
def test_unreadable_last_applied(ask: Ask, text: str) -> None:
    """A last-applied configuration that a user broke counts as absent."""
    child = member("a", annotations={LAST_APPLIED_ANNOTATION: text})
    (kept,) = ask(new_body(parent(**INVALID), None, [child]))["children"]
    assert (kept["spec"], kept["metadata"]["annotations"]) == (SPEC, {})


def test_invalid_spec(ask: Ask) -> None:
    """The message names the field; the counts describe what is there."""
    answer = ask(new_body(parent(**INVALID), ["a"], [member("a")]))
    assert message(answer).startswith('spec.template.spec.acrServer: "https://')
    assert reason(answer, "Stalled") == "True/InvalidSpec"
    assert counts(answer) == (1, 1, 1)


def test_status_settles(ask: Ask) -> None:
    """The transition time stays while the status of the condition does."""
    obj = parent()
    first = ask(new_body(obj, ["a"]))["status"]
    first["conditions"][0]["lastTransitionTime"] = EARLIER
    assert ask(new_body({**obj, "status": first}, ["a"]))["status"] == first
    ready = ask(new_body({**obj, "status": first}, ["a"], [member("a")]))["status"]
    assert ready["conditions"][0]["lastTransitionTime"] == "2026-11-23T12:00:00Z"


def test_rules(ask: Ask) -> None:
    """The selector selects Namespaces; bindings of the name are wanted from all Namespaces."""
    selector = {"matchExpressions": [{"key": "team", "operator": "In", "values": ["a", "b"]}]}
    body = {"parent": parent(namespaceSelector=selector)}
    answer = ask(body, "/clusterbinding/customize")
    assert answer["relatedResources"] == [
        {"apiVersion": "acrpull.dev/v1beta1", "resource": "acrpullbindings", "names": [NAME]},
        {"apiVersion": "v1", "resource": "namespaces", "labelSelector": selector},
    ]


def test_rules_for_every_namespace(ask: Ask) -> None:
    """An empty selector stays in the rule."""
    rules = ask({"parent": parent(namespaceSelector={})}, "/clusterbinding/customize")
    assert rules["relatedResources"][1]["labelSelector"] == {}


def test_rules_of_an_invalid_selector(ask: Ask) -> None:
    """Metacontroller would reject the selector, and call no other hook."""
    selector = {"matchExpressions": [{"key": "team", "operator": "In"}]}
    rules = ask({"parent": parent(namespaceSelector=selector)}, "/clusterbinding/customize")
    assert [rule["resource"] for rule in rules["relatedResources"]] == ["acrpullbindings"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "parent"),
        ({"parent": {}}, "parent.metadata"),
        ({"parent": parent(), "related": []}, "related"),
        (new_body(parent(), ["a"], [{"metadata": {}}]), "children['"),
    ],
)
def test_bad_request(ask: Ask, body: Object, path: str) -> None:
    """A body of another shape is rejected, with the path."""
    assert str(ask(body, status=400)["error"]).startswith(path)


def test_field_of_a_user_in_an_object(ask: Ask) -> None:
    """A field that a user adds below a field of the template does not make the binding Pending."""
    labels = {"team": "shop"}
    spec = SPEC | {"secretTemplate": {"metadata": {"labels": labels}}}
    observed = SPEC | {"secretTemplate": {"metadata": {"labels": {**labels, "cost": "42"}}}}
    answer = ask(new_body(parent(template={"spec": spec}), ["a"], [member("a", spec=observed)]))
    assert counts(answer) == (1, 1, 1)
    old = SPEC | {"secretTemplate": {"metadata": {"labels": {"team": "old"}}}}
    answer = ask(new_body(parent(template={"spec": spec}), ["a"], [member("a", spec=old)]))
    assert failing(answer) == {"a": "Pending"}


@pytest.mark.parametrize("fields", [{}, INVALID], ids=["valid", "invalid"])
def test_copy_of_a_child(ask: Ask, fields: Object) -> None:
    """A child that a user copied under another name stays, and is not mistaken for the child."""
    spec = SPEC | {"serviceAccountName": "mine"}
    copy = member("a", name="zz-mine", spec=spec)
    answer = ask(new_body(parent(**fields), ["a"], [member("a"), copy]))
    children = {child["metadata"]["name"]: child["spec"] for child in answer["children"]}
    assert children == {NAME: SPEC, "zz-mine": spec}
    assert counts(answer) == (1, 1, 1)
