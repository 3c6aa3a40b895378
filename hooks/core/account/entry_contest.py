"""The contest over an entry: another client removes the entry from the ServiceAccount."""

from datetime import datetime

from hooks.core.contest import Contest, judge
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import ServiceAccount


def find_entry_contest(binding: Binding, target: ServiceAccount, now: datetime) -> Contest | None:
    """Return the contest at *now* over *binding*'s entry; None if no client removes the entry.

    *target* is the ServiceAccount that must list the entry.
    """
    status = binding.status
    attached = status.condition("Attached")
    since = attached.last_transition_time if attached is not None else None
    if attached is None or since is None or _is_new(binding, target, since):
        return None
    there = binding.secret_name in target.pull_secrets
    return judge(attached, since, status.attach_attempts, status.last_attach_time, there, now)


def _is_new(binding: Binding, target: ServiceAccount, since: datetime) -> bool:
    """True if Attached, unchanged *since*, describes another ServiceAccount than *target*.

    The binding can target another name, or a user recreated the ServiceAccount.
    """
    moved = binding.status.service_account_name != target.name
    return moved or (target.created_at is not None and target.created_at >= since)
