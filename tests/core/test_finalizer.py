"""The answer to `/finalize`: no ServiceAccount is lost, and the deletion completes."""

from dataclasses import replace

import pytest

from hooks.core.model.binding import Spec
from hooks.core.model.cluster import Namespace, ServiceAccount
from hooks.core.observed import Observed
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    EXPIRED,
    FOREIGN,
    GUARD,
    HOLDER,
    IDENTITY,
    NOW,
    OBSERVED,
    POLICY,
    SECRET,
    SECRET_NAME,
    TARGET,
    UNTOUCHED,
    finalize,
)

GOING = replace(OBSERVED, binding=replace(BINDING, deleting=True))
LET_GO = replace(ACCOUNT, pull_secrets=("zeta",))
UNGUARDED = replace(LET_GO, owners=(HOLDER,))
BY_HAND = replace(UNTOUCHED, pull_secrets=(SECRET_NAME,))
OTHERS = replace(ACCOUNT, owners=(replace(HOLDER, name="jobs", uid="uid-jobs"), GUARD))
FOREIGNS = replace(ACCOUNT, owners=(FOREIGN,), uid_label=None)


def showing(*accounts: ServiceAccount) -> Observed:
    """Return the observation of a deletion with *accounts*."""
    return replace(GOING, accounts=accounts, related=accounts)


@pytest.mark.parametrize(
    ("observed", "finalized"),
    [
        pytest.param(showing(ACCOUNT), False, id="listed"),
        pytest.param(showing(UNGUARDED), False, id="unguarded"),
        pytest.param(showing(LET_GO), True, id="let-go"),
        pytest.param(showing(LET_GO, replace(ACCOUNT, name="build")), False, id="one-of-two"),
        pytest.param(showing(), True, id="none"),
        pytest.param(showing(UNTOUCHED), True, id="never-attached"),
        pytest.param(showing(BY_HAND), True, id="listed-by-hand"),
        pytest.param(showing(OTHERS), True, id="another-binding-holds-it"),
        pytest.param(showing(FOREIGNS), True, id="foreign-owner-lists-it"),
        pytest.param(
            replace(showing(LET_GO), namespace=Namespace("uid-new")), False, id="guard-is-dead"
        ),
        pytest.param(replace(showing(LET_GO), namespace=None), True, id="namespace-unknown"),
        pytest.param(replace(GOING, accounts=(), related=(ACCOUNT,)), False, id="related-only"),
        pytest.param(replace(GOING, related=None), False, id="by-hand"),
        pytest.param(replace(GOING, related=None, accounts=()), True, id="by-hand-nothing"),
    ],
)
def test_finalized(observed: Observed, *, finalized: bool) -> None:
    """The deletion completes once its ServiceAccounts are protected and do not list the Secret."""
    answer = finalize(observed, POLICY, NOW)
    assert answer.finalized is finalized
    assert answer.resync_after_seconds == (0 if finalized else 1)
    assert (answer.secret is None) is finalized


@pytest.mark.parametrize(
    ("account", "finalized"),
    [
        (ACCOUNT, False),
        (replace(ACCOUNT, owners=(GUARD,)), False),
        (replace(ACCOUNT, owners=(GUARD,), uid_label=None), True),
    ],
    ids=["not-yet", "by-the-garbage-collector", "by-the-decorator-too"],
)
@pytest.mark.parametrize("finalizer", ["foregroundDeletion", "orphan"])
def test_children_are_let_go_by_others(
    finalizer: str, account: ServiceAccount, *, finalized: bool
) -> None:
    """If the garbage collector handles the children, the deletion waits for their release.

    Otherwise an adoption in flight would stay on a ServiceAccount forever.
    """
    binding = replace(GOING.binding, other_finalizers=frozenset({finalizer}))
    answer = finalize(replace(showing(account), binding=binding), POLICY, NOW)
    assert answer.finalized is finalized


@pytest.mark.parametrize("account", [ACCOUNT, UNGUARDED, LET_GO], ids=["listed", "bare", "let-go"])
def test_every_account(account: ServiceAccount) -> None:
    """Each answer has every observed ServiceAccount, protected and without the Secret."""
    (desired,) = finalize(showing(account), POLICY, NOW).accounts
    assert desired.name == "default"
    assert desired.owners == (HOLDER, GUARD)
    assert SECRET_NAME not in desired.pull_secrets


def test_others_secrets_stay() -> None:
    """The Secrets of the remaining bindings are still listed."""
    wanted = (SECRET_NAME, "acr-pull-jobs")
    account = replace(ACCOUNT, wanted=wanted, attached=wanted)
    (desired,) = finalize(showing(account), POLICY, NOW).accounts
    assert desired.pull_secrets == ("zeta", "alpha", "acr-pull-jobs")


@pytest.mark.parametrize(
    ("observed", "message"),
    [
        pytest.param(
            showing(ACCOUNT), 'Waiting for ServiceAccount "default" to be released.', id="waits"
        ),
        pytest.param(showing(LET_GO), "The binding is being deleted.", id="done"),
    ],
)
def test_status(observed: Observed, message: str) -> None:
    """The status reports the deletion, and the ServiceAccount to release."""
    status = finalize(observed, POLICY, NOW).status
    attached, ready = status.condition("Attached"), status.condition("Ready")
    assert attached is not None
    assert ready is not None
    assert (attached.status, attached.reason, attached.message) == ("False", "Deleting", message)
    assert (ready.status, ready.reason) == ("False", "Deleting")


def asking(spec: Spec | str) -> Observed:
    """Return a deletion of a binding with *spec*."""
    return replace(GOING, binding=replace(GOING.binding, spec=spec))


@pytest.mark.parametrize(
    ("observed", "status", "reason"),
    [
        pytest.param(GOING, "True", "TokenValid", id="usable"),
        pytest.param(showing(LET_GO), "True", "TokenValid", id="usable-and-final"),
        pytest.param(
            replace(GOING, secret=replace(SECRET, unmodified=False)),
            "True",
            "TokenValid",
            id="changed",
        ),
        pytest.param(
            replace(GOING, secret=replace(SECRET, token=EXPIRED)), "False", "Deleting", id="expired"
        ),
        pytest.param(
            replace(GOING, secret=replace(SECRET, inputs="x")), "False", "Deleting", id="old-inputs"
        ),
        pytest.param(
            replace(GOING, secret=replace(SECRET, server="b.io")), "False", "Deleting", id="server"
        ),
        pytest.param(replace(GOING, secret=None), "False", "Deleting", id="no-secret"),
        pytest.param(asking("spec is wrong"), "False", "Deleting", id="invalid"),
        pytest.param(asking(Spec("x.evil.io", IDENTITY, None)), "False", "Deleting", id="denied"),
    ],
)
def test_token_fresh(observed: Observed, status: str, reason: str) -> None:
    """While the binding is deleted, a token that works and fits the spec is fresh."""
    fresh = finalize(observed, POLICY, NOW).status.condition("TokenFresh")
    assert fresh is not None
    assert (fresh.status, fresh.reason) == (status, reason)


def test_labels() -> None:
    """The Secret of a deleted binding shows the deletion to each ServiceAccount of the binding."""
    answer = finalize(showing(ACCOUNT, replace(ACCOUNT, name="build")), POLICY, NOW)
    build = "serviceaccount.acrpull.dev/build"
    assert answer.secret == replace(SECRET, targets={TARGET: "deleted", build: "deleted"})


def test_no_secret() -> None:
    """A binding without a Secret also waits, and creates no Secret."""
    answer = finalize(replace(GOING, secret=None), POLICY, NOW)
    assert (answer.finalized, answer.secret) == (False, None)
