"""The CompositeController's `sync`: the desired Secret and ServiceAccounts of a binding.

Metacontroller deletes a child that is missing from an answer, so every answer contains every
observed ServiceAccount: `Answer` requires them.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from hooks.core.account.attachment import DesiredServiceAccount, desired_service_account
from hooks.core.account.entry_contest import find_entry_contest, held_accounts
from hooks.core.account.ownership import OwnershipContext, controller_uid, is_foreign
from hooks.core.contest import Contest
from hooks.core.exchange.federation import pending_if_new
from hooks.core.exchange.registry_protocol import CLOCK_SKEW
from hooks.core.model.binding import Spec, Status
from hooks.core.model.cluster import PullSecret, ServiceAccount
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, MintFailed, Outcome, TokenRequest, failure_of
from hooks.core.observed import Observed
from hooks.core.policy.decision_settings import Policy
from hooks.core.policy.permission import Reject
from hooks.core.refresh import MAX_RETRY_SECONDS, resync_after_seconds, retry_after_seconds
from hooks.core.renewal.decision import (
    PROTECTION_RESYNC_SECONDS,
    Decision,
    due_at,
    inputs_hash,
    usable_token,
)
from hooks.core.renewal.resolve import SETTINGS_RESYNC_SECONDS, Hold, Wanted
from hooks.core.renewal.secret import (
    Unwritten,
    desired_secret,
    desired_token,
    token_works,
    writing,
)
from hooks.core.renewal.secret_contest import find_secret_contest, secret_removed
from hooks.core.status.attached import attach_seconds
from hooks.core.status.condition_state import Problem
from hooks.core.status.conditions import Freshness, new_status


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to `/sync` or `/finalize`.

    With *resync_after_seconds* 0, Metacontroller calls again only after a change.
    """

    status: Status
    secret: PullSecret | None
    accounts: tuple[DesiredServiceAccount, ...]
    resync_after_seconds: int
    finalized: bool = False


def sync(
    observed: Observed,
    wanted: Wanted,
    decision: Decision,
    outcome: Outcome | None,
    policy: Policy,
    now: datetime,
) -> Answer:
    """Return the answer at *now*.

    *wanted* is the result of `resolve`, *decision* the result of `decide` before the token request,
    and *outcome* the result of the token request; None if *decision* is not a `Mint`.
    """
    usable = usable_token(observed, wanted, now)  # again, because a token request takes seconds
    unwritten = writing(observed, decision, outcome, usable, now)
    secret_contest = _secret_contest(observed, wanted, decision, now)
    problem = _problem(observed, decision, outcome, secret_contest, unwritten, now)
    token = None
    if isinstance(wanted, TokenRequest):
        token = desired_token(observed.binding, wanted, outcome, usable, policy, now)
    secret = desired_secret(observed, wanted, decision, token, now)
    fresh = Freshness(
        works=token_works(observed, wanted, secret, usable, policy, now),
        due=due_at(observed.binding, usable, policy) if usable is not None else None,
    )
    withdrawn = isinstance(wanted, Reject) and secret is None  # `desired_secret` decides
    contested = _contested(observed, withdrawn=withdrawn)
    entry_contest = find_entry_contest(observed.binding, contested, len(observed.listing), now)
    status = new_status(
        observed, problem, fresh, now, secret_contest=secret_contest, entry_contest=entry_contest
    )
    if unwritten is not None and isinstance(problem, MintFailed):  # a partial token waits
        status = replace(status, secret_pending_time=unwritten.since)
    if isinstance(problem, Reject):
        wait = _resync_denied(secret, now)
    else:
        wait = _resync(observed, problem, usable, status, fresh.due, now)
    for contest in (secret_contest, entry_contest):
        if contest is not None:
            wait = min(wait, contest.resync_after_seconds)
    if problem is None and status.attaching:
        missing = observed.unlisting or (None,)
        waits = (attach_seconds(observed, account, now) for account in missing)
        wait = min([wait, *filter(None, waits)])
    return Answer(
        status,
        secret,
        desired_accounts(
            observed,
            withdrawn=withdrawn,
            held=held_accounts(observed.binding, entry_contest, contested),
        ),
        PROTECTION_RESYNC_SECONDS if observed.unprotected else wait,
    )


def _secret_contest(
    observed: Observed,
    wanted: Wanted,
    decision: Decision,
    now: datetime,
) -> Contest | None:
    """Return the contest over the Secret; None if the binding is denied, or can't have a token."""
    if isinstance(decision, Hold):
        return decision.contest
    if isinstance(decision, Reject) or not isinstance(wanted, TokenRequest):
        return None
    return find_secret_contest(observed.binding, observed.secret, inputs_hash(wanted), now)


def _contested(observed: Observed, *, withdrawn: bool) -> tuple[ServiceAccount, ...]:
    """Return the ServiceAccounts whose entry another client may remove again and again.

    There are none if acrpull does not list the entry. Without a Secret, acrpull itself may have
    removed the entry, or the entry named another binding's Secret of the same name. So no contest
    begins without a Secret.
    """
    if observed.binding.deleting or withdrawn or observed.secret_taken:
        return ()
    if observed.secret is None and not observed.binding.status.attach_attempts:
        return ()
    found = observed.targets
    if observed.secret is None and not isinstance(observed.binding.spec, Spec):
        found = tuple(a for a in found if controller_uid(a) == observed.binding.uid)
    if observed.missing_policies is None:
        found = tuple(account for account in found if not is_foreign(account))
    return found


def _problem(
    observed: Observed,
    decision: Decision,
    outcome: Outcome | None,
    secret_contest: Contest | None,
    unwritten: Unwritten | None,
    now: datetime,
) -> Problem | None:
    if unwritten is not None and unwritten.reason == Reason.SECRET_NOT_WRITTEN:
        return unwritten
    if secret_contest is not None and secret_contest.is_fight:
        return secret_removed(observed.binding, secret_contest)
    if isinstance(decision, Hold | Reject):
        return decision
    if outcome is None:
        return None
    if isinstance(outcome, AcrToken):
        return unwritten
    before = observed.binding.status.condition("RenewalHealthy")
    return pending_if_new(failure_of(outcome), before, now)


def desired_accounts(
    observed: Observed,
    *,
    withdrawn: bool = False,
    hand_over: bool = False,
    held: Collection[ServiceAccount] = (),
) -> tuple[DesiredServiceAccount, ...]:
    """Return every observed ServiceAccount, and the targets of a request written by hand.

    The entries that another client removed from the ServiceAccounts in *held* stay absent for now.
    """
    binding = observed.binding
    terms = OwnershipContext(
        observed.namespace,
        observed.dynamic_apply,
        observed.secret_taken,
        withdrawn=withdrawn,
        hand_over=hand_over,
    )
    without = {account.name for account in held}
    known = [(a, replace(terms, hold_entry=a.name in without)) for a in observed.accounts]
    if observed.related is None and binding.targets is not None:
        for name in sorted(binding.targets.names - {a.name for a in observed.accounts}):
            by_hand = ServiceAccount(name, binding.namespace)
            known.append((by_hand, replace(terms, dynamic_apply=False)))
    return tuple(desired_service_account(binding, account, its) for account, its in known)


def _resync(
    observed: Observed,
    problem: Problem | None,
    usable: AcrToken | None,
    status: Status,
    due: datetime | None,
    now: datetime,
) -> int:
    """Return the seconds until the next call; *usable* is due for renewal at *due*."""
    if isinstance(problem, Hold):
        return problem.resync_after_seconds
    if isinstance(problem, Unwritten) and problem.resync_after_seconds is not None:
        return problem.resync_after_seconds
    if problem is not None:
        failing = status.condition("RenewalHealthy")
        since = failing.last_transition_time if failing else None
        last = observed.secret.token if observed.secret else None
        return retry_after_seconds(
            since or now,
            now,
            usable_until=usable.expires_at if usable else None,
            life=last.expires_at - last.issued_at if last else None,
            asked=problem.retry_after_seconds if isinstance(problem, MintFailed) else None,
        )
    if usable is not None and usable.issued_at > now + CLOCK_SKEW:
        return MAX_RETRY_SECONDS  # the clock was set back, and may be corrected at any time
    return resync_after_seconds(now if due is None else due, now)


def _resync_denied(secret: PullSecret | None, now: datetime) -> int:
    """Return the seconds until a setting may have changed, or the token in *secret* expires."""
    if secret is None or secret.token is None:
        return SETTINGS_RESYNC_SECONDS
    return min(SETTINGS_RESYNC_SECONDS, resync_after_seconds(secret.token.expires_at, now))
