"""The contest over an entry: another client removes the entry from a ServiceAccount.

A binding with a list of ServiceAccounts has a single contest for the list. An entry that waits to
be added is missing, too. A removal shows in the annotation `acrpull.dev/attached`, because the
annotation still names the entry. If the other client also removes the annotation, a removal shows
in the number of ServiceAccounts that list the entry.

The owner of a ServiceAccount also writes the entries of other bindings. A removal of such an entry
counts as an attempt of the owner. The other binding only watches: its status has the reason
EntryRemoved until its entry lasts.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from hooks.core.account.ownership import controller_uid
from hooks.core.account.relation import is_secret_name
from hooks.core.contest import AT_ONCE, LASTED, WATCH_WAIT, WRITE_GRACE, Contest, beginning, judge
from hooks.core.model.binding import Binding, Condition
from hooks.core.model.cluster import ServiceAccount
from hooks.core.model.reason import Reason


def find_entry_contest(
    binding: Binding, accounts: Collection[ServiceAccount], listing: int, now: datetime
) -> Contest | None:
    """Return the contest at *now* over *binding*'s entry; None if no client removes the entry.

    *accounts* are the ServiceAccounts that must list the entry. *listing* is the number of all
    ServiceAccounts that list the entry.
    """
    status = binding.status
    attached = status.condition("Attached")
    known, owned = known_before(binding, accounts), _owned(binding, accounts)
    if attached is None or attached.last_transition_time is None or not (known or owned):
        return None
    lost = any(_lost_another(binding, account) for account in owned)
    condition, there = _observe(binding, attached, known, owned, listing, now)
    attempts, last = status.attach_attempts, status.last_attach_time
    begun, others = attempts > AT_ONCE, there and lost
    if attached.reason == Reason.ENTRY_REMOVED:
        quiet = others and now - (last or now) >= LASTED
    else:
        quiet = there and (lost or begun)
    if begun:
        condition = replace(condition, reason=Reason.ENTRY_REMOVED)
    if others:
        condition, there = beginning(condition, now), False
    contest = judge(condition, attempts, last, there, now, watching=not owned)
    if contest is None:
        return None
    resync = contest.resync_after_seconds
    if others:
        resync = min(resync, int(WATCH_WAIT.total_seconds()))
    return replace(contest, quiet=quiet, resync_after_seconds=resync)


def _observe(
    binding: Binding,
    attached: Condition,
    known: Collection[ServiceAccount],
    owned: Collection[ServiceAccount],
    listing: int,
    now: datetime,
) -> tuple[Condition, bool]:
    """Return the condition from which a contest begins, and whether no known entry is removed.

    *attached* is the condition of the last answer.
    """
    begins = beginning(attached, now)
    there = all(binding.secret_name in account.pull_secrets for account in known)
    if binding.targets is None or not binding.targets.is_list:
        return (begins if _is_undone(binding, attached, owned, now) else attached), there
    removed = _is_removed(binding, attached, known, listing, watching=not owned)
    # Attached may be False only because of another ServiceAccount.
    return (attached if attached.status == "True" else begins), there or not removed


def held_accounts(
    binding: Binding, contest: Contest | None, accounts: Collection[ServiceAccount]
) -> tuple[ServiceAccount, ...]:
    """Return the *accounts* whose removed entries stay absent until the next attempt."""
    if contest is None or contest.add:
        return ()
    known = known_before(binding, accounts)
    own = tuple(account for account in known if binding.secret_name not in account.pull_secrets)
    if own and not contest.quiet:
        return own
    owned = _owned(binding, accounts)
    return tuple(account for account in owned if _lost_another(binding, account))


def _owned(binding: Binding, accounts: Iterable[ServiceAccount]) -> list[ServiceAccount]:
    """Return the *accounts* whose entries of all bindings *binding* writes."""
    return [account for account in accounts if controller_uid(account) == binding.uid]


def _lost_another(binding: Binding, account: ServiceAccount) -> bool:
    """True if *account*, which *binding* owns, lost the entry of another binding.

    During a contest, every missing entry counts, because the annotation names no removed entry.
    """
    names = set(filter(is_secret_name, account.wanted)).difference({binding.secret_name})
    missing = names.difference(account.pull_secrets)
    return bool(missing if binding.status.attach_attempts else missing & set(account.attached))


def known_before(
    binding: Binding, accounts: Iterable[ServiceAccount]
) -> tuple[ServiceAccount, ...]:
    """Return the *accounts* to which acrpull can have added the entry before.

    The binding can target other names now, and a user can create or recreate a ServiceAccount. Such
    a ServiceAccount is newer than the state of Attached. With a list, Attached stays False while
    any entry is missing, so a ServiceAccount is compared with the last attempt.
    """
    targets = binding.status.targets
    named = (account for account in accounts if targets is not None and account.name in targets)
    return tuple(account for account in named if not _is_new(binding, account.created_at))


def _is_new(binding: Binding, created_at: datetime | None) -> bool:
    """True if a ServiceAccount of *created_at* is newer than the entry in question."""
    attached, last = binding.status.condition("Attached"), binding.status.last_attach_time
    since = attached.last_transition_time if attached is not None else None
    if created_at is None or since is None:
        return False
    if binding.targets is not None and binding.targets.is_list:
        return last is not None and created_at > last
    return created_at >= since


def _is_undone(
    binding: Binding, attached: Condition, owned: Iterable[ServiceAccount], now: datetime
) -> bool:
    """True if another client removes the entry from *owned* before acrpull observes the entry.

    Attached then stays False. Metacontroller writes the entry and the annotation at once, and the
    annotation still names the entry.
    """
    since = attached.last_transition_time
    waits = attached.reason in {Reason.ATTACHING, Reason.SERVICE_ACCOUNT_NOT_WRITTEN}
    if not waits or since is None or now - since < WRITE_GRACE:
        return False
    return _names_missing(binding, owned)


def _names_missing(binding: Binding, accounts: Iterable[ServiceAccount]) -> bool:
    """True if the annotation of any of *accounts* names the entry, and the list lacks the entry."""
    own = binding.secret_name
    return any(own in a.attached and own not in a.pull_secrets for a in accounts)


def _is_removed(
    binding: Binding,
    attached: Condition,
    accounts: Iterable[ServiceAccount],
    listing: int,
    *,
    watching: bool,
) -> bool:
    """True if another client removed the entry from any of *accounts*, now or in the last answer.

    *attached* is the condition of the last answer. *listing* is the number of all ServiceAccounts
    that list the entry. If *watching*, another binding writes the entry, and a missing entry counts
    as removed until the contest ends.
    """
    if _names_missing(binding, accounts) or attached.reason == Reason.ENTRY_REMOVED:
        return True
    if attached.reason == Reason.ATTACHING and not binding.status.attach_attempts:
        return False  # a user may have deleted ServiceAccounts that listed the entry
    if watching and binding.status.attach_attempts:
        return True
    same = attached.observed_generation == binding.generation
    return same and listing < (binding.status.attached_accounts or 0)
