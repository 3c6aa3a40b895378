"""What azure-identity remembers of IMDS, and acrpull says of it."""

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
        # MSAL sends nothing for as long as it was asked to wait.
        (imds_throttled(600), Reason.THROTTLED, 1),
        (Fault(reset=True), Reason.IDENTITY_UNAVAILABLE, 2),
    ],
    ids=["asked-to-wait", "no-response"],
)
def test_remembered(
    monkeypatch: pytest.MonkeyPatch, emulator: Emulator, first: Fault, again: Reason, sent: int
) -> None:
    """A refusal from memory is no lack of a response, and the other way round."""
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", emulator.imds_url)
    emulator.faults.add("imds", first)
    identities = ManagedIdentities()
    credential = identities.credential(Identity(CLIENT_ID))
    outcomes = [identities.ask(credential, REQUEST, time.monotonic() + 5) for _ in range(2)]
    reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, MintFailed)]
    assert reasons == [again, again]
    assert emulator.count("imds") == sent
