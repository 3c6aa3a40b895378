"""Whether the token of a binding is kept, or a new token is requested, and why."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from hooks.core.contest import Contest
from hooks.core.exchange.registry_protocol import missing_actions
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import PullSecret
from hooks.core.model.identity import Identity
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, TokenRequest
from hooks.core.observed import Observed
from hooks.core.policy.decision_settings import Policy
from hooks.core.policy.permission import Reject
from hooks.core.refresh import jitter_for, refresh_at
from hooks.core.renewal.resolve import SETTINGS_RESYNC_SECONDS, Hold, Wanted
from hooks.core.renewal.secret_contest import find_secret_contest, hold_back


class MintReason(StrEnum):
    """Why a new token is requested.

    `CHECKS` has one check for each reason. The first reason that applies is returned.
    """

    NO_SECRET = "NoSecret"  # the Secret does not exist
    NO_TOKEN = "NoToken"  # the Secret contains no token that acrpull can read
    ALTERED = "Altered"  # another client changed the Secret
    INPUTS_CHANGED = "InputsChanged"  # the token is for another registry, identity or scope
    EXPIRED = "Expired"  # the token has expired
    SCOPE_NOT_COVERED = "ScopeNotCovered"  # the token lacks an action of the requested scope
    DUE = "Due"  # the token works, and its renewal is due


@dataclass(frozen=True, slots=True)
class Keep:
    """The observed token works and is not due for renewal."""


@dataclass(frozen=True, slots=True)
class Mint:
    """A token is needed for *reason*, issued after *newer_than*."""

    request: TokenRequest
    newer_than: datetime | None
    reason: MintReason


Decision = Keep | Mint | Hold | Reject

MAX_REMEMBERED: Final = 1024  # hashes

# If a client removes a Secret every minute, at most two tokens are requested in 10 minutes.
MIN_AGE: Final = timedelta(minutes=5)
PROTECTION_RESYNC_SECONDS: Final = 1
NAMESPACE_RESYNC_SECONDS: Final = 5
# As long as `ATTACH_GRACE`, because Metacontroller is as slow in both cases.
TAKEOVER_GRACE: Final = timedelta(seconds=120)


def decide(observed: Observed, wanted: Wanted, policy: Policy, now: datetime) -> Decision:
    """Return the decision about the token of *observed* at *now*; *wanted* is from `resolve`."""
    if observed.binding.deleting:
        return Hold(Reason.DELETING, "The binding is being deleted.", 0)
    if not isinstance(wanted, TokenRequest):
        return _namespace_missing(observed) or wanted
    if observed.secret_taken or observed.secret_left:
        return _taken(observed, now)
    reason = _mint_reason(observed, wanted, policy, now)
    if reason is None:
        return Keep()
    contest = find_secret_contest(observed.binding, observed.secret, inputs_hash(wanted), now)
    return (
        _not_now(observed)
        or hold_back(observed.binding, contest)
        or Mint(wanted, _newer_than(observed, wanted, contest, now), reason)
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """The input of a check."""

    binding: Binding
    secret: PullSecret | None
    request: TokenRequest
    policy: Policy
    now: datetime

    @property
    def token(self) -> AcrToken | None:
        return None if self.secret is None else self.secret.token


def _no_secret(case: _Case) -> bool:
    return case.secret is None


def _no_token(case: _Case) -> bool:
    return case.token is None


def _altered(case: _Case) -> bool:
    return case.secret is not None and not case.secret.unmodified


def _inputs_changed(case: _Case) -> bool:
    return case.secret is not None and not _is_for(case.secret, case.request)


def _expired(case: _Case) -> bool:
    return case.token is not None and case.token.expires_at <= case.now


def _scope_not_covered(case: _Case) -> bool:
    return not covers(case.token, case.request)


def _due(case: _Case) -> bool:
    return case.token is not None and due_at(case.binding, case.token, case.policy) <= case.now


CHECKS: Final[tuple[tuple[MintReason, Callable[[_Case], bool]], ...]] = (
    (MintReason.NO_SECRET, _no_secret),
    (MintReason.NO_TOKEN, _no_token),
    (MintReason.ALTERED, _altered),
    (MintReason.INPUTS_CHANGED, _inputs_changed),
    (MintReason.EXPIRED, _expired),
    (MintReason.SCOPE_NOT_COVERED, _scope_not_covered),
    (MintReason.DUE, _due),
)


def _mint_reason(
    observed: Observed, request: TokenRequest, policy: Policy, now: datetime
) -> MintReason | None:
    """Return the first reason to request a new token; None if the observed token is kept."""
    case = _Case(observed.binding, observed.secret, request, policy, now)
    return next((reason for reason, applies in CHECKS if applies(case)), None)


@lru_cache(MAX_REMEMBERED)
def inputs_hash(request: TokenRequest) -> str:
    """Return a hash of the inputs of a token; JSON keeps the inputs apart.

    Entra trusts a ServiceAccount by its name. The uid is no input, so the token stays usable while
    the ServiceAccount is recreated.
    https://learn.microsoft.com/entra/workload-id/workload-identity-federation
    """
    identity = request.identity
    if isinstance(identity, Identity):
        names: tuple[object, ...] = (identity.client_id, identity.resource_id)
    else:
        account = identity.account
        trust = (account.namespace, account.name) if account else ()
        names = (identity.tenant_id, identity.client_id, trust)
    parts = [request.server, *names, request.scope, request.audience]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _is_for(secret: PullSecret, request: TokenRequest) -> bool:
    """True if the token in *secret* was issued for the inputs in *request*.

    A kubelet looks up the token by the server, the key in the docker config. A Secret that
    msi-acrpull created has no other inputs.
    """
    same = secret.inherited or secret.inputs == inputs_hash(request)
    return same and secret.server == request.server


def usable_token(observed: Observed, wanted: Wanted, now: datetime) -> AcrToken | None:
    """Return the observed token if it is for *wanted*, a request, and has not expired at *now*."""
    secret = observed.secret
    if secret is None or secret.token is None or secret.token.expires_at <= now:
        return None
    usable = isinstance(wanted, TokenRequest) and _is_for(secret, wanted)
    return secret.token if usable else None


def covers(token: AcrToken | None, request: TokenRequest) -> bool:
    """True if *token* exists and grants every action in the scope of *request*."""
    return token is not None and not missing_actions(request, token)


def due_at(binding: Binding, token: AcrToken, policy: Policy) -> datetime:
    """Return the instant at which the *token* of *binding* is due for renewal."""
    lead = policy.refresh_before + jitter_for(binding.uid, policy.refresh_jitter)
    return refresh_at(token, lead)


def _taken(observed: Observed, now: datetime) -> Hold:
    name, namespace = observed.binding.secret_name, observed.binding.namespace
    if observed.secret_left and now - _waiting_since(observed.binding, now) < TAKEOVER_GRACE:
        text = f'Waiting for Metacontroller to take over Secret "{name}" of an earlier binding.'
        return Hold(Reason.PENDING, text, NAMESPACE_RESYNC_SECONDS)
    if observed.secret_left:
        text = (
            f'Metacontroller did not take over Secret "{name}" of an earlier binding. Install the '
            "DecoratorController acrpull-takeover, or delete the Secret."
        )
        return Hold(Reason.SECRET_NAME_TAKEN, text, SETTINGS_RESYNC_SECONDS)
    text = (
        f'Secret "{name}" already exists and does not belong to this binding. Delete it, or rename '
        "the binding. If its ownerReferences name this binding, restore its label: kubectl label "
        f"secret -n {namespace} {name} --overwrite controller-uid={observed.binding.uid}"
    )
    return Hold(Reason.SECRET_NAME_TAKEN, text, SETTINGS_RESYNC_SECONDS)


def _waiting_since(binding: Binding, now: datetime) -> datetime:
    """Return when *binding* began to wait for its Secret. A time in the future counts as *now*."""
    fresh = binding.status.condition("TokenFresh")
    if fresh is None or fresh.reason not in {Reason.PENDING, Reason.SECRET_NAME_TAKEN}:
        return now
    return min(fresh.last_transition_time or now, now)


def _not_now(observed: Observed) -> Hold | None:
    """Return why a token request must wait; None if nothing prevents the request.

    Metacontroller adopts a ServiceAccount before a call of `/sync`. The answer adds the protective
    owner reference. Until then, deleting the binding deletes the ServiceAccount, so the answer must
    not wait for Azure.
    """
    missing = _namespace_missing(observed)
    if missing is not None:
        return missing
    if observed.namespace is not None and observed.namespace.terminating:
        text = f'Namespace "{observed.binding.namespace}" is being deleted.'
        return Hold(Reason.NAMESPACE_TERMINATING, text, SETTINGS_RESYNC_SECONDS)
    if observed.unprotected:
        names = ", ".join(f'"{account.name}"' for account in observed.unprotected)
        text = f"Waiting for ServiceAccount {names} to be protected from garbage collection."
        return Hold(Reason.PENDING, text, PROTECTION_RESYNC_SECONDS)
    return None


def _namespace_missing(observed: Observed) -> Hold | None:
    if observed.namespace is not None or observed.related is None:
        return None
    text = f'Waiting for Metacontroller to report Namespace "{observed.binding.namespace}".'
    return Hold(Reason.PENDING, text, NAMESPACE_RESYNC_SECONDS)


def _newer_than(
    observed: Observed, request: TokenRequest, contest: Contest | None, now: datetime
) -> datetime | None:
    """Return the issue time of the token that a new token must replace; None if there is none.

    A retry may reuse a token that Metacontroller could not write, so the returned time is always
    the issue time of a token in an observed Secret. If a user has deleted or altered the Secret
    since, the user may want a new token, and the status contains the time. In a contest, and until
    the token is `MIN_AGE` old, acrpull writes the last token again. Otherwise another client could
    cause a token request with each removal.
    """
    secret, status = observed.secret, observed.binding.status
    if secret is not None and secret.token is not None and secret.unmodified:
        return secret.token.issued_at if secret.inputs == inputs_hash(request) else None
    if contest is not None:
        return None
    fresh, issued = status.condition("TokenFresh"), status.token_issue_time
    if fresh is None or fresh.status != "True" or issued is None:
        return None
    return issued if now - issued >= MIN_AGE else None
