"""A denied binding: how long its Secret stays, and how the status reports the denial."""

from dataclasses import replace

import pytest

from hooks.core.model.binding import Spec
from hooks.core.observed import Observed
from hooks.core.policy.decision_settings import Policy
from hooks.core.sync import Answer
from tests.core.builders import (
    BINDING,
    HOUR,
    IDENTITY,
    NAMESPACE,
    NOW,
    OBSERVED,
    POLICY,
    SECOND,
    SECRET_NAME,
    decide,
    sync,
)

SUFFIXES = replace(POLICY, acr_server_suffixes=("azurecr.cn",))
REQUIRED = replace(POLICY, namespace_required=True)
NO_SERVERS = replace(OBSERVED, namespace=replace(NAMESPACE, servers=()))
NO_IDENTITIES = replace(OBSERVED, namespace=replace(NAMESPACE, identities=()))


def answer(policy: Policy, observed: Observed = OBSERVED, hours: int = 0) -> Answer:
    """Return the answer under *policy* after *hours*; the token works for two hours."""
    now = NOW + hours * HOUR
    return sync(observed, decide(observed, policy, now), None, policy, now)


def states(result: Answer) -> dict[str, str]:
    """Return status and reason of each condition by its type."""
    return {c.type: f"{c.status}/{c.reason}" for c in result.status.conditions}


def lists(result: Answer) -> bool:
    """Return whether *result* lists the Secret on the ServiceAccount."""
    (account,) = result.accounts
    return SECRET_NAME in account.pull_secrets


@pytest.mark.parametrize("policy", [SUFFIXES, REQUIRED], ids=["suffixes", "required"])
def test_by_setting(policy: Policy) -> None:
    """A setting that denies a binding stops the renewal, and the Secret stays."""
    result = answer(policy)
    assert (result.secret, lists(result), result.resync_after_seconds) == (
        OBSERVED.secret,
        True,
        300,
    )
    assert states(result) == {
        "Ready": "False/ServerNotAllowed",
        "TokenFresh": "True/RefreshFailing",
        "Attached": "True/Attached",
        "RenewalHealthy": "False/ServerNotAllowed",
        "Stalled": "True/ServerNotAllowed",
    }
    ready, fresh = result.status.condition("Ready"), result.status.condition("TokenFresh")
    assert ready is not None
    assert fresh is not None
    sentence, remedy = ready.message.split(". ", 1)
    assert fresh.message == f"{sentence}. The token works until 2026-11-23T14:00:00Z."
    assert remedy.startswith("Fix ")
    assert result.status.secret_name == SECRET_NAME


def test_by_setting_after_a_change_of_the_registry() -> None:
    """The Secret stays, and its token is not reported as a token for the new registry."""
    moved = replace(BINDING, spec=Spec("x.evil.io", IDENTITY, None))
    result = answer(POLICY, replace(OBSERVED, binding=moved))
    assert (result.secret, lists(result)) == (OBSERVED.secret, True)
    assert states(result)["TokenFresh"] == "False/ServerNotAllowed"


def test_by_setting_until_it_expires() -> None:
    """Secret and entry are removed when the token expires, and a call is due at that time."""
    before = OBSERVED.secret
    assert before is not None
    assert before.token is not None
    now = before.token.expires_at - 7 * SECOND
    last = sync(OBSERVED, decide(OBSERVED, SUFFIXES, now), None, SUFFIXES, now)
    assert (last.secret, lists(last), last.resync_after_seconds) == (before, True, 7)
    expired = answer(SUFFIXES, hours=2)
    assert (expired.secret, lists(expired), expired.resync_after_seconds) == (None, False, 300)
    assert states(expired)["TokenFresh"] == "False/ServerNotAllowed"
    assert states(expired)["RenewalHealthy"] == "Unknown/ServerNotAllowed"


@pytest.mark.parametrize(
    ("policy", "observed", "reason"),
    [
        (POLICY, NO_SERVERS, "ServerNotAllowed"),
        (SUFFIXES, NO_IDENTITIES, "IdentityNotAllowed"),
    ],
    ids=["annotation", "both"],
)
def test_by_annotation(policy: Policy, observed: Observed, reason: str) -> None:
    """An annotation that denies a binding removes Secret and entry at once."""
    result = answer(policy, observed)
    assert (result.secret, lists(result), result.resync_after_seconds) == (None, False, 300)
    assert states(result) == {
        "Ready": f"False/{reason}",
        "TokenFresh": f"False/{reason}",
        "Attached": "True/Attached",
        "RenewalHealthy": f"Unknown/{reason}",
        "Stalled": f"True/{reason}",
    }


def test_allowed_again() -> None:
    """A binding that is allowed again keeps its Secret."""
    denied = answer(SUFFIXES)
    binding = replace(BINDING, status=denied.status)
    allowed = answer(POLICY, replace(OBSERVED, binding=binding))
    assert allowed.secret == OBSERVED.secret
    assert states(allowed) == {
        "Ready": "True/Ready",
        "TokenFresh": "True/TokenValid",
        "Attached": "True/Attached",
        "RenewalHealthy": "True/OnSchedule",
    }
