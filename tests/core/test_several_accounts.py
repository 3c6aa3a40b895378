"""A binding with the field `serviceAccountNames`."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from hooks.core.account.relation import desired_targets, relation, target_label
from hooks.core.model.binding import Binding, Condition, Status
from hooks.core.model.cluster import ServiceAccount
from hooks.core.model.reason import Reason
from hooks.core.model.targets import Targets, one_target
from hooks.core.observed import Observed
from hooks.core.policy.permission import Reject
from hooks.core.status.attached import attached
from hooks.core.status.condition_state import ConditionState
from hooks.core.sync import Answer
from hooks.core.wire.objects import parse_binding
from hooks.core.wire.response import new_answer, related_accounts
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    FOREIGN,
    NOW,
    OBSERVED,
    PARENT,
    POLICY,
    RELATED,
    SECRET_NAME,
    UNTOUCHED,
    changed,
    decide,
    finalize,
    sync,
)

ALL_LABEL = "serviceaccount.acrpull.dev/ALL"
EVERY = Targets(frozenset(), every=True, is_list=True)
NONE = Targets(frozenset(), is_list=True)


def named(*names: str) -> Targets:
    """Return the list *names*."""
    return Targets(frozenset(names), is_list=True)


def to(targets: Targets | None, **fields: object) -> Binding:
    """Return the binding with *targets*."""
    return replace(BINDING, targets=targets, **fields)  # type: ignore[arg-type]


def listing(*names: str) -> list[ServiceAccount]:
    """Return ServiceAccounts *names* that list the Secret."""
    return [replace(ACCOUNT, name=name) for name in names]


def bare(*names: str) -> list[ServiceAccount]:
    """Return ServiceAccounts *names* that list other Secrets."""
    return [replace(UNTOUCHED, name=name) for name in names]


def observe(targets: Targets | None, *accounts: ServiceAccount) -> Observed:
    """Return what is observed of a binding with *targets*."""
    children = tuple(account for account in accounts if account.uid_label == "uid-app")
    return replace(OBSERVED, binding=to(targets), accounts=children, related=accounts)


@pytest.mark.parametrize(
    ("spec", "targets"),
    [
        pytest.param({"serviceAccountNames": ["b", "a"]}, named("a", "b"), id="names"),
        pytest.param({"serviceAccountNames": ["*"]}, EVERY, id="every"),
        pytest.param({"serviceAccountNames": []}, NONE, id="none"),
        pytest.param({"serviceAccountNames": None}, one_target("default"), id="null"),
        pytest.param(
            {"serviceAccountNames": ["a"], "serviceAccountName": "default"}, named("a"), id="both"
        ),
        pytest.param({"serviceAccountNames": ["*", "a"]}, named("old"), id="every-and-one"),
        pytest.param({"serviceAccountNames": ["A"]}, named("old"), id="no-name"),
        pytest.param({"serviceAccountNames": [5]}, named("old"), id="no-text"),
        pytest.param({"serviceAccountNames": "a"}, named("old"), id="no-list"),
        pytest.param({"serviceAccountNames": ["a"] * 51}, named("old"), id="too-many"),
    ],
)
def test_parse(spec: object, targets: Targets) -> None:
    """A list takes precedence over the default name. An invalid list leaves the last targets."""
    parent = {**PARENT, "spec": spec, "status": {"serviceAccountNames": ["old"]}}
    assert parse_binding(parent, "parent").targets == targets


@pytest.mark.parametrize("targets", [named("b", "a"), EVERY, NONE, one_target("a")])
def test_status_round_trip(targets: Targets) -> None:
    """The status has the targets, so that the next call knows them."""
    answer = answer_to(observe(targets, *listing("a")))
    body = json.dumps(new_answer(to(targets), answer, finalizing=False))
    status = json.loads(body)["status"]
    parsed = parse_binding(changed({**PARENT, "spec": {}}, "status", status), "parent").status
    assert parsed.targets == targets
    assert parsed.attached_accounts == {EVERY: 1, named("b", "a"): 1, NONE: 0}.get(targets)
    assert status.get("desiredServiceAccounts") == {EVERY: 1, named("a", "b"): 2, NONE: 0}.get(
        targets
    )


@pytest.mark.parametrize(
    ("now", "before", "names"),
    [
        pytest.param(named("a", "b"), one_target("c"), ["a", "b", "c"], id="names"),
        pytest.param(EVERY, None, None, id="every"),
        pytest.param(named("a"), EVERY, None, id="no-longer-every"),
        pytest.param(NONE, None, ["default"], id="none"),
        pytest.param(NONE, named("a"), ["a"], id="no-longer-one"),
    ],
)
def test_rules(now: Targets, before: Targets | None, names: list[str] | None) -> None:
    """A binding relates its targets and previous targets; for "*", the whole Namespace."""
    expected = {} if names is None else {"names": names}
    assert related_accounts(to(now, status=Status(targets=before))) == expected


MANY = [f"a{number:02}" for number in range(52)]


@pytest.mark.parametrize(
    ("binding", "children", "labels"),
    [
        pytest.param(to(named("a", "b")), (), {"a": "attach", "b": "attach"}, id="names"),
        pytest.param(to(EVERY), ("a",), {"ALL": "attach"}, id="every"),
        pytest.param(to(NONE), (), {"ALL": "release"}, id="none"),
        pytest.param(to(NONE), ("a",), {"ALL": "release"}, id="no-longer-one"),
        pytest.param(to(named("a")), ("a", "b"), {"a": "attach", "b": "release"}, id="fewer"),
        pytest.param(to(named("a")), MANY, {"a": "attach", "ALL": "release"}, id="far-fewer"),
        pytest.param(
            to(named("a"), deleting=True), ("b",), {"a": "deleted", "b": "deleted"}, id="deleted"
        ),
        pytest.param(to(EVERY, deleting=True), ("b",), {"ALL": "deleted"}, id="deleted-every"),
        pytest.param(to(None), ("a",), {"a": "release"}, id="unknown"),
    ],
)
def test_labels(binding: Binding, children: list[str], labels: dict[str, str]) -> None:
    """The Secret has a label for each name, and one for all if the names are too many."""
    expected = {target_label(name): wish for name, wish in labels.items()}
    assert desired_targets(binding, bare(*children)) == expected


@pytest.mark.parametrize(
    ("labels", "wish"),
    [
        pytest.param({ALL_LABEL: "attach"}, "attach", id="all"),
        pytest.param({ALL_LABEL: "release", target_label("default"): "attach"}, "attach", id="own"),
        pytest.param({ALL_LABEL: "release"}, "release", id="others"),
        pytest.param({target_label("build"): "attach"}, None, id="another"),
    ],
)
def test_relation(labels: dict[str, str], wish: str | None) -> None:
    """The label of a ServiceAccount counts before the label for all."""
    assert relation(replace(RELATED, targets=labels), ACCOUNT) == wish


def test_targets_observed() -> None:
    """Every ServiceAccount that is not under deletion is a target of "*"."""
    leaving = replace(ACCOUNT, name="a", deleting=True)
    accounts = (leaving, *listing("c"), *bare("b"))
    assert [a.name for a in observe(EVERY, *accounts).targets] == ["b", "c"]
    assert [a.name for a in observe(named("a", "c"), *accounts).targets] == ["a", "c"]


def state(status: str, reason: str, message: str, remedy: str = "") -> ConditionState:
    """Return the expected state."""
    return ConditionState(status, reason, message, remedy)


def count(counted: str, missing: str) -> str:
    """Return the message with *missing* names."""
    return f'{counted} ServiceAccounts list Secret "acr-pull-app". Missing from: {missing}.'


WAITS = 'Waiting for Secret "acr-pull-app" to be added to ServiceAccount "{}".'
ABSENT = 'ServiceAccount "{}" not found. Create it, or fix spec.serviceAccountNames.'


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        pytest.param(
            observe(named("a", "b"), *listing("a", "b")),
            state("True", "Attached", '2 of 2 ServiceAccounts list Secret "acr-pull-app".'),
            id="all",
        ),
        pytest.param(
            observe(EVERY, *listing("a"), *bare("b")),
            state("False", "Attaching", count("1 of 2", '"b"'), WAITS.format("b")),
            id="every",
        ),
        pytest.param(
            observe(named("a", "b"), *listing("a", "c")),
            state("False", "ServiceAccountNotFound", count("1 of 2", '"b"'), ABSENT.format("b")),
            id="not-found",
        ),
        pytest.param(
            observe(named(*"abcde"), *bare("c", "e")),
            state(
                "False",
                "Attaching",
                count("0 of 5", '"a", "b", "c" and 2 more'),
                WAITS.format("c"),
            ),
            id="many",
        ),
        pytest.param(
            observe(EVERY, *listing("a"), *(replace(a, owners=(FOREIGN,)) for a in bare("b"))),
            state(
                "False",
                "ServiceAccountOwned",
                count("1 of 2", '"b"'),
                'ServiceAccount "b" is managed by Deployment "web", so acrpull does not change it. '
                'Add "acr-pull-app" to imagePullSecrets in the configuration of that controller.',
            ),
            id="owned",
        ),
        pytest.param(
            observe(NONE, *bare("a")),
            state(
                "True",
                "NoServiceAccount",
                "spec.serviceAccountNames is empty, so no ServiceAccount lists the Secret.",
            ),
            id="none",
        ),
        pytest.param(
            observe(EVERY),
            state(
                "False",
                "ServiceAccountNotFound",
                "The Namespace has no ServiceAccount.",
                "Create one.",
            ),
            id="empty-namespace",
        ),
        pytest.param(
            replace(observe(EVERY), related=None),
            state("False", "Attaching", "Waiting for Metacontroller to report the ServiceAccount."),
            id="by-hand",
        ),
    ],
)
def test_attached(observed: Observed, expected: ConditionState) -> None:
    """The message counts the ServiceAccounts, and names the first that do not list the Secret."""
    assert attached(observed, None, None, NOW) == expected


def test_denied() -> None:
    """The reason of a denied binding comes before the reasons of ServiceAccounts."""
    problem = Reject(Reason.SERVER_NOT_ALLOWED, "It is not allowed. Ask.")
    found = attached(observe(named("a", "b"), *bare("b")), problem, None, NOW)
    assert (found.status, found.reason) == ("False", "ServerNotAllowed")


def answer_to(observed: Observed) -> Answer:
    """Return the answer of `sync` without a token request."""
    return sync(observed, decide(observed, POLICY, NOW), None, POLICY, NOW)


def test_desired_accounts() -> None:
    """Each target gets the entry after the user's entries, and other children lose the entry."""
    fresh = replace(ACCOUNT, name="b", pull_secrets=("zeta",))
    answer = answer_to(observe(named("a", "b"), fresh, *listing("a", "c")))
    assert {account.name: account.pull_secrets for account in answer.accounts} == {
        "a": ("zeta", "alpha", SECRET_NAME),
        "b": ("zeta", SECRET_NAME),
        "c": ("zeta", "alpha"),
    }


def test_by_hand() -> None:
    """A request without ServiceAccounts shows the result for each name."""
    answer = answer_to(replace(observe(named("b", "a")), related=None))
    assert [account.name for account in answer.accounts] == ["a", "b"]


def test_deletion_of_a_binding_of_every_account() -> None:
    """The deletion waits for a second call: a ServiceAccount may be newer than the status."""
    condition = Condition("Attached", "True", "Attached", "", 2, NOW)
    going = {"deleting": True, "deleted_at": NOW, "status": Status((condition,))}
    free = observe(None, *bare("a"))
    every = replace(free, binding=to(EVERY, **going))
    assert not finalize(every, POLICY, NOW).finalized
    assert finalize(every, POLICY, NOW + timedelta(seconds=3)).finalized
    assert finalize(replace(free, binding=to(named("a"), **going)), POLICY, NOW).finalized
