"""The texts of values, and the secrets missing from these texts."""

from dataclasses import replace

import pytest

from hooks.core.model.binding import Condition, Status
from hooks.core.model.identity import Identity
from tests.core.builders import CLIENT_ID, NEW_TOKEN, SECRET

READY = Condition("Ready", "True", "Ready", "well", 1)
FRESH = Condition("TokenFresh", "False", "Timeout", "", 1)
TAKEN = Condition("RenewalHealthy", "Unknown", "SecretNameTaken", "", 1)


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        pytest.param(Identity(client_id=CLIENT_ID), CLIENT_ID, id="client-id"),
        pytest.param(Identity(resource_id="/subscriptions/x"), "/subscriptions/x", id="resource"),
        pytest.param(Identity(), "", id="nameless"),
    ],
)
def test_identity_text(identity: Identity, text: str) -> None:
    """The text of an identity is the ID in the spec."""
    assert str(identity) == text


@pytest.mark.parametrize("value", [NEW_TOKEN, SECRET], ids=["token", "secret"])
def test_repr_has_no_token(value: object) -> None:
    """No repr contains a token: neither the repr of the token nor of its Secret."""
    assert "eyJ" not in repr(value)


@pytest.mark.parametrize(
    ("kind", "found"), [("Ready", READY), ("TokenFresh", FRESH), ("Attached", None)]
)
def test_status_condition(kind: str, found: Condition | None) -> None:
    """A status returns the condition of a type, or None."""
    assert Status(conditions=(READY, FRESH)).condition(kind) == found


@pytest.mark.parametrize(
    ("conditions", "trouble"),
    [
        pytest.param((), None, id="unknown"),
        pytest.param((READY, TAKEN), None, id="ready"),
        pytest.param((replace(READY, reason="RefreshFailing"),), "well", id="ready-but-failing"),
        pytest.param((replace(READY, status="False", reason="Pending"),), "well", id="not-ready"),
    ],
)
def test_trouble(conditions: tuple[Condition, ...], trouble: str | None) -> None:
    """The trouble is the message of Ready, unless Ready has the reason Ready."""
    assert Status(conditions).trouble == trouble
