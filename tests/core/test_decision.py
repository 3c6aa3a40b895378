"""Keep, mint, hold or reject: each decision and its message."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from hooks.core.model.binding import Condition, Spec, Status
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, TokenRequest
from hooks.core.observed import Observed
from hooks.core.policy.permission import Reject
from hooks.core.renewal.decision import Keep, Mint, MintReason, inputs_hash
from hooks.core.renewal.resolve import Hold, resolve
from hooks.core.rfc3339 import parse_time
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    EXPIRED,
    HOLDER,
    HOUR,
    IDENTITY,
    LEFT,
    MINUTE,
    NAMESPACE,
    NO_SECRET,
    NOW,
    OBSERVED,
    POLICY,
    REQUEST,
    SECOND,
    SECRET,
    SERVER,
    TOKEN,
    decide,
    new_token,
)

UNGUARDED = (replace(ACCOUNT, owners=(HOLDER,)),)


def asking(spec: Spec | str) -> Observed:
    """Return the observation of a binding with *spec*."""
    return replace(OBSERVED, binding=replace(BINDING, spec=spec))


CHANGED = replace(OBSERVED, secret=replace(SECRET, unmodified=False))


def with_token(token: AcrToken | None) -> Observed:
    """Return an observation with *token* in the Secret."""
    return replace(OBSERVED, secret=replace(SECRET, token=token))


@pytest.mark.parametrize(
    ("spec", "kind", "reason", "words"),
    [
        pytest.param("spec.a: is wrong", Hold, "InvalidSpec", "spec.a: is wrong", id="invalid"),
        pytest.param(
            Spec(None, IDENTITY, None), Hold, "InvalidSpec", "spec.acrServer", id="no-server"
        ),
        pytest.param(
            Spec(SERVER, None, None), Hold, "InvalidSpec", "managedIdentityClientID", id="no-one"
        ),
        pytest.param(
            Spec("x.evil.io", IDENTITY, None),
            Reject,
            "ServerNotAllowed",
            'Registry "x.evil.io" is not allowed',
            id="denied",
        ),
        pytest.param(
            Spec("x.evil.io", None, None), Reject, "ServerNotAllowed", "azurecr.io", id="denied-1st"
        ),
    ],
)
def test_unresolvable(spec: Spec | str, kind: type, reason: str, words: str) -> None:
    """An unusable spec has a message, and the next call comes after a change of settings."""
    found = resolve(asking(spec), POLICY)
    assert isinstance(found, Hold | Reject)
    assert type(found) is kind
    assert found.reason == reason
    assert isinstance(found, Reject) or found.resync_after_seconds == 300
    assert words in found.message
    assert decide(asking(spec), POLICY, NOW) == found


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(TOKEN, id="fresh"),
        pytest.param(new_token(NOW - 2 * HOUR, NOW + 30 * MINUTE + SECOND), id="a-second-before"),
        pytest.param(new_token(NOW - 59 * SECOND, NOW + MINUTE), id="short-life"),
    ],
)
def test_keep(token: AcrToken) -> None:
    """A token that is not due is kept, even while another problem waits."""
    observed = with_token(token)
    assert decide(observed, POLICY, NOW) == Keep()
    assert decide(replace(observed, accounts=UNGUARDED, namespace=None), POLICY, NOW) == Keep()


DUE = new_token(NOW - 2 * HOUR, NOW + 30 * MINUTE)
BRIEF = new_token(NOW - MINUTE, NOW + MINUTE)
OTHER_INPUTS = replace(OBSERVED, secret=replace(SECRET, inputs="x"))


@pytest.mark.parametrize(
    ("observed", "reason", "newer_than"),
    [
        pytest.param(NO_SECRET, MintReason.NO_SECRET, None, id="no-secret"),
        pytest.param(with_token(None), MintReason.NO_TOKEN, None, id="no-token-left"),
        pytest.param(CHANGED, MintReason.ALTERED, None, id="altered"),
        pytest.param(with_token(EXPIRED), MintReason.EXPIRED, EXPIRED.issued_at, id="expired"),
        pytest.param(with_token(DUE), MintReason.DUE, DUE.issued_at, id="due-this-second"),
        pytest.param(with_token(BRIEF), MintReason.DUE, BRIEF.issued_at, id="short-life-due"),
        pytest.param(OTHER_INPUTS, MintReason.INPUTS_CHANGED, None, id="other-inputs"),
        pytest.param(
            replace(OBSERVED, secret=replace(SECRET, server="b.io")),
            MintReason.INPUTS_CHANGED,
            TOKEN.issued_at,
            id="other-server",
        ),
        pytest.param(
            replace(NO_SECRET, namespace=None, related=None),
            MintReason.NO_SECRET,
            None,
            id="by-hand",
        ),
        pytest.param(
            replace(NO_SECRET, accounts=(), related=()),
            MintReason.NO_SECRET,
            None,
            id="no-service-account",
        ),
    ],
)
def test_mint(observed: Observed, reason: MintReason, newer_than: datetime | None) -> None:
    """A missing or due token is minted, newer than the token of an unmodified Secret."""
    assert decide(observed, POLICY, NOW) == Mint(REQUEST, newer_than, reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"token": None, "unmodified": False}, MintReason.NO_TOKEN),
        ({"unmodified": False, "inputs": "x"}, MintReason.ALTERED),
        ({"inputs": "x", "token": EXPIRED}, MintReason.INPUTS_CHANGED),
        ({"token": replace(EXPIRED, access=[])}, MintReason.EXPIRED),
        ({"token": replace(DUE, access=[])}, MintReason.SCOPE_NOT_COVERED),
    ],
    ids=lambda value: value if isinstance(value, MintReason) else None,
)
def test_first_mint_reason(changes: dict[str, Any], reason: MintReason) -> None:
    """Of several reasons for a new token, the decision has the first in the list."""
    observed = asking(Spec(SERVER, IDENTITY, "repository:app:pull"))
    request = resolve(observed, POLICY)
    assert isinstance(request, TokenRequest)
    secret = replace(SECRET, **{"inputs": inputs_hash(request), **changes})
    decision = decide(replace(observed, secret=secret), POLICY, NOW)
    assert isinstance(decision, Mint)
    assert decision.reason is reason


@pytest.mark.parametrize(
    ("fresh", "time", "newer_than"),
    [
        pytest.param("True", "2026-11-23T11:00:00Z", NOW - HOUR, id="had-one"),
        pytest.param("True", "soon", None, id="unreadable-time"),
        pytest.param("True", None, None, id="no-time"),
        pytest.param("False", "2026-11-23T11:00:00Z", None, id="had-none"),
        pytest.param(None, "2026-11-23T11:00:00Z", None, id="no-condition"),
    ],
)
@pytest.mark.parametrize(
    "observed",
    [NO_SECRET, with_token(None), CHANGED],
    ids=["deleted", "emptied", "altered"],
)
def test_newer_than_status(
    observed: Observed, fresh: str | None, time: str | None, newer_than: datetime | None
) -> None:
    """A deleted or altered Secret gets a newer token; changed inputs get any token for them."""
    conditions = (Condition("TokenFresh", fresh, "", "", 2),) if fresh else ()
    status = Status(conditions, token_issue_time=parse_time(time))
    binding = replace(BINDING, status=status)
    decision = decide(replace(observed, binding=binding), POLICY, NOW)
    assert isinstance(decision, Mint)
    assert decision.newer_than == newer_than
    other = decide(replace(OTHER_INPUTS, binding=binding), POLICY, NOW)
    assert other == Mint(REQUEST, None, MintReason.INPUTS_CHANGED)


@pytest.mark.parametrize(
    ("observed", "reason", "resync", "words"),
    [
        pytest.param(
            replace(OBSERVED, binding=replace(BINDING, deleting=True)), "Deleting", 0, "", id="goes"
        ),
        pytest.param(
            replace(NO_SECRET, secret_taken=True),
            "SecretNameTaken",
            300,
            'Secret "acr-pull-app" already exists and does not belong to this binding. Delete it, '
            "or rename the binding. If its ownerReferences name this binding, restore its label: "
            "kubectl label secret -n team-a acr-pull-app --overwrite controller-uid=uid-app",
            id="secret-name-taken",
        ),
        pytest.param(
            LEFT,
            "Pending",
            5,
            'take over Secret "acr-pull-app" of an earlier binding',
            id="secret-left",
        ),
        pytest.param(
            replace(NO_SECRET, namespace=None),
            "Pending",
            5,
            'Namespace "team-a"',
            id="no-namespace",
        ),
        pytest.param(replace(CHANGED, namespace=None), "Pending", 5, "team-a", id="tampered-waits"),
        pytest.param(
            replace(NO_SECRET, namespace=replace(NAMESPACE, terminating=True), accounts=UNGUARDED),
            "NamespaceTerminating",
            300,
            'Namespace "team-a"',
            id="namespace-goes",
        ),
        pytest.param(
            replace(NO_SECRET, accounts=UNGUARDED),
            "Pending",
            1,
            'ServiceAccount "default"',
            id="unguarded",
        ),
    ],
)
def test_hold(observed: Observed, reason: str, resync: int, words: str) -> None:
    """A hold has a message with the cause and the remedy, and the time until the next call."""
    decision = decide(observed, POLICY, NOW)
    assert isinstance(decision, Hold)
    assert (decision.reason, decision.resync_after_seconds) == (reason, resync)
    assert words in decision.message


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        pytest.param(("Pending", NOW - 119 * SECOND), "Pending", id="waits"),
        pytest.param(("Pending", NOW - 120 * SECOND), "SecretNameTaken", id="too-long"),
        pytest.param(("SecretNameTaken", NOW - HOUR), "SecretNameTaken", id="still"),
        pytest.param(("Pending", NOW + HOUR), "Pending", id="since-in-future"),
        pytest.param(("Pending", None), "Pending", id="since-unknown"),
        pytest.param(("RegistryError", NOW - HOUR), "Pending", id="restored-just-now"),
    ],
)
def test_takeover_that_does_not_come(condition: tuple[str, datetime | None], reason: str) -> None:
    """Without the controller acrpull-takeover, the wait ends with a reason and a remedy."""
    before, since = condition
    status = Status((Condition("TokenFresh", "False", before, "", 2, since),))
    decision = decide(replace(LEFT, binding=replace(BINDING, status=status)), POLICY, NOW)
    assert isinstance(decision, Hold)
    assert decision.reason == reason
    assert ("Install the DecoratorController" in decision.message) == (reason != "Pending")


@pytest.mark.parametrize(
    ("observed", "reason"),
    [
        pytest.param(
            replace(asking("wrong"), binding=replace(BINDING, spec="wrong", deleting=True)),
            Reason.DELETING,
            id="deleting-first",
        ),
        pytest.param(replace(asking("wrong"), secret_taken=True), Reason.INVALID_SPEC, id="spec"),
        pytest.param(
            replace(asking(Spec("x.evil.io", IDENTITY, None)), namespace=None),
            Reason.PENDING,
            id="namespace-before-denial",
        ),
        pytest.param(
            replace(NO_SECRET, secret_taken=True, accounts=UNGUARDED),
            Reason.SECRET_NAME_TAKEN,
            id="what-does-not-pass-by-itself",
        ),
    ],
)
def test_first_reason(observed: Observed, reason: Reason) -> None:
    """Of several reasons, a hold has the reason that the user must deal with first."""
    decision = decide(observed, POLICY, NOW)
    assert isinstance(decision, Hold)
    assert decision.reason is reason
