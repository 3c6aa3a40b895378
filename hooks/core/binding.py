"""The CompositeController's `sync`: what a binding's Secret and ServiceAccounts are to be.

Metacontroller deletes a child that an answer leaves out, so every ServiceAccount observed is in
every answer: `Answer` can't be made without them.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from hooks.core.acr import lacking
from hooks.core.attachment import DesiredServiceAccount, desire
from hooks.core.conditions import parse_time
from hooks.core.decision import (
    GUARD_RESYNC_SECONDS,
    Decision,
    Hold,
    Mint,
    Reject,
    due_at,
    inputs_hash,
    resolve,
    usable_token,
)
from hooks.core.model import (
    AcrToken,
    Binding,
    MintFailed,
    Policy,
    PullSecret,
    Reason,
    ServiceAccount,
    Status,
    TokenRequest,
)
from hooks.core.observed import Observed
from hooks.core.ownership import Terms
from hooks.core.permission import is_denied
from hooks.core.refresh import resync_after_seconds, retry_after_seconds
from hooks.core.verdict import Problem, new_status

MISSING_RESYNC_SECONDS: Final = 60
SECRET_GRACE: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to `/sync` or `/finalize`; 0 seconds is "when something changes"."""

    status: Status
    secret: PullSecret | None
    accounts: tuple[DesiredServiceAccount, ...]
    resync_after_seconds: int
    finalized: bool = False


def sync(
    observed: Observed,
    decision: Decision,
    outcome: AcrToken | MintFailed | None,
    policy: Policy,
    now: datetime,
) -> Answer:
    """Return what is to be at *now*; *outcome* is what came of a `Mint`, else None."""
    request = resolve(observed.binding, policy)
    problem = _problem(observed, decision, outcome, now)
    token, whole = None, False
    if isinstance(request, TokenRequest):
        token = _token(observed, request, outcome, policy, now)
        whole = token is not None and (token is outcome or not lacking(request, token))
    secret = _secret(observed, request, decision, token)
    status = new_status(
        observed,
        problem,
        secret.token if secret else None,
        now,
        usable=whole and not _is_missing(observed, now),
    )
    wait = _resync(observed.binding, problem, token, status, policy, now)
    return Answer(
        status,
        secret,
        desired_accounts(observed, policy),
        GUARD_RESYNC_SECONDS if observed.unguarded else wait,
    )


def _problem(
    observed: Observed, decision: Decision, outcome: AcrToken | MintFailed | None, now: datetime
) -> Problem | None:
    if isinstance(decision, Hold | Reject):
        return decision
    if isinstance(outcome, MintFailed):
        return outcome
    if _is_missing(observed, now):
        name = observed.binding.secret_name
        text = f"Secret {name} is gone, or could not be made; if this lasts, the events say why"
        return Hold(Reason.PENDING, text, MISSING_RESYNC_SECONDS)
    return None


def _is_missing(observed: Observed, now: datetime) -> bool:
    """Say whether an earlier answer had a token, yet there is no Secret.

    A token minted in a call counts as observed, for as long as Metacontroller may need to see the
    Secret; after that a quota or a policy refuses it.
    """
    fresh = observed.binding.status.condition("TokenFresh")
    if observed.secret is not None or observed.binding.status.token_refresh_time is None:
        return False
    if fresh is None or fresh.status != "True":
        return True
    since = parse_time(fresh.last_transition_time)
    return since is None or now - since > SECRET_GRACE


def _token(
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


def _secret(
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
    return observed.secret


def desired_accounts(
    observed: Observed, policy: Policy, *, hand_over: bool = False
) -> tuple[DesiredServiceAccount, ...]:
    """Return every ServiceAccount observed, and the target of a request made by hand."""
    binding = observed.binding
    terms = Terms(
        observed.namespace,
        observed.dynamic_apply,
        observed.secret_taken,
        denied=is_denied(binding, policy),
        hand_over=hand_over,
    )
    known = dict.fromkeys(observed.accounts, terms)
    name = binding.service_account_name
    if observed.related is None and name not in {None, *(a.name for a in observed.accounts)}:
        by_hand = ServiceAccount(name or "", binding.namespace)
        known[by_hand] = replace(terms, dynamic_apply=False)
    return tuple(desire(binding, account, policy, its) for account, its in known.items())


def _resync(
    binding: Binding,
    problem: Problem | None,
    token: AcrToken | None,
    status: Status,
    policy: Policy,
    now: datetime,
) -> int:
    """Return when to look again."""
    if isinstance(problem, MintFailed):
        failing = status.condition("Refreshing")
        since = parse_time(failing.last_transition_time) if failing else None
        return retry_after_seconds(
            since or now,
            now,
            usable_until=token.expires_at if token else None,
            asked=problem.retry_after_seconds,
        )
    if isinstance(problem, Hold | Reject):
        return problem.resync_after_seconds
    return resync_after_seconds(due_at(binding, token, policy), now) if token else 0
