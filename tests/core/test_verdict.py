"""The conditions: what each says, and why."""

from dataclasses import replace

import pytest

from hooks.core.decision import Hold, Reject
from hooks.core.model import Condition
from hooks.core.observed import Observed
from hooks.core.reason import Reason
from hooks.core.verdict import (
    Finding,
    Problem,
    attached,
    ready,
    renewal_healthy,
    token_fresh,
)
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    FAILED,
    FOREIGN,
    HOLDER,
    OBSERVED,
    SECRET_NAME,
    UNTOUCHED,
)

PENDING = Hold(Reason.PENDING, "waiting", 1)
ENDING = Hold(Reason.NAMESPACE_TERMINATING, "going", 300)
DELETING = Hold(Reason.DELETING, "going", 0)
INVALID = Hold(Reason.INVALID_SPEC, "spec is wrong", 300)
TAKEN = Hold(Reason.SECRET_NAME_TAKEN, "it is taken", 300)
DENIED = Reject(Reason.SERVER_NOT_ALLOWED, "no", 300)
FRESH = Finding("True", "TokenValid")
LISTED = Finding("True", "Attached")


@pytest.mark.parametrize(
    ("problem", "usable", "finding"),
    [
        pytest.param(None, True, FRESH, id="no-problem"),
        pytest.param(
            FAILED,
            True,
            Finding("True", "RefreshFailing", "the registry is down"),
            id="failing-while-it-works",
        ),
        pytest.param(
            FAILED, False, Finding("False", "RegistryError", "the registry is down"), id="failed"
        ),
        pytest.param(PENDING, True, FRESH, id="pending-while-it-works"),
        pytest.param(ENDING, True, FRESH, id="namespace-goes-while-it-works"),
        pytest.param(DELETING, True, FRESH, id="deleting-while-it-works"),
        pytest.param(PENDING, False, Finding("False", "Pending", "waiting"), id="pending"),
        pytest.param(
            INVALID, True, Finding("False", "InvalidSpec", "spec is wrong"), id="invalid-spec"
        ),
        pytest.param(
            TAKEN, False, Finding("False", "SecretNameTaken", "it is taken"), id="name-taken"
        ),
        pytest.param(DENIED, True, Finding("False", "ServerNotAllowed", "no"), id="denied"),
    ],
)
def test_token_fresh(problem: Problem | None, finding: Finding, *, usable: bool) -> None:
    """The token is fresh while it works and is what the spec asks for, though renewal may fail."""
    assert token_fresh(problem, usable=usable) == finding


BEFORE = Condition("RenewalHealthy", "False", "Throttled", "too many", 1, "2026-11-23T11:00:00Z")
AS_BEFORE = Finding("False", "Throttled", "too many")


@pytest.mark.parametrize(
    ("problem", "previous", "finding"),
    [
        pytest.param(None, BEFORE, Finding("True", "OnSchedule"), id="on-schedule"),
        pytest.param(
            FAILED, None, Finding("False", "RegistryError", "the registry is down"), id="failed"
        ),
        pytest.param(PENDING, BEFORE, AS_BEFORE, id="pending-changes-nothing"),
        pytest.param(ENDING, BEFORE, AS_BEFORE, id="namespace-goes-changes-nothing"),
        pytest.param(DELETING, BEFORE, AS_BEFORE, id="deleting-changes-nothing"),
        pytest.param(PENDING, None, Finding("Unknown", "Pending", "waiting"), id="pending-first"),
        pytest.param(
            INVALID, BEFORE, Finding("Unknown", "InvalidSpec", "spec is wrong"), id="invalid-spec"
        ),
        pytest.param(DENIED, BEFORE, Finding("Unknown", "ServerNotAllowed", "no"), id="denied"),
    ],
)
def test_renewal_healthy(
    problem: Problem | None, previous: Condition | None, finding: Finding
) -> None:
    """Renewal is on schedule or failing; what merely passes leaves it as it was."""
    assert renewal_healthy(problem, previous) == finding


GOING = replace(OBSERVED, binding=replace(BINDING, deleting=True))
LET_GO = replace(ACCOUNT, pull_secrets=("zeta",))
OWNED = replace(UNTOUCHED, owners=(FOREIGN,))
NOWHERE = replace(OBSERVED, binding=replace(BINDING, service_account_name=None))


@pytest.mark.parametrize(
    ("observed", "problem", "finding"),
    [
        pytest.param(OBSERVED, DENIED, Finding("False", "ServerNotAllowed", "no"), id="denied"),
        pytest.param(
            replace(OBSERVED, accounts=(), related=()),
            DENIED,
            Finding("False", "ServerNotAllowed", "no"),
            id="denied-and-missing",
        ),
        pytest.param(
            NOWHERE, INVALID, Finding("False", "InvalidSpec", "spec is wrong"), id="names-none"
        ),
        pytest.param(
            replace(NOWHERE, accounts=(), related=None),
            INVALID,
            Finding("False", "InvalidSpec", "spec is wrong"),
            id="names-none-by-hand",
        ),
        pytest.param(OBSERVED, INVALID, LISTED, id="invalid-and-listed"),
        pytest.param(OBSERVED, FAILED, LISTED, id="failed-and-listed"),
        pytest.param(
            replace(GOING, related=()), DENIED, Finding("False", "Deleting"), id="goes-first"
        ),
    ],
)
def test_attached_despite(observed: Observed, problem: Problem, finding: Finding) -> None:
    """A binding that is denied, or names no ServiceAccount, is attached to none, and says why."""
    assert attached(observed, problem) == finding


@pytest.mark.parametrize(
    ("observed", "status", "reason", "words"),
    [
        pytest.param(OBSERVED, "True", "Attached", "", id="listed"),
        pytest.param(
            replace(OBSERVED, related=(replace(OWNED, pull_secrets=(SECRET_NAME,)),)),
            "True",
            "Attached",
            "",
            id="listed-by-its-owner",
        ),
        pytest.param(
            replace(OBSERVED, related=(UNTOUCHED,)), "False", "Attaching", "default", id="not-yet"
        ),
        pytest.param(
            replace(OBSERVED, related=(OWNED,)),
            "False",
            "ServiceAccountOwned",
            f"list Secret {SECRET_NAME}",
            id="owned",
        ),
        pytest.param(
            replace(OBSERVED, accounts=(), related=()),
            "False",
            "ServiceAccountNotFound",
            "ServiceAccount default does not exist",
            id="missing",
        ),
        pytest.param(
            replace(OBSERVED, accounts=(), related=None), "False", "Attaching", "no", id="by-hand"
        ),
        pytest.param(GOING, "False", "Deleting", "let go of ServiceAccount default", id="goes"),
        pytest.param(replace(GOING, related=(LET_GO,)), "False", "Deleting", "", id="gone"),
    ],
)
def test_attached(observed: Observed, status: str, reason: str, words: str) -> None:
    """The binding is attached once its ServiceAccount is observed to list the Secret."""
    finding = attached(observed, None)
    assert (finding.status, finding.reason) == (status, reason)
    assert words in finding.message
    assert bool(words) is bool(finding.message)


def test_held_by_another() -> None:
    """A holder that is gone is named, for nobody but a person can take its reference off."""
    dead = replace(HOLDER, name="jobs", uid="uid-dead")
    account = replace(LET_GO, owners=(dead,), uid_label=BINDING.uid)
    found = attached(replace(OBSERVED, accounts=(), related=(account,)), None)
    assert (found.status, found.reason) == ("False", "Attaching")
    assert "ACRPullBinding jobs (uid uid-dead)" in found.message
    assert "take the ServiceAccount's ownerReferences off" in found.message


FAILING = Finding("True", "RefreshFailing", "down")
STALE = Finding("False", "Timeout", "late")
UNLISTED = Finding("False", "Attaching", "waiting")


@pytest.mark.parametrize(
    ("token", "account", "finding"),
    [
        pytest.param(FRESH, LISTED, Finding("True", "Ready"), id="both"),
        pytest.param(STALE, LISTED, STALE, id="no-token"),
        pytest.param(FRESH, UNLISTED, UNLISTED, id="not-attached"),
        pytest.param(STALE, UNLISTED, STALE, id="neither"),
        pytest.param(FAILING, LISTED, FAILING, id="refresh-failing"),
        pytest.param(FAILING, UNLISTED, UNLISTED, id="failing-not-attached"),
    ],
)
def test_ready(token: Finding, account: Finding, finding: Finding) -> None:
    """A binding is ready when its token is fresh and attached; else the first reason why not."""
    assert ready(token, account) == finding
