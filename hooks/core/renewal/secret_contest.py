"""The contest over a Secret: another client deletes or changes the Secret."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from hooks.core.contest import Contest, beginning, judge
from hooks.core.model.binding import Binding, Status
from hooks.core.model.cluster import PullSecret
from hooks.core.model.reason import Reason
from hooks.core.renewal.resolve import Hold

UNWRITTEN: Final = frozenset({Reason.SECRET_NOT_WRITTEN, Reason.SECRET_REMOVED})
RETRYING: Final = "Retrying with the same token."
MAX_QUIET: Final = 5  # attempts; the waits add up to 35 s, about as long as a rollout


def find_secret_contest(
    binding: Binding, secret: PullSecret | None, inputs: str, now: datetime
) -> Contest | None:
    """Return the contest at *now* over *binding*'s *secret*; None if no client removes it.

    Another client can delete the Secret, change the data, change or remove the annotation with the
    hash, or restore an old Secret. A token that expires, or a token for another spec, is not a
    contest. *inputs* is the hash for the present request. A setting, or an annotation of the
    ServiceAccount, can change the hash without a change of the spec, for example while two replicas
    have different settings. The change counts as an attempt, and the contest is quiet at first.

    After SecretNotWritten, a missing Secret, or a changed Secret, is a contest, too. A new spec
    ends this contest, because the spec may contain the remedy.
    """
    status = binding.status
    fresh = status.condition("TokenFresh")
    if fresh is None or fresh.last_transition_time is None:
        return None
    same_spec = fresh.observed_generation == binding.generation
    written = secret is not None and _is_as_written(secret, status, now)
    replaced = secret is not None and not secret.inherited and secret.inputs != inputs
    there = written and not (same_spec and replaced)
    if _is_refused(status):
        if there or not same_spec:
            return None
        fresh = replace(beginning(fresh, now), reason=Reason.SECRET_NOT_WRITTEN)
    elif secret is None and status.secret_name is not None and fresh.status != "True":
        # Another client deleted the Secret since the last answer.
        fresh = beginning(fresh, now)
    attempts = status.write_attempts
    contest = judge(fresh, attempts, status.last_write_time, there, now)
    quiet = written and not there and attempts <= MAX_QUIET and fresh.reason not in UNWRITTEN
    return replace(contest, quiet=quiet) if contest is not None else None


def _is_as_written(secret: PullSecret, status: Status, now: datetime) -> bool:
    """True unless another client changed *secret* since the last answer, which had *status*.

    A restored token is expired, and older than the token in *status*. In a contest, *status* may
    already have the restored token.
    """
    if not secret.unmodified or not (secret.inputs is not None or secret.inherited):
        return False
    token, last = secret.token, status.token_issue_time
    if token is None or token.expires_at > now:
        return True
    return not status.write_attempts and (last is None or last <= token.issued_at)


def hold_back(binding: Binding, contest: Contest | None) -> Hold | None:
    """Return why acrpull does not write the Secret before the next attempt of *contest*."""
    if contest is None or contest.add:
        return None
    name, wait = binding.secret_name, contest.resync_after_seconds
    if _is_refused(binding.status):
        text = f"{not_written(binding)} {RETRYING}"
        return Hold(Reason.SECRET_NOT_WRITTEN, text, wait, contest)
    if contest.quiet:
        text = (
            f'Secret "{name}" repeatedly gets a token for other settings or for another client ID. '
            "If this persists, compare the settings of all replicas of acrpull, and find a client "
            "that changes the Secret or the annotations of the ServiceAccount."
        )
        return Hold(Reason.PENDING, text, wait, contest)
    return secret_removed(binding, contest)


def secret_removed(binding: Binding, contest: Contest) -> Hold:
    """Return the `Hold` for a Secret that another client deletes or changes after each write."""
    text = (
        "Another client, or a replica of acrpull with other settings, deletes or changes Secret "
        f'"{binding.secret_name}" soon after each write. Find the client in the audit log of the '
        "API server, or in the events of the binding, and exclude the Secret from its changes."
    )
    return Hold(Reason.SECRET_REMOVED, text, contest.resync_after_seconds, contest)


def not_written(binding: Binding) -> str:
    """Return the message for a token that does not appear in the Secret."""
    return (
        f'Metacontroller could not write Secret "{binding.secret_name}", or another client undoes '
        "each write at once. See the events of the binding for the reason."
    )


def _is_refused(status: Status) -> bool:
    """True if the reason in *status* is SecretNotWritten, also while an old token works."""
    renewal = status.condition("RenewalHealthy")
    refused = renewal is not None and renewal.reason == Reason.SECRET_NOT_WRITTEN
    return refused and status.secret_pending_time is not None
