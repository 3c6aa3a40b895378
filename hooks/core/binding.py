"""The CompositeController's `sync`: what a binding's Secret and ServiceAccounts are to be.

Metacontroller deletes a child that an answer leaves out, so every ServiceAccount observed is in
every answer: `Answer` can't be made without them.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from hooks.core.attachment import DesiredServiceAccount, desire
from hooks.core.cluster import PullSecret, ServiceAccount
from hooks.core.conditions import parse_time
from hooks.core.decision import (
    GUARD_RESYNC_SECONDS,
    Decision,
    Hold,
    Reject,
    due_at,
    is_whole,
    resolve,
)
from hooks.core.federation import young
from hooks.core.model import Status
from hooks.core.observed import Observed
from hooks.core.ownership import Terms
from hooks.core.permission import is_denied
from hooks.core.policy import Policy
from hooks.core.reason import Reason
from hooks.core.refresh import resync_after_seconds, retry_after_seconds
from hooks.core.secret import desired_secret, desired_token, is_missing
from hooks.core.token import AcrToken, MintFailed, TokenRequest
from hooks.core.verdict import Problem, new_status

MISSING_RESYNC_SECONDS: Final = 60


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
    request = resolve(observed, policy)
    problem = _problem(observed, decision, outcome, now)
    token, whole = None, False
    if isinstance(request, TokenRequest):
        token = desired_token(observed, request, outcome, policy, now)
        whole = is_whole(token, request)
    secret = desired_secret(observed, request, decision, token)
    status = new_status(
        observed,
        problem,
        secret.token if secret else None,
        now,
        usable=whole and not is_missing(observed, now),
    )
    wait = _resync(observed, problem, token, status, policy, now)
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
        return young(outcome, observed.binding.status.condition("RenewalHealthy"), now)
    if is_missing(observed, now):
        name = observed.binding.secret_name
        text = f"Secret {name} is gone, or could not be made; if this lasts, the events say why"
        return Hold(Reason.PENDING, text, MISSING_RESYNC_SECONDS)
    return None


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
    observed: Observed,
    problem: Problem | None,
    token: AcrToken | None,
    status: Status,
    policy: Policy,
    now: datetime,
) -> int:
    """Return when to look again."""
    if isinstance(problem, MintFailed):
        failing = status.condition("RenewalHealthy")
        since = parse_time(failing.last_transition_time) if failing else None
        last = observed.secret.token if observed.secret else None
        return retry_after_seconds(
            since or now,
            now,
            usable_until=token.expires_at if token else None,
            life=last.expires_at - last.issued_at if last else None,
            asked=problem.retry_after_seconds,
        )
    if isinstance(problem, Hold | Reject):
        return problem.resync_after_seconds
    return resync_after_seconds(due_at(observed.binding, token, policy), now) if token else 0
