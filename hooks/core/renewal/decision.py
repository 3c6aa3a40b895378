"""Whether a binding's token is kept, or a new one is to be minted. Mints nothing itself."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from hooks.core.account.contest import find_secret_contest
from hooks.core.exchange.acr import missing_actions
from hooks.core.exchange.federation import resolve_identity
from hooks.core.model.binding import Binding, Spec
from hooks.core.model.conditions import parse_time
from hooks.core.model.identity import Identity
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, TokenRequest
from hooks.core.observed import Observed
from hooks.core.policy.permission import denial
from hooks.core.policy.policy import Policy
from hooks.core.refresh import jitter_for, refresh_at


@dataclass(frozen=True, slots=True)
class Keep:
    """The observed token is good and not yet due."""


@dataclass(frozen=True, slots=True)
class Mint:
    """A token is needed, issued after *newer_than*."""

    request: TokenRequest
    newer_than: datetime | None


@dataclass(frozen=True, slots=True)
class Hold:
    """No token can be requested, or not now. The observed Secret stays."""

    reason: Reason
    message: str
    resync_after_seconds: int


@dataclass(frozen=True, slots=True)
class Reject:
    """The binding is denied.

    Attributes:
        by_setting: Whether a setting denies the binding: see `Denial`.
    """

    reason: Reason
    message: str
    resync_after_seconds: int
    by_setting: bool = False


Decision = Keep | Mint | Hold | Reject

MAX_REMEMBERED: Final = 1024  # hashes

GUARD_RESYNC_SECONDS: Final = 1
NAMESPACE_RESYNC_SECONDS: Final = 5
SETTINGS_RESYNC_SECONDS: Final = 300  # a changed setting sends no event, so look now and then


@lru_cache(MAX_REMEMBERED)
def inputs_hash(request: TokenRequest) -> str:
    """Return a hash of the inputs of a token; JSON keeps the inputs apart.

    Entra trusts a ServiceAccount by its name. So the uid is no input, and the token stays usable
    while the ServiceAccount is recreated.
    https://learn.microsoft.com/entra/workload-id/workload-identity-federation
    """
    identity = request.identity
    if isinstance(identity, Identity):
        who: tuple[object, ...] = (identity.client_id, identity.resource_id)
    else:
        account = identity.account
        trust = (account.namespace, account.name) if account else ()
        who = (identity.tenant_id, identity.client_id, trust)
    parts = [request.server, *who, request.scope, request.audience]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def resolve(observed: Observed, policy: Policy) -> TokenRequest | Hold | Reject:
    """Return the token that the spec asks for, defaults filled in, or why it can't be had."""
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
    denied = denial(server, identity, policy)
    if denied is not None:
        resync = SETTINGS_RESYNC_SECONDS
        return Reject(denied.reason, denied.message, resync, by_setting=denied.by_setting)
    if identity is None:
        text = (
            "spec names no managed identity and the service has no default. Set it, for example "
            "managedIdentityClientID: 11111111-2222-3333-4444-555555555555."
        )
        return Hold(Reason.INVALID_SPEC, text, SETTINGS_RESYNC_SECONDS)
    who = resolve_identity(identity, observed, policy)
    if isinstance(who, tuple):
        return Hold(*who, SETTINGS_RESYNC_SECONDS)
    return TokenRequest(who, server, spec.scope, policy.audience)


def usable_token(observed: Observed, request: TokenRequest, now: datetime) -> AcrToken | None:
    """Return the observed token if it is for *request* and a registry still takes it.

    The server is the key in the docker config: that is what a kubelet looks up. Of a token that
    upstream's controller got, nothing else is known.
    """
    secret = observed.secret
    if secret is None or secret.token is None or secret.token.expires_at <= now:
        return None
    same = secret.inherited or secret.inputs == inputs_hash(request)
    return secret.token if same and secret.server == request.server else None


def covers(token: AcrToken | None, request: TokenRequest) -> bool:
    """Say whether there is a *token*, and it is good for all that *request* asks for."""
    return token is not None and not missing_actions(request, token)


def decide(observed: Observed, policy: Policy, now: datetime) -> Decision:
    """Return what is to be done about *observed*'s token at *now*."""
    if observed.binding.deleting:
        return Hold(Reason.DELETING, "The binding is being deleted.", 0)
    request = resolve(observed, policy)
    if not isinstance(request, TokenRequest):
        return _namespace_missing(observed) or request
    if observed.secret_taken or observed.secret_left:
        return _taken(observed)
    token = usable_token(observed, request, now)
    unmodified = observed.secret is not None and observed.secret.unmodified
    good = unmodified and covers(token, request)
    if token is not None and good and due_at(observed.binding, token, policy) > now:
        return Keep()
    return (
        _not_now(observed)
        or _removed(observed, now)
        or Mint(request, _newer_than(observed, request, now))
    )


def due_at(binding: Binding, token: AcrToken, policy: Policy) -> datetime:
    """Return the instant from which *binding*'s *token* is to be renewed."""
    lead = policy.refresh_before + jitter_for(binding.uid, policy.refresh_jitter)
    return refresh_at(token, lead)


def _taken(observed: Observed) -> Hold:
    name, namespace = observed.binding.secret_name, observed.binding.namespace
    if observed.secret_left:
        text = (
            f'Waiting for Metacontroller to take over Secret "{name}" of an earlier binding. If '
            "this lasts, install the DecoratorController acrpull-takeover, or delete the Secret."
        )
        return Hold(Reason.PENDING, text, NAMESPACE_RESYNC_SECONDS)
    text = (
        f'Secret "{name}" already exists and does not belong to this binding. Delete it, or rename '
        "the binding. If its ownerReferences name this binding, restore its label: kubectl label "
        f"secret -n {namespace} {name} --overwrite controller-uid={observed.binding.uid}"
    )
    return Hold(Reason.SECRET_NAME_TAKEN, text, SETTINGS_RESYNC_SECONDS)


def _not_now(observed: Observed) -> Hold | None:
    """Return why minting has to wait.

    Metacontroller adopts a ServiceAccount before it calls us. Until our answer has put the guard on
    it, deleting the binding deletes it, so that answer must not wait for Azure.
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
        return Hold(Reason.PENDING, text, GUARD_RESYNC_SECONDS)
    return None


def _namespace_missing(observed: Observed) -> Hold | None:
    if observed.namespace is not None or observed.related is None:
        return None
    text = f'Waiting for Metacontroller to report Namespace "{observed.binding.namespace}".'
    return Hold(Reason.PENDING, text, NAMESPACE_RESYNC_SECONDS)


def _removed(observed: Observed, now: datetime) -> Hold | None:
    """Return why a Secret that another client removes again and again is not written now."""
    contest = find_secret_contest(observed.binding, observed.secret, now)
    if contest is None or contest.add:
        return None
    return secret_removed(observed.binding, contest.resync_after_seconds)


def secret_removed(binding: Binding, resync_after_seconds: int) -> Hold:
    """Return what is to be said of a Secret that does not last."""
    text = (
        f'Secret "{binding.secret_name}" does not last: another client deletes or changes it soon '
        "after each write. Find the client in the audit log of the API server, or in the events of "
        "the binding, and let it leave the Secret alone."
    )
    return Hold(Reason.SECRET_REMOVED, text, resync_after_seconds)


def _newer_than(observed: Observed, request: TokenRequest, now: datetime) -> datetime | None:
    """Return the issue time of the token that a new one must replace; None if there is no such one.

    A retry may use a token that an earlier answer contained and Metacontroller could not write, so
    the time is always the time of a token in an observed Secret. The status has the time of a
    Secret that a user has deleted or altered since; its token may be revoked. In a contest, each
    removal would cost a token, so the last token is written again.
    """
    secret, status = observed.secret, observed.binding.status
    if secret is not None and secret.token is not None and secret.unmodified:
        return secret.token.issued_at if secret.inputs == inputs_hash(request) else None
    if find_secret_contest(observed.binding, secret, now) is not None:
        return None
    fresh = status.condition("TokenFresh")
    had = fresh is not None and fresh.status == "True"
    return parse_time(status.token_issue_time) if had else None
