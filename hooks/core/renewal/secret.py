"""The desired Secret of a binding, and whether Metacontroller has written the Secret."""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hooks.core.account.relation import desired_targets
from hooks.core.contest import WRITE_GRACE
from hooks.core.exchange.registry_protocol import missing_actions
from hooks.core.model.binding import Binding, Spec
from hooks.core.model.cluster import PullSecret
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, Outcome, PartialGrant, TokenRequest
from hooks.core.names import INHERITED
from hooks.core.observed import Observed
from hooks.core.policy.decision_settings import Policy
from hooks.core.policy.permission import Reject
from hooks.core.renewal.decision import (
    Decision,
    Mint,
    covers,
    due_at,
    inputs_hash,
)
from hooks.core.renewal.resolve import Hold, Wanted
from hooks.core.renewal.secret_contest import RETRYING, UNWRITTEN, not_written


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A token of this answer or an earlier answer, missing from the observed Secret.

    Attributes:
        since: When an answer first contained a token that was missing from the Secret.
        resync_after_seconds: When to look again; None if this answer contains a token again after
            the write counted as refused.
    """

    reason: Reason
    message: str
    since: datetime
    resync_after_seconds: int | None = None


def desired_token(
    binding: Binding,
    request: TokenRequest,
    outcome: Outcome | None,
    usable: AcrToken | None,
    policy: Policy,
    now: datetime,
) -> AcrToken | None:
    """Return the token for the Secret; None if no token works.

    *usable* is the observed token, if usable. A new partial token is returned if no observed token
    is usable, if the observed token is partial and due, or if the observed token grants less.
    """
    if isinstance(outcome, AcrToken):
        return outcome
    partial = outcome.token if isinstance(outcome, PartialGrant) else None
    if partial is None or usable is None:
        return partial or usable
    due = due_at(binding, usable, policy) <= now
    old, new = set(missing_actions(request, usable)), set(missing_actions(request, partial))
    return partial if (due and old) or new < old else usable


def desired_secret(
    observed: Observed,
    wanted: Wanted,
    decision: Decision,
    token: AcrToken | None,
    now: datetime,
) -> PullSecret | None:
    """Return the desired Secret: with *token* after a mint, otherwise the observed Secret.

    A Secret with an expired token stays, because deleting and recreating it breaks pulls of cached
    images. If a setting of the service denies the binding, a Secret stays until its token expires.
    https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/2535-ensure-secret-pulled-images

    A binding without a token gets a Secret without a registry, because the labels of the Secret
    attach the binding. If an invalid spec lacks the names of the ServiceAccounts, the labels stay.
    """
    template = observed.binding.secret_template
    if isinstance(decision, Hold) and decision.reason in UNWRITTEN:
        old = observed.secret
        return None if old is None else replace(old, template=template.as_in(old.template))
    secret = _unlabeled_secret(observed, wanted, decision, token, now)
    if secret is None:
        return None
    if observed.binding.targets is None:
        targets = observed.secret.targets if observed.secret is not None else {}
    else:
        targets = desired_targets(observed.binding, observed.accounts)
    return replace(secret, targets=targets, template=template)


def _unlabeled_secret(
    observed: Observed,
    wanted: Wanted,
    decision: Decision,
    token: AcrToken | None,
    now: datetime,
) -> PullSecret | None:
    """Return the desired Secret without labels and template; the first match wins.

    1. A new Secret with *token*, after a token request.
    2. None, if the binding is denied and keeps no Secret, or the name is already in use.
    3. A Secret without a registry, if there is no Secret and the binding may have a Secret.
    4. The observed Secret; with the inputs of the token if msi-acrpull wrote the Secret.
    """
    name = observed.binding.secret_name
    if isinstance(decision, Mint) and isinstance(wanted, TokenRequest) and token is not None:
        return PullSecret(name, wanted.server, token, inputs_hash(wanted))
    keeps = _has_live_token(observed.secret, now)
    withdrawn = isinstance(decision, Reject) and not (decision.by_setting and keeps)
    if withdrawn or observed.secret_taken or observed.secret_left:
        return None
    if observed.secret is None:
        judged = observed.namespace is not None or observed.related is None
        valid = judged and isinstance(observed.binding.spec, Spec)
        creates = observed.can_create and (valid or observed.strategy_unknown)
        return PullSecret(name) if creates else None
    secret = replace(observed.secret, changed_data=None)
    if not secret.inherited:
        return secret
    # An annotation of acrpull shows the apply strategy, and a hash shows changes of the spec.
    known = token is not None and isinstance(wanted, TokenRequest)
    return replace(secret, inputs=inputs_hash(wanted) if known else INHERITED)


def _has_live_token(secret: PullSecret | None, now: datetime) -> bool:
    """True if *secret* has a token that has not expired at *now*."""
    return secret is not None and secret.token is not None and secret.token.expires_at > now


def token_works(
    observed: Observed,
    wanted: Wanted,
    secret: PullSecret | None,
    usable: AcrToken | None,
    policy: Policy,
    now: datetime,
) -> bool:
    """True if the observed token works for the spec. *secret* is the Secret in the answer.

    *usable* is the observed token, if usable for the token request in *wanted*.

    If no token can be requested now, the identity may be unknown, for example because its
    ServiceAccount was deleted. The token then counts as issued for this spec if TokenFresh is True
    for this generation, or is missing.
    """
    if isinstance(wanted, TokenRequest):
        return covers(usable, wanted)
    binding, fresh = observed.binding, observed.binding.status.condition("TokenFresh")
    if not isinstance(binding.spec, Spec) or secret is None or not secret.unmodified:
        return False
    judged = fresh is None or (fresh.status, fresh.observed_generation) == (
        "True",
        binding.generation,
    )
    return (
        judged
        and _has_live_token(secret, now)
        and secret.server == (binding.spec.server or policy.server)
    )


def writing(
    observed: Observed,
    decision: Decision,
    outcome: Outcome | None,
    usable: AcrToken | None,
    now: datetime,
) -> Unwritten | None:
    """Return the state of a token, missing from the observed Secret.

    None if *outcome* has no token for the Secret, unless *decision* is to write the token later. A
    partial token counts only without a *usable* token in the observed Secret.

    Metacontroller writes the Secret after the answer, and reports the Secret with the next call.
    A write counts as refused if the token is still missing after `WRITE_GRACE`. Causes are an
    admission policy, a quota, an immutable Secret, or a client that undoes each write at once. With
    a new spec, which may contain the remedy, the grace period starts again. A time in the future
    counts as now, so every wait ends.
    """
    status, fresh = observed.binding.status, observed.binding.status.condition("TokenFresh")
    same_spec = fresh is None or fresh.observed_generation == observed.binding.generation
    since = min(status.secret_pending_time or now, now) if same_spec else now
    if isinstance(decision, Hold) and decision.reason == Reason.SECRET_NOT_WRITTEN:
        return Unwritten(decision.reason, decision.message, since, decision.resync_after_seconds)
    if isinstance(outcome, AcrToken):
        retry = RETRYING
    elif isinstance(outcome, PartialGrant) and usable is None:
        retry = f"In addition, the token lacks a part of the scope: {outcome.failure.message}"
    else:
        return None
    left = since + WRITE_GRACE - now
    if left > timedelta(0):
        text = f'Waiting for Metacontroller to write Secret "{observed.binding.secret_name}".'
        return Unwritten(Reason.WRITING_SECRET, text, since, math.ceil(left.total_seconds()))
    text = f"{not_written(observed.binding)} {retry}"
    return Unwritten(Reason.SECRET_NOT_WRITTEN, text, since)
