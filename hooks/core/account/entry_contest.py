"""The contest over an entry: another client removes the entry from a ServiceAccount.

A binding with a list of ServiceAccounts has a single contest for the list. An entry that waits to
be added is missing, too. A removal shows in the annotation `acrpull.dev/attached`, because the
annotation still names the entry. If the other client also removes the annotation, a removal shows
in the number of ServiceAccounts that list the entry.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from hooks.core.contest import Contest, judge
from hooks.core.model.binding import Binding, Condition
from hooks.core.model.cluster import ServiceAccount
from hooks.core.model.reason import Reason


def find_entry_contest(
    binding: Binding, accounts: Collection[ServiceAccount], listing: int, now: datetime
) -> Contest | None:
    """Return the contest at *now* over *binding*'s entry; None if no client removes the entry.

    *accounts* is a result of `known_before`: the ServiceAccounts that must list the entry.
    *listing* is the number of all ServiceAccounts that list the entry.
    """
    status = binding.status
    attached = status.condition("Attached")
    since = attached.last_transition_time if attached is not None else None
    if attached is None or since is None or not accounts:
        return None
    there = all(binding.secret_name in account.pull_secrets for account in accounts)
    if binding.targets is not None and binding.targets.is_list:
        there = there or not _is_removed(binding, attached, accounts, listing)
        if attached.status != "True":  # perhaps only because of another ServiceAccount
            attached, since = replace(attached, status="True"), now
    return judge(attached, since, status.attach_attempts, status.last_attach_time, there, now)


def known_before(
    binding: Binding, accounts: Iterable[ServiceAccount]
) -> tuple[ServiceAccount, ...]:
    """Return the *accounts* that the condition Attached describes.

    The binding can target other names now, and a user can create or recreate a ServiceAccount.
    """
    attached, targets = binding.status.condition("Attached"), binding.status.targets
    since = attached.last_transition_time if attached is not None else None
    if since is None or targets is None:
        return ()
    old = (a for a in accounts if a.created_at is None or a.created_at < since)
    return tuple(account for account in old if account.name in targets)


def _is_removed(
    binding: Binding, attached: Condition, accounts: Iterable[ServiceAccount], listing: int
) -> bool:
    """True if another client removed the entry from one of *accounts*, or if a fight goes on.

    *attached* is the condition of the last answer. *listing* is the number of all ServiceAccounts
    that list the entry.
    """
    own = binding.secret_name
    named = any(own in a.attached and own not in a.pull_secrets for a in accounts)
    if named or attached.reason == Reason.ENTRY_REMOVED:
        return True
    same = attached.observed_generation == binding.generation
    return same and listing < (binding.status.attached_accounts or 0)
