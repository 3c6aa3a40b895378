"""What users do where bindings of all kinds are: identities come and go, upstream left its own."""

from datetime import timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.objects import Object
from tests.properties.account_rules import AccountRules, change, has_accounts, picks
from tests.properties.accounts import NAMES, UPSTREAM
from tests.properties.binding_rules import BindingRules, has_bindings, numbers, targets
from tests.properties.identities import ANNOTATIONS, FEDERATED
from tests.properties.kinds import FIRST, kind_in, secret_of

LEFT = tuple(timedelta(minutes=minutes) for minutes in (170, 20, -10))


class MixedRules(BindingRules, AccountRules):
    """All three kinds, by identities of the node and by those that trust a ServiceAccount."""

    names = (*NAMES, *UPSTREAM)

    @precondition(has_accounts)
    @rule(pick=picks, annotations=st.sampled_from(ANNOTATIONS))
    def annotate(self, pick: int, annotations: dict[str, str | None]) -> None:
        """Say which identity trusts a ServiceAccount, or say it no more."""
        self.accounts.annotate(self.choose(pick), annotations)

    @precondition(has_bindings)
    @rule(pick=numbers, asked=st.sampled_from(FEDERATED))
    def federate(self, pick: int, asked: Object) -> None:
        """Let a binding go by workload identity, which the oldest kind can't."""
        name = self.pick(pick)
        if kind_in(name) is not FIRST:
            self.bindings.specify(name, workloadIdentity=asked)

    @rule(number=numbers, account=targets, left=st.sampled_from(LEFT), label=st.booleans())
    def inherit(self, number: int, account: str, left: timedelta, label: bool) -> None:
        """Take over a binding of upstream's with its Secret, which has an entry already."""
        name = UPSTREAM[number % len(UPSTREAM)]
        if self.bindings.find(name) is None and self.bindings.secret(name) is None:
            self.bindings.inherit(name, account, left, label=label)
            if account in self.accounts.kept:
                entry = secret_of(name)
                self.accounts.relist(account, partial(change, "append", entry))

    @precondition(has_bindings)
    @rule(pick=numbers)
    def relabel(self, pick: int) -> None:
        """Label a Secret, as docs/migrating.md has it: Metacontroller takes it for a child."""
        name = self.pick(pick)
        if self.bindings.secret(name):
            self.bindings.relabel(name)
