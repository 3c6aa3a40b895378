"""What upstream's controller left: its Secret, its status, its ServiceAccounts."""

import base64
import json
from dataclasses import replace
from typing import Final

import pytest

from hooks.core.account.ownership import controller_uid, is_foreign
from hooks.core.apis import UPSTREAM
from hooks.core.apis.api import Api
from hooks.core.fields import JSON
from hooks.core.model.binding import Condition, Spec, Status
from hooks.core.model.cluster import Owner, PullSecret
from hooks.core.renewal.decision import Keep, Mint, inputs_hash
from hooks.core.renewal.resolve import Hold
from hooks.core.wire.objects import parse_binding, parse_secret
from hooks.core.wire.request import parse_observed
from hooks.core.wire.response import new_pull_secret, new_status_fields
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    EXPIRED,
    GUARD,
    HOUR,
    IDENTITY,
    MINUTE,
    NOW,
    OBSERVED,
    PARENT,
    POLICY,
    REQUEST,
    SECRET,
    SECRET_NAME,
    SERVER,
    TARGETS,
    TOKEN,
    decide,
    new_token,
    sync,
)

FIRST, SECOND = UPSTREAM
USER: Final = "00000000-0000-0000-0000-000000000000"
LABELS: Final = {"acr.microsoft.com/binding": "app", "controller-uid": "uid-app"}
INPUTS: Final = "acrpull.dev/token-inputs"
THEIRS: Final = {"acr.microsoft.com/token.inputs": "x"}
INHERITED: Final = replace(SECRET, inputs=None, inherited=True, dynamic_apply=False, targets={})
MOVED: Final = replace(OBSERVED, secret=INHERITED)


def left(server: str = SERVER, email: str = "msi-acrpull@azurecr.io", **meta: JSON) -> JSON:
    """Return a Secret as upstream's controller writes it, with the label that it is to have."""
    auth = base64.b64encode(f"{USER}:{TOKEN.value}".encode()).decode()
    entry = {"username": USER, "password": TOKEN.value, "email": email, "auth": auth}
    text = json.dumps({"auths": {server: entry}})
    return {
        "metadata": {
            "name": SECRET_NAME,
            "namespace": "team-a",
            **({"labels": LABELS, "annotations": THEIRS} | meta),
        },
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(text.encode()).decode()},
    }


def test_secret() -> None:
    """Upstream's Secret holds a token, and nothing that is not to be there."""
    secret = parse_secret(left(), "secret")
    assert secret == replace(INHERITED, name=SECRET_NAME)
    assert secret.unmodified


@pytest.mark.parametrize(
    ("secret", "inherited", "unmodified"),
    [
        pytest.param(left(email="me@example.com"), True, False, id="another-email"),
        pytest.param(left(labels={}), False, True, id="without-its-label"),
        pytest.param(left(annotations={INPUTS: "x"}), False, True, id="known-for-what"),
        pytest.param(left(annotations={INPUTS: "inherited"}), True, True, id="written-by-us-since"),
    ],
)
def test_not_quite(secret: JSON, *, inherited: bool, unmodified: bool) -> None:
    """What is different from what upstream writes is not upstream's."""
    found = parse_secret(secret, "secret")
    assert (found.inherited, found.unmodified) == (inherited, unmodified)


def test_kept() -> None:
    """Its token is used until it is due, and it is noted for what, so that a change shows."""
    assert decide(MOVED, POLICY, NOW) == Keep()
    answer = sync(MOVED, Keep(), None, POLICY, NOW)
    assert answer.secret == replace(INHERITED, inputs=inputs_hash(REQUEST), targets=TARGETS)
    assert answer.secret.token is TOKEN
    assert answer.resync_after_seconds == 90 * 60
    (fresh,) = (c for c in answer.status.conditions if c.type == "TokenFresh")
    assert fresh.status == "True"
    body = new_pull_secret("team-a", answer.secret)
    assert body["metadata"]["labels"] == TARGETS


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(
            replace(INHERITED, token=new_token(NOW - 3 * MINUTE, NOW + 2 * MINUTE)), id="due"
        ),
        pytest.param(replace(INHERITED, token=EXPIRED), id="expired"),
        pytest.param(replace(INHERITED, server="other.azurecr.io"), id="another-server"),
        pytest.param(replace(INHERITED, unmodified=False), id="tampered-with"),
    ],
)
def test_minted(secret: PullSecret) -> None:
    """One that is due, or of no use, is replaced, as any is."""
    assert isinstance(decide(replace(MOVED, secret=secret), POLICY, NOW), Mint)


def test_scope() -> None:
    """One that is good for less than the spec asks for is replaced."""
    spec = Spec(SERVER, IDENTITY, "repository:app:pull")
    assert isinstance(
        decide(replace(MOVED, binding=replace(BINDING, spec=spec)), POLICY, NOW), Mint
    )


def test_invalid_spec() -> None:
    """One whose binding is invalid keeps its token, for whatever the binding will say."""
    moved = replace(MOVED, binding=replace(BINDING, spec="is wrong"))
    kept = sync(moved, decide(moved, POLICY, NOW), None, POLICY, NOW).secret
    assert kept == replace(INHERITED, inputs="inherited", targets=TARGETS)
    assert decide(replace(MOVED, secret=kept), POLICY, NOW) == Keep()


def test_strategy() -> None:
    """U9: a Secret that Metacontroller has not written yet does not show how it writes."""
    observed = parse_observed(
        {"parent": PARENT, "children": {"Secret.v1": {"team-a/x": left()}}}, lambda *_: None
    )
    assert observed.secret == INHERITED
    assert observed.dynamic_apply is None


def answered(secret: PullSecret | None) -> JSON:
    """Return upstream's Secret with the annotation that an answer of *secret* puts on it."""
    assert secret is not None
    ours = new_pull_secret("team-a", secret)["metadata"]["annotations"]
    return left(annotations=THEIRS | ours)


def test_expired_and_named_as_its_namespace() -> None:
    """An expired one shows the apply strategy after one answer, so its ServiceAccount is guarded.

    Until then nothing is minted; and where binding and Namespace have one name, no guard is put on
    before the strategy shows.
    """
    binding = replace(BINDING, name="team-a", secret_name=SECRET_NAME)
    adopted = replace(ACCOUNT, owners=(replace(ACCOUNT.owners[0], name="team-a"),))
    assert MOVED.namespace is not None
    before = replace(
        MOVED,
        binding=binding,
        accounts=(adopted,),
        secret=replace(INHERITED, token=EXPIRED),
        dynamic_apply=None,
    )
    decision = decide(before, POLICY, NOW)
    assert isinstance(decision, Hold)
    answer = sync(before, decision, None, POLICY, NOW)
    body = {"parent": PARENT, "children": {"Secret.v1": {"team-a/x": answered(answer.secret)}}}
    strategy = parse_observed(body, lambda *_: None).dynamic_apply
    assert strategy is False
    seen = replace(before, secret=answer.secret, dynamic_apply=strategy)
    (account,) = sync(seen, decide(seen, POLICY, NOW), None, POLICY, NOW).accounts
    assert account.owners is not None
    assert GUARD in account.owners
    guarded = replace(seen, accounts=(replace(adopted, owners=account.owners),))
    assert isinstance(decide(guarded, POLICY, NOW), Mint)


@pytest.mark.parametrize("api", UPSTREAM, ids=lambda api: api.api_version)
def test_status_of_upstream(api: Api) -> None:
    """Upstream's times, without conditions, tell nothing of an answer of ours."""
    times = {"lastTokenRefreshTime": "2026-11-23T10:00:00Z", "error": "x"}
    parent = {**PARENT, "apiVersion": api.api_version, "status": times}
    assert parse_binding(parent, "parent", "is wrong").status == Status()
    conditions = [{"type": "Ready", "status": "True"}]
    told = {**parent, "status": {**times, "conditions": conditions}}
    found = parse_binding(told, "parent", "is wrong").status
    assert found.token_issue_time == NOW - 2 * HOUR


READY: Final = Condition("Ready", "True", "Ready", "Well.", 2, NOW)
BROKEN: Final = replace(READY, status="False", reason="InvalidSpec", message="spec.acrServer: x")


@pytest.mark.parametrize(
    ("ready", "error", "messages"),
    [
        (READY, None, ["Well."]),
        (BROKEN, "spec.acr.server: x", ["spec.acr.server: x"]),
        (None, None, []),
    ],
    ids=["ready", "not-ready", "unknown"],
)
def test_error(ready: Condition | None, error: str | None, messages: list[str]) -> None:
    """Upstream's `error` is the message of Ready with the field names of upstream's spec."""
    binding = replace(BINDING, api_version=SECOND.api_version, kind=SECOND.kind)
    conditions = () if ready is None else (ready,)
    status = new_status_fields(binding, Status(conditions, token_issue_time=NOW))
    assert status.get("error") == error
    assert status["lastTokenRefreshTime"] == "2026-11-23T12:00:00Z"
    assert "tokenIssueTime" not in status
    assert [condition["message"] for condition in status["conditions"]] == messages


def test_no_error_of_ours() -> None:
    """Our own API has conditions, and no such field."""
    assert "error" not in new_status_fields(BINDING, Status((BROKEN,)))


@pytest.mark.parametrize(
    ("group", "kind", "ours"),
    [
        ("acrpull.dev/v1beta1", "ACRPullBinding", True),
        ("msi-acrpull.microsoft.com/v1beta1", "AcrPullBinding", True),
        ("acrpull.microsoft.com/v1beta2", "AcrPullBinding", True),
        ("acrpull.microsoft.com/v1beta3", "AcrPullBinding", True),
        ("acrpull.dev/v1beta1", "AcrPullBinding", False),
        ("example.com/v1beta2", "AcrPullBinding", False),
    ],
)
def test_owners(group: str, kind: str, *, ours: bool) -> None:
    """A ServiceAccount that any of the three holds is a binding's, and nobody else's."""
    owner = Owner(group, kind, "app", "uid-x", controller=True)
    account = replace(ACCOUNT, owners=(owner, GUARD))
    assert is_foreign(account) is not ours
    assert controller_uid(account) == ("uid-x" if ours else None)
