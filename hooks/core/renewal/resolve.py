"""The token that a binding asks for, or why no token can be requested for the binding."""

from dataclasses import dataclass
from typing import Final

from hooks.core.contest import Contest
from hooks.core.exchange.federation import resolve_identity
from hooks.core.model.binding import Spec
from hooks.core.model.reason import Reason
from hooks.core.model.token import TokenRequest
from hooks.core.observed import Observed
from hooks.core.policy.decision_settings import Policy
from hooks.core.policy.permission import Reject, denial

SETTINGS_RESYNC_SECONDS: Final = 300  # Metacontroller sends no event when a setting changes


@dataclass(frozen=True, slots=True)
class Hold:
    """No token can be requested now. The observed Secret stays.

    Attributes:
        contest: The contest over the Secret, if acrpull waits for its next attempt.
    """

    reason: Reason
    message: str
    resync_after_seconds: int
    contest: Contest | None = None


Wanted = TokenRequest | Hold | Reject


def resolve(observed: Observed, policy: Policy) -> Wanted:
    """Return the token request of the spec with defaults filled in, or why there is none."""
    spec = observed.binding.spec
    if not isinstance(spec, Spec):
        return Hold(Reason.INVALID_SPEC, spec, SETTINGS_RESYNC_SECONDS)
    server, identity = spec.server or policy.server, spec.identity or policy.identity
    if server is None:
        text = (
            "spec.acrServer is missing and the service has no default. Set it, for example "
            "myregistry.azurecr.io."
        )
        return Hold(Reason.INVALID_SPEC, text, SETTINGS_RESYNC_SECONDS)
    denied = denial(server, identity, policy, observed.namespace)
    if denied is not None:
        return denied
    if identity is None:
        text = (
            "spec names no managed identity and the service has no default. Set it, for example "
            "managedIdentityClientID: 11111111-2222-3333-4444-555555555555."
        )
        return Hold(Reason.INVALID_SPEC, text, SETTINGS_RESYNC_SECONDS)
    resolved = resolve_identity(identity, observed, policy)
    if isinstance(resolved, tuple):
        return Hold(*resolved, SETTINGS_RESYNC_SECONDS)
    return TokenRequest(resolved, server, spec.scope, policy.audience)
