"""The condition Attached, which describes the observed ServiceAccount."""

from dataclasses import replace

import pytest

from hooks.core.contest import Contest
from hooks.core.model.binding import Condition, Status
from hooks.core.model.cluster import ServiceAccount
from hooks.core.model.reason import Reason
from hooks.core.observed import Observed
from hooks.core.policy.permission import Reject
from hooks.core.renewal.resolve import Hold
from hooks.core.rfc3339 import parse_time
from hooks.core.status.attached import attached
from hooks.core.status.condition_state import ConditionState, Problem
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    FAILED,
    FOREIGN,
    GOING,
    HOLDER,
    NAMESPACE,
    NOW,
    OBSERVED,
    POLICY,
    SECOND,
    SECRET_NAME,
    UNTOUCHED,
    decide,
    sync,
)

INVALID = Hold(Reason.INVALID_SPEC, "It is wrong. Fix it.", 300)
DENIED = Reject(Reason.SERVER_NOT_ALLOWED, "It is not allowed. Ask.")
LISTED = ConditionState("True", "Attached", 'ServiceAccount "default" lists Secret "acr-pull-app".')
NOT_FOUND = ConditionState(
    "False",
    "ServiceAccountNotFound",
    'ServiceAccount "default" not found.',
    "Create it, or fix spec.serviceAccountName.",
)
WAITING = ConditionState(
    "False",
    "Attaching",
    'Waiting for Secret "acr-pull-app" to be added to ServiceAccount "default".',
)
NOWHERE = replace(OBSERVED, binding=replace(BINDING, targets=None))
MISSING = replace(OBSERVED, accounts=(), related=())
UNLISTED = replace(ACCOUNT, pull_secrets=("zeta",))
OWNED = replace(UNTOUCHED, owners=(FOREIGN,))
DEAD = replace(HOLDER, name="jobs", uid="uid-dead")
CONTEST = Contest(3, NOW, add=True, resync_after_seconds=60, named=True)


def related(*accounts: ServiceAccount) -> Observed:
    """Return the observation with *accounts* in the Namespace."""
    return replace(OBSERVED, related=accounts)


def under_policy(account: ServiceAccount, *missing: str) -> Observed:
    """Return the observation in the mode `admission`, without the objects *missing*."""
    return replace(OBSERVED, accounts=(), related=(account,), missing_policies=missing)


def no_policy(end: str) -> ConditionState:
    """Return the state without a policy; *end* ends the message."""
    return ConditionState(
        "False",
        "PolicyMissing",
        f'ServiceAccount "default" does not list Secret "acr-pull-app": there is no {end}',
        "Install the component metacontroller/admission, or set ATTACHMENT=adoption.",
    )


@pytest.mark.parametrize(
    ("observed", "problem", "finding"),
    [
        pytest.param(OBSERVED, None, LISTED, id="listed"),
        pytest.param(OBSERVED, FAILED, LISTED, id="listed-though-failed"),
        pytest.param(OBSERVED, INVALID, LISTED, id="listed-though-invalid"),
        pytest.param(OBSERVED, DENIED, LISTED, id="listed-though-denied"),
        pytest.param(
            related(replace(OWNED, pull_secrets=(SECRET_NAME,))),
            None,
            LISTED,
            id="listed-by-another-controller",
        ),
        pytest.param(
            related(UNLISTED),
            DENIED,
            ConditionState(
                "False",
                "ServerNotAllowed",
                'ServiceAccount "default" does not list Secret "acr-pull-app".',
            ),
            id="denied",
        ),
        pytest.param(related(UNTOUCHED), None, WAITING, id="not-yet"),
        pytest.param(
            related(replace(UNTOUCHED, owners=(replace(FOREIGN, controller=False),))),
            None,
            WAITING,
            id="not-yet-beside-another-owner",
        ),
        pytest.param(
            related(OWNED),
            None,
            ConditionState(
                "False",
                "ServiceAccountOwned",
                'ServiceAccount "default" is managed by Deployment "web", so acrpull does not '
                "change it.",
                'Add "acr-pull-app" to imagePullSecrets in the configuration of that controller.',
            ),
            id="another-controller",
        ),
        pytest.param(
            related(replace(UNLISTED, owners=(DEAD,), uid_label="uid-app")),
            None,
            ConditionState(
                "False",
                "Attaching",
                'ServiceAccount "default" is still owned by ACRPullBinding "jobs" (uid uid-dead).',
                "If that object no longer exists, remove it from the ownerReferences of the "
                "ServiceAccount.",
            ),
            id="owned-by-a-dead-binding",
        ),
        pytest.param(
            related(replace(UNLISTED, owners=(DEAD,), uid_label="uid-dead")),
            None,
            WAITING,
            id="owned-by-a-living-binding",
        ),
        pytest.param(under_policy(UNLISTED), None, WAITING, id="not-yet-by-the-policy"),
        pytest.param(under_policy(OWNED), None, WAITING, id="policy-and-another-controller"),
        pytest.param(
            under_policy(OWNED, "MutatingAdmissionPolicyBinding"),
            None,
            no_policy('MutatingAdmissionPolicyBinding "acrpull-serviceaccounts".'),
            id="no-policy-binding",
        ),
        pytest.param(
            under_policy(UNLISTED, "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"),
            FAILED,
            no_policy(
                "MutatingAdmissionPolicy and no MutatingAdmissionPolicyBinding "
                '"acrpull-serviceaccounts".'
            ),
            id="no-policy",
        ),
        pytest.param(
            under_policy(ACCOUNT, "MutatingAdmissionPolicy"), None, LISTED, id="listed-before"
        ),
        pytest.param(MISSING, None, NOT_FOUND, id="not-found"),
        pytest.param(MISSING, DENIED, NOT_FOUND, id="denied-and-not-found"),
        pytest.param(
            replace(MISSING, related=None),
            None,
            ConditionState(
                "False",
                "Attaching",
                "Waiting for Metacontroller to report the ServiceAccount.",
            ),
            id="by-hand",
        ),
        pytest.param(
            NOWHERE,
            INVALID,
            ConditionState("False", "InvalidSpec", "The spec names no ServiceAccount."),
            id="no-name",
        ),
    ],
)
def test_attached(observed: Observed, problem: Problem | None, finding: ConditionState) -> None:
    """A binding is attached if its ServiceAccount lists its Secret, even with a problem."""
    assert attached(observed, problem, None, NOW) == finding


@pytest.mark.parametrize("account", [ACCOUNT, UNLISTED], ids=["listed", "not-listed"])
@pytest.mark.parametrize("problem", [None, FAILED, DENIED], ids=["none", "failed", "denied"])
def test_contest(account: ServiceAccount, problem: Problem | None) -> None:
    """During a contest the entry counts as removed, even while the ServiceAccount lists it."""
    found = attached(related(account), problem, CONTEST, NOW)
    assert (found.status, found.reason) == ("False", "EntryRemoved")


def waits(seconds: int, reason: str = "Attaching", created: str = "") -> Observed:
    """Return the observation of a binding with an entry missing for *seconds*."""
    since = NOW - seconds * SECOND
    condition = Condition("Attached", "False", reason, "", 2, since)
    binding = replace(BINDING, status=Status((condition,)))
    account = replace(UNTOUCHED, created_at=parse_time(created))
    return replace(OBSERVED, binding=binding, accounts=(), related=(account,))


@pytest.mark.parametrize(
    ("observed", "left"),
    [
        pytest.param(waits(0), 120, id="first"),
        pytest.param(waits(119), 1, id="soon"),
        pytest.param(waits(120), 0, id="overdue"),
        pytest.param(waits(9000, "ServiceAccountNotWritten"), 0, id="long-overdue"),
        pytest.param(waits(9000, "ServiceAccountNotFound"), 120, id="was-not-found"),
        pytest.param(waits(9000, created="2026-11-23T11:59:50Z"), 110, id="made-just-now"),
        pytest.param(waits(-9000), 120, id="clocks-differ"),
        pytest.param(waits(5, created="9999-12-31T23:59:59Z"), 120, id="made-in-future"),
    ],
)
def test_refused_write(observed: Observed, left: int) -> None:
    """An entry missing for two minutes counts as refused; the message refers to the events."""
    found = attached(observed, None, None, NOW)
    assert (found.reason == "ServiceAccountNotWritten") == (left == 0)
    if left == 0:
        assert (found.message, found.remedy) == (
            'Secret "acr-pull-app" could not be added to ServiceAccount "default".',
            "See the events of the binding and of the ServiceAccount for the reason.",
        )
    result = sync(observed, decide(observed, POLICY, NOW), None, POLICY, NOW)
    assert result.resync_after_seconds == (left or 5400)


def test_owner_stays() -> None:
    """After two minutes, an entry that waits for another owner to leave counts as refused."""
    held = replace(UNLISTED, owners=(DEAD,), uid_label="uid-app")
    for seconds, reason in ((119, "Attaching"), (120, "ServiceAccountNotWritten")):
        found = attached(replace(waits(seconds), related=(held,)), None, None, NOW)
        assert (found.reason, "is still owned by" in found.message) == (reason, True)


FOREGROUND = replace(GOING.binding, other_finalizers=frozenset({"foregroundDeletion"}))
UNGUARDED = replace(UNLISTED, owners=(HOLDER,))
RECREATE = 'Afterwards, recreate running Pods that name Secret "acr-pull-app".'


@pytest.mark.parametrize(
    ("observed", "message", "remedy"),
    [
        pytest.param(
            GOING, 'Waiting for ServiceAccount "default" to be released.', RECREATE, id="waits"
        ),
        pytest.param(
            replace(GOING, related=(ACCOUNT, replace(ACCOUNT, name="build"))),
            'Waiting for ServiceAccount "default", "build" to be released.',
            RECREATE,
            id="waits-for-two",
        ),
        pytest.param(
            replace(GOING, related=(UNLISTED,)),
            "The binding is being deleted.",
            RECREATE,
            id="released",
        ),
        pytest.param(
            replace(GOING, binding=FOREGROUND),
            "The binding is being deleted.",
            RECREATE,
            id="foreground",
        ),
        pytest.param(
            replace(GOING, related=(UNLISTED,), secret=None),
            "The binding is being deleted.",
            "",
            id="without-a-secret",
        ),
        pytest.param(
            replace(GOING, related=(UNLISTED,), namespace=replace(NAMESPACE, terminating=True)),
            "The binding is being deleted.",
            "",
            id="namespace-terminates",
        ),
        pytest.param(
            replace(GOING, binding=FOREGROUND, accounts=(UNGUARDED,)),
            'Deletion is blocked because it would also delete ServiceAccount "default".',
            "Remove this binding from the ownerReferences of the ServiceAccount to continue.",
            id="blocked",
        ),
    ],
)
def test_deleting(observed: Observed, message: str, remedy: str) -> None:
    """A deleted binding is not attached, and the message names the ServiceAccount to release."""
    finding = ConditionState("False", "Deleting", message, remedy)
    for problem in (None, DENIED, INVALID):
        assert attached(observed, problem, CONTEST, NOW) == finding
