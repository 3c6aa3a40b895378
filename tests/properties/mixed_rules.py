"""The users' actions with bindings of all kinds: identities change, and objects are inherited."""

from datetime import timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.objects import Object
from tests.properties.account_rules import AccountRules, change, has_accounts, picks
from tests.properties.accounts import NAMES, UPSTREAM
from tests.properties.binding_rules import BindingRules, has_bindings, numbers, single_names
from tests.properties.identities import ANNOTATIONS, FEDERATED
from tests.properties.kinds import FIRST, kind_in, secret_of

LEFT = tuple(timedelta(minutes=minutes) for minutes in (170, 20, -10))


class MixedRules(BindingRules, AccountRules):
    """All three kinds, with identities of the node and workload identities."""

    names = (*NAMES, *UPSTREAM)

    @precondition(has_accounts)
    @rule(pick=picks, annotations=st.sampled_from(ANNOTATIONS))
    def annotate(self, pick: int, annotations: dict[str, str | None]) -> None:
        """Set or remove the annotations of a ServiceAccount for a workload identity."""
        self.accounts.annotate(self.choose(pick), annotations)

    @precondition(has_bindings)
    @rule(pick=numbers, asked=st.sampled_from(FEDERATED))
    def federate(self, pick: int, asked: Object) -> None:
        """Give a binding a workload identity; the oldest kind has no such field."""
        name = self.pick(pick)
        if not isinstance(self.bindings.kept[name].account, str):
            asked = {"serviceAccountName": "build", **asked}  # required beside a list
        if kind_in(name) is not FIRST:
            self.bindings.specify(name, workloadIdentity=asked)

    @rule(number=numbers, account=single_names, left=st.sampled_from(LEFT), label=st.booleans())
    def inherit(self, number: int, account: str, left: timedelta, label: bool) -> None:
        """Take over a binding of msi-acrpull with its Secret and an existing entry."""
        name = UPSTREAM[number % len(UPSTREAM)]
        if self.bindings.find(name) is None and self.bindings.secret(name) is None:
            self.bindings.inherit(name, account, left, label=label)
            if account in self.accounts.kept:
                entry = secret_of(name)
                self.accounts.relist(account, partial(change, "append", entry))

    @precondition(has_bindings)
    @rule(pick=numbers)
    def relabel(self, pick: int) -> None:
        """Label a Secret, as docs/migrating.md describes: Metacontroller then adopts it."""
        name = self.pick(pick)
        if self.bindings.secret(name):
            self.bindings.relabel(name)
