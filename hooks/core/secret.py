"""What a binding's Secret is to be, and whether one that should be there is not."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from hooks.core.acr import lacking
from hooks.core.cluster import PullSecret
from hooks.core.conditions import parse_time
from hooks.core.decision import (
    Decision,
    Hold,
    Mint,
    Reject,
    due_at,
    inputs_hash,
    usable_token,
)
from hooks.core.names import INHERITED
from hooks.core.observed import Observed
from hooks.core.policy import Policy
from hooks.core.token import AcrToken, MintFailed, TokenRequest

SECRET_GRACE: Final = timedelta(seconds=10)


def desired_token(
    observed: Observed,
    request: TokenRequest,
    outcome: AcrToken | MintFailed | None,
    policy: Policy,
    now: datetime,
) -> AcrToken | None:
    """Return the token to be in the Secret; None where none works.

    One that is good for a part is taken where there is none, for another such that is due, and for
    one that is good for less.
    """
    if isinstance(outcome, AcrToken):
        return outcome
    token = usable_token(observed, request, now)
    partial = outcome.token if outcome is not None else None
    if partial is None or token is None:
        return partial or token
    due = due_at(observed.binding, token, policy) <= now
    old, new = set(lacking(request, token)), set(lacking(request, partial))
    return partial if (due and old) or new < old else token


def desired_secret(
    observed: Observed,
    request: TokenRequest | Hold | Reject,
    decision: Decision,
    token: AcrToken | None,
) -> PullSecret | None:
    """Return the Secret to be: that of *token*, else the observed one, whatever it is worth.

    Even an expired one stays: a Secret deleted and made again breaks pulls of cached images.
    https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/2535-ensure-secret-pulled-images
    """
    name = observed.binding.secret_name
    if isinstance(decision, Mint) and isinstance(request, TokenRequest) and token is not None:
        return PullSecret(name, request.server, token, inputs_hash(request))
    if isinstance(decision, Reject) or observed.secret_taken:
        return None
    if observed.secret is None and observed.strategy_unknown and observed.can_create:
        return PullSecret(name)
    secret = observed.secret
    if secret is None or not secret.inherited:
        return secret
    # An annotation that we wrote shows the apply strategy; a hash, later changes of the spec too.
    known = token is not None and isinstance(request, TokenRequest)
    return replace(secret, inputs=inputs_hash(request) if known else INHERITED)


def is_missing(observed: Observed, now: datetime) -> bool:
    """Say whether an earlier answer had a token, yet there is no Secret.

    A token minted in a call counts as observed, for as long as Metacontroller may need to see the
    Secret; after that a quota or a policy refuses it.
    """
    fresh = observed.binding.status.condition("TokenFresh")
    if observed.secret is not None or observed.binding.status.token_issue_time is None:
        return False
    if fresh is None or fresh.status != "True":
        return True
    since = parse_time(fresh.last_transition_time)
    return since is None or now - since > SECRET_GRACE
