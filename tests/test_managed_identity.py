"""Failures of IMDS that azure-identity remembers, and how acrpull reports them."""

import time

import pytest

from hooks.core.model.identity import Identity
from hooks.core.model.reason import Reason
from hooks.core.model.token import MintFailed
from hooks.mint.managed_identity import ManagedIdentities
from tests.core.builders import CLIENT_ID, REQUEST
from tests.emulator import Emulator, Fault, imds_throttled


@pytest.mark.parametrize(
    ("first", "again", "sent"),
    [
        # MSAL sends nothing until the end of Retry-After.
        (imds_throttled(600), Reason.THROTTLED, 1),
        (Fault(reset=True), Reason.IDENTITY_UNAVAILABLE, 2),
    ],
    ids=["asked-to-wait", "no-response"],
)
def test_remembered(
    monkeypatch: pytest.MonkeyPatch, emulator: Emulator, first: Fault, again: Reason, sent: int
) -> None:
    """A remembered refusal and a missing response are reported with different reasons."""
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", emulator.imds_url)
    emulator.faults.add("imds", first)
    identities = ManagedIdentities()
    credential = identities.new_credential(Identity(CLIENT_ID))
    outcomes = [identities.entra_token(credential, REQUEST, time.monotonic() + 5) for _ in range(2)]
    reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, MintFailed)]
    assert reasons == [again, again]
    assert emulator.count("imds") == sent
