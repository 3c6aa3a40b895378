"""The status in sum: its conditions, names and times."""

from dataclasses import replace

import pytest

from hooks.core.decision import Hold
from hooks.core.model import Status
from hooks.core.reason import Reason
from hooks.core.token import MintFailed
from hooks.core.verdict import (
    new_status,
)
from tests.core.builders import (
    BINDING,
    FAILED,
    NOW,
    OBSERVED,
    SECRET_NAME,
    TOKEN,
)

INVALID = Hold(Reason.INVALID_SPEC, "spec is wrong", 300)


@pytest.mark.parametrize(
    ("problem", "usable", "statuses"),
    [
        pytest.param(None, True, ["True", "True", "True", "True"], id="all-well"),
        pytest.param(FAILED, True, ["True", "True", "True", "False"], id="failing"),
        pytest.param(FAILED, False, ["False", "False", "True", "False"], id="failed"),
        pytest.param(INVALID, True, ["False", "False", "True", "Unknown"], id="invalid"),
    ],
)
def test_new_status(
    problem: MintFailed | Hold | None, statuses: list[str], *, usable: bool
) -> None:
    """The status has the four conditions, the names, and the token's times."""
    status = new_status(OBSERVED, problem, TOKEN, NOW, usable=usable)
    kinds = [condition.type for condition in status.conditions]
    assert kinds == ["Ready", "TokenFresh", "Attached", "RenewalHealthy"]
    assert [condition.status for condition in status.conditions] == statuses
    assert {condition.observed_generation for condition in status.conditions} == {2}
    assert status.secret_name == SECRET_NAME
    assert status.service_account_name == "default"
    assert status.token_issue_time == "2026-11-23T11:00:00Z"
    assert status.token_expiration_time == "2026-11-23T14:00:00Z"


def test_status_without_secret() -> None:
    """A Secret that is somebody else's is not named: the status names the binding's."""
    taken = replace(OBSERVED, secret=None, secret_taken=True)
    assert new_status(taken, FAILED, None, NOW, usable=False).secret_name is None


def test_status_without_token() -> None:
    """Without a token the status tells no times."""
    status = new_status(OBSERVED, FAILED, None, NOW, usable=False)
    assert (status.token_issue_time, status.token_expiration_time) == (None, None)


def test_status_is_stable() -> None:
    """The same finding a minute later is the same status, transition times included."""
    first = new_status(OBSERVED, FAILED, TOKEN, NOW, usable=True)
    later = replace(OBSERVED, binding=replace(BINDING, status=Status(first.conditions)))
    assert new_status(later, FAILED, TOKEN, NOW.replace(minute=1), usable=True) == first
