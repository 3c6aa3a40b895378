"""The CompositeController's `finalize`: the desired objects while a binding is deleted."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from hooks.core.account.relation import desired_targets
from hooks.core.account.release import has_unknown_label
from hooks.core.apis.api import MAX_TARGETS
from hooks.core.model.reason import Reason
from hooks.core.observed import Observed
from hooks.core.policy.decision_settings import Policy
from hooks.core.renewal.decision import PROTECTION_RESYNC_SECONDS, usable_token
from hooks.core.renewal.resolve import Hold, Wanted
from hooks.core.renewal.secret import token_works
from hooks.core.status.conditions import Freshness, new_status
from hooks.core.sync import Answer, desired_accounts

# Bindings of a bulk deletion are deleted one after the other. Meanwhile the first binding keeps the
# ServiceAccount.
HAND_OVER_GRACE: Final = timedelta(seconds=3)
# Metacontroller reads the binding again before the first adoption of a sync, and not before the
# next adoptions. An adoption can take 4 s, because 20 workers share a limit of 5 requests a second.
# metacontroller@v4.17.2:pkg/controller/composite/controller.go (claimChildren, canAdoptFunc)
ADOPTION_GRACE: Final = timedelta(seconds=30)
NEXT_ADOPTION_GRACE: Final = timedelta(seconds=5)  # for each further ServiceAccount of a list


def finalize(observed: Observed, wanted: Wanted, policy: Policy, now: datetime) -> Answer:
    """Return the answer while the binding is deleted; `finalized` once the deletion may complete.

    During a foreground deletion, Metacontroller writes no children until the garbage collector has
    removed its finalizer from the binding. The collector does not wait for an adoption in flight.
    After the removal, Metacontroller writes children again, and releases the ServiceAccount.
    """
    since = observed.binding.deleted_at
    hand_over = since is None or abs(now - since) >= HAND_OVER_GRACE  # clocks may differ
    blocking = observed.blocking
    named = observed.binding.targets
    further = MAX_TARGETS - 1 if named is not None and named.is_list else 0
    grace = ADOPTION_GRACE + further * NEXT_ADOPTION_GRACE
    if since is not None and abs(now - since) >= grace:
        blocking = tuple(a for a in blocking if not has_unknown_label(observed.binding, a))
    finalized = not blocking and (hand_over or _is_settled(observed))
    problem = Hold(Reason.DELETING, "The binding is being deleted.", 0)
    usable = usable_token(observed, wanted, now)
    works = token_works(observed, wanted, observed.secret, usable, policy, now)
    secret = None
    if observed.secret is not None and not finalized:
        targets = desired_targets(observed.binding, observed.accounts)
        template = observed.binding.secret_template
        secret = replace(observed.secret, targets=targets, template=template)
    return Answer(
        new_status(observed, problem, Freshness(works), now),
        secret,
        desired_accounts(observed, hand_over=hand_over),
        0 if finalized else PROTECTION_RESYNC_SECONDS,
        finalized,
    )


def _is_settled(observed: Observed) -> bool:
    """True if no adoption can be in flight.

    A sync that began before the deletion still adopts. So an adoption can be in flight until the
    status shows a completed adoption, or the deletion. The deletion counts as a generation.
    kubernetes@v1.36.3:staging/src/k8s.io/apiserver/pkg/registry/rest/delete.go (BeforeDelete)
    """
    attached = observed.binding.status.condition("Attached")
    if attached is None or attached.reason == Reason.DELETING:
        return attached is not None
    if observed.binding.targets is not None and observed.binding.targets.every:
        return False  # a ServiceAccount may be newer than the status
    current = attached.observed_generation >= observed.binding.generation - 1
    return attached.status == "True" and current
