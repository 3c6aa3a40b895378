"""The CompositeController's `finalize`: what is to be while a binding goes, and when it may."""

from datetime import datetime, timedelta
from typing import Final

from hooks.core.model.conditions import parse_time
from hooks.core.model.reason import Reason
from hooks.core.model.token import TokenRequest
from hooks.core.observed import Observed
from hooks.core.policy.policy import Policy
from hooks.core.renewal.decision import GUARD_RESYNC_SECONDS, covers, usable_token
from hooks.core.renewal.resolve import Hold, Wanted
from hooks.core.renewal.secret import still_works
from hooks.core.status.status import Freshness, new_status
from hooks.core.sync import Answer, desired_accounts

# Bindings deleted together are deleted one by one; the first keeps the ServiceAccount meanwhile.
HAND_OVER_GRACE: Final = timedelta(seconds=3)


def finalize(observed: Observed, wanted: Wanted, policy: Policy, now: datetime) -> Answer:
    """Return what is to be while the binding goes; `finalized` once it may.

    Metacontroller writes no children while the garbage collector's finalizer is on the binding. But
    that comes off although an adoption is under way that the collector has not seen yet; then it
    writes them again, and lets the ServiceAccount go.
    """
    since = parse_time(observed.binding.deleted_at)
    hand_over = since is None or abs(now - since) >= HAND_OVER_GRACE  # clocks may differ
    finalized = not observed.blocking and (hand_over or _is_settled(observed))
    problem = Hold(Reason.DELETING, "The binding is being deleted.", 0)
    works = (
        covers(usable_token(observed, wanted, now), wanted)
        if isinstance(wanted, TokenRequest)
        else still_works(observed, observed.secret, policy, now)
    )
    secret = None if finalized else observed.secret
    return Answer(
        new_status(observed, problem, Freshness(works), now),
        secret,
        desired_accounts(observed, hand_over=hand_over),
        0 if finalized else GUARD_RESYNC_SECONDS,
        finalized,
    )


def _is_settled(observed: Observed) -> bool:
    """Say whether no adoption is under way that does not show yet.

    It is not as long as the status neither says that the adoption is done nor that the deletion was
    noticed before: a sync that began before the deletion adopts all the same. The deletion itself
    counts as a generation.
    kubernetes@v1.36.3:staging/src/k8s.io/apiserver/pkg/registry/rest/delete.go (BeforeDelete)
    """
    attached = observed.binding.status.condition("Attached")
    if attached is None or attached.reason == Reason.DELETING:
        return attached is not None
    current = attached.observed_generation >= observed.binding.generation - 1
    return attached.status == "True" and current
