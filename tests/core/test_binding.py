"""What `/sync` answers: the Secret, and every ServiceAccount."""

from dataclasses import replace

import pytest

from hooks.core.model.binding import Spec
from hooks.core.model.cluster import PullSecret, ServiceAccount
from hooks.core.model.identity import Identity, WorkloadIdentity
from hooks.core.model.reason import Reason
from hooks.core.model.targets import one_target
from hooks.core.model.token import AcrToken, MintFailed
from hooks.core.observed import Observed
from hooks.core.policy.permission import Reject
from hooks.core.renewal.decision import Decision, Keep, Mint, inputs_hash
from hooks.core.renewal.resolve import Hold
from hooks.core.sync import Answer
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    DELETED,
    DENIED,
    EXPIRED,
    FAILED,
    GOING,
    GUARD,
    HOLDER,
    IDENTITY,
    INVALID,
    LEFT,
    NAMESPACE,
    NEW_TOKEN,
    NO_SECRET,
    NOW,
    OBSERVED,
    POLICY,
    REQUEST,
    SECRET,
    SECRET_NAME,
    TAKEN,
    TARGETS,
    UNTOUCHED,
    asking,
    decide,
    sync,
)

STALE = replace(OBSERVED, secret=replace(SECRET, token=EXPIRED))
TAMPERED = replace(OBSERVED, secret=replace(SECRET, token=None, unmodified=False))
UNGUARDED = replace(OBSERVED, accounts=(replace(ACCOUNT, owners=(HOLDER,)),))
NAMESAKE = replace(BINDING, name="team-a", secret_name="acr-pull-team-a")
UNKNOWN_STRATEGY = replace(
    NO_SECRET,
    binding=NAMESAKE,
    accounts=(replace(ACCOUNT, owners=()),),
    dynamic_apply=None,
)
SHOWING = PullSecret("acr-pull-team-a", targets=TARGETS)
Outcome = AcrToken | MintFailed | None

MOVED = replace(OBSERVED, binding=replace(BINDING, targets=one_target("build")))
OTHER_IDENTITY = asking(Spec("myregistry.azurecr.io", Identity(client_id="x"), None))


FORBIDDEN = replace(OBSERVED, namespace=replace(NAMESPACE, servers=()))


def answer(observed: Observed, outcome: Outcome = None) -> Answer:
    """Return the answer to *observed*, with *outcome* if a token is needed."""
    decision = decide(observed, POLICY, NOW)
    return sync(observed, decision, outcome if isinstance(decision, Mint) else None, POLICY, NOW)


EMPTY = PullSecret(SECRET_NAME, targets=TARGETS)
MINTED = replace(
    EMPTY, server="myregistry.azurecr.io", token=NEW_TOKEN, inputs=inputs_hash(REQUEST)
)
WORKLOAD = Spec(None, WorkloadIdentity(None, None, None), None)


@pytest.mark.parametrize(
    ("observed", "outcome", "secret"),
    [
        pytest.param(OBSERVED, None, SECRET, id="kept"),
        pytest.param(NO_SECRET, NEW_TOKEN, MINTED, id="minted"),
        pytest.param(STALE, NEW_TOKEN, MINTED, id="renewed"),
        pytest.param(TAMPERED, NEW_TOKEN, MINTED, id="repaired"),
        pytest.param(NO_SECRET, FAILED, EMPTY, id="failed-without-one"),
        pytest.param(asking(WORKLOAD, NO_SECRET), None, EMPTY, id="identity-on-hold"),
        pytest.param(asking("spec is wrong", NO_SECRET), None, None, id="invalid-without-one"),
        pytest.param(
            replace(NO_SECRET, namespace=None), None, None, id="namespace-unknown-without-one"
        ),
        pytest.param(STALE, FAILED, STALE.secret, id="failed-with-an-expired-one"),
        pytest.param(OTHER_IDENTITY, FAILED, SECRET, id="failed-with-the-old-inputs"),
        pytest.param(INVALID, None, SECRET, id="invalid-spec"),
        pytest.param(asking(Spec(None, IDENTITY, None)), None, SECRET, id="no-server"),
        pytest.param(DENIED, None, SECRET, id="denied-by-setting"),
        pytest.param(replace(DENIED, secret=STALE.secret), None, None, id="denied-and-expired"),
        pytest.param(replace(DENIED, secret=None), None, None, id="denied-without-one"),
        pytest.param(FORBIDDEN, None, None, id="denied-by-annotation"),
        pytest.param(TAKEN, None, None, id="name-taken"),
        pytest.param(LEFT, None, None, id="left"),
        pytest.param(replace(OBSERVED, namespace=None), None, SECRET, id="namespace-unknown"),
        pytest.param(replace(STALE, namespace=None), None, STALE.secret, id="expired-and-unknown"),
        pytest.param(UNGUARDED, None, SECRET, id="unguarded"),
        pytest.param(GOING, None, replace(SECRET, targets=DELETED.targets), id="deleting"),
        pytest.param(UNKNOWN_STRATEGY, None, SHOWING, id="shows-strategy"),
        pytest.param(
            replace(UNKNOWN_STRATEGY, accounts=()),
            FAILED,
            SHOWING,
            id="shows-strategy-though-failed",
        ),
        pytest.param(
            replace(UNKNOWN_STRATEGY, secret_taken=True), None, None, id="taken-shows-nothing"
        ),
        pytest.param(
            replace(UNKNOWN_STRATEGY, secret_left=True), None, None, id="left-shows-nothing"
        ),
        pytest.param(
            replace(UNKNOWN_STRATEGY, binding=replace(NAMESAKE, deleting=True)),
            None,
            None,
            id="deleting-makes-none",
        ),
        pytest.param(
            replace(UNKNOWN_STRATEGY, namespace=replace(NAMESPACE, terminating=True)),
            None,
            None,
            id="terminating-makes-none",
        ),
    ],
)
def test_secret(observed: Observed, outcome: Outcome, secret: PullSecret | None) -> None:
    """A new token makes a new Secret; otherwise the Secret stays unless the binding is denied."""
    assert answer(observed, outcome).secret == secret


BUILD = replace(UNTOUCHED, name="build", owners=(HOLDER, GUARD))


@pytest.mark.parametrize("outcome", [NEW_TOKEN, FAILED], ids=["minted", "failed"])
@pytest.mark.parametrize(
    "observed",
    [
        pytest.param(OBSERVED, id="at-rest"),
        pytest.param(NO_SECRET, id="no-secret"),
        pytest.param(STALE, id="expired"),
        pytest.param(TAMPERED, id="tampered"),
        pytest.param(INVALID, id="invalid"),
        pytest.param(DENIED, id="denied-by-setting"),
        pytest.param(FORBIDDEN, id="denied-by-annotation"),
        pytest.param(TAKEN, id="taken"),
        pytest.param(GOING, id="deleting"),
        pytest.param(MOVED, id="moved"),
        pytest.param(replace(NO_SECRET, namespace=None), id="no-namespace"),
        pytest.param(UNKNOWN_STRATEGY, id="strategy-unknown"),
    ],
)
@pytest.mark.parametrize("related", [(), (ACCOUNT,), None], ids=["none", "one", "by-hand"])
def test_every_account(
    observed: Observed, outcome: Outcome, related: tuple[ServiceAccount, ...] | None
) -> None:
    """Every observed ServiceAccount is in every answer."""
    cluster = replace(observed, accounts=(ACCOUNT, BUILD), related=related)
    assert [account.name for account in answer(cluster, outcome).accounts] == ["default", "build"]


@pytest.mark.parametrize(
    ("observed", "names"),
    [
        pytest.param(replace(NO_SECRET, accounts=(), related=None), ["default"], id="by-hand"),
        pytest.param(replace(NO_SECRET, accounts=(), related=()), [], id="none-exists"),
        pytest.param(replace(NO_SECRET, accounts=(), related=(UNTOUCHED,)), [], id="not-ours"),
        pytest.param(
            replace(
                NO_SECRET,
                binding=replace(BINDING, spec="wrong", targets=None),
                accounts=(),
                related=None,
            ),
            [],
            id="by-hand-nameless",
        ),
    ],
)
def test_account_by_hand(observed: Observed, names: list[str]) -> None:
    """Only the answer to a request without related objects has a ServiceAccount of its own."""
    accounts = answer(observed, NEW_TOKEN).accounts
    assert [account.name for account in accounts] == names
    assert all(account.pull_secrets == (SECRET_NAME,) for account in accounts)


@pytest.mark.parametrize(
    "decision", [Keep(), Hold(Reason.PENDING, "", 1), Reject(Reason.SERVER_NOT_ALLOWED, "")]
)
def test_sync_finalizes_nothing(decision: Decision) -> None:
    """No answer to `/sync` is final, because Metacontroller would remove the finalizer."""
    assert not sync(OBSERVED, decision, None, POLICY, NOW).finalized


@pytest.mark.parametrize(
    ("observed", "fresh", "renewal"),
    [
        pytest.param(
            OBSERVED,
            ("True", "The token expires at 2026-11-23T14:00:00Z."),
            ("True", "The next renewal is due at 2026-11-23T13:30:00Z."),
            id="kept",
        ),
        pytest.param(
            INVALID,
            ("False", "spec is wrong"),
            ("Unknown", "No token is requested."),
            id="invalid",
        ),
        pytest.param(
            replace(OBSERVED, namespace=replace(NAMESPACE, terminating=True)),
            ("True", "The token expires at 2026-11-23T14:00:00Z."),
            ("True", "The next renewal is due at 2026-11-23T13:30:00Z."),
            id="terminating",
        ),
    ],
)
def test_token_conditions(
    observed: Observed, fresh: tuple[str, str], renewal: tuple[str, str]
) -> None:
    """The conditions describe the observed token only if the spec asks for it."""
    status = answer(observed).status
    for kind, expected in (("TokenFresh", fresh), ("RenewalHealthy", renewal)):
        condition = status.condition(kind)
        assert condition is not None
        assert (condition.status, condition.message) == expected


def test_kept_again() -> None:
    """Called again with the second answer in place, the third answer is the same."""
    first = answer(NO_SECRET, NEW_TOKEN)
    written = replace(OBSERVED, binding=replace(BINDING, status=first.status), secret=first.secret)
    second = answer(written)
    assert answer(replace(written, binding=replace(BINDING, status=second.status))) == second
    assert second.secret == first.secret
