"""The users' actions on bindings and their Secrets, as rules of the state machine."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.objects import owners_of
from tests.properties.accounts import ACCOUNTS, FOREIGN
from tests.properties.kinds import OURS, kind_in, secret_of
from tests.properties.pull_secrets import DAMAGE
from tests.properties.specs import DENIED, INVALID, INVALID_OURS, OTHERS
from tests.properties.stage import Stage
from tests.properties.targets import LISTS, Target

numbers = st.integers(0, 27)
single_names = st.sampled_from([*ACCOUNTS, "absent"])
targets: st.SearchStrategy[Target] = st.one_of(single_names, st.sampled_from(LISTS))
picks = st.integers(0, 6)


def has_bindings(stage: Stage) -> bool:
    """True if a live binding exists."""
    return bool(stage.bindings.kept)


class BindingRules(Stage):
    """Bindings are created, changed and deleted."""

    def pick(self, number: int) -> str:
        """Return the name of a live binding."""
        live = sorted(self.bindings.kept)
        return live[number % len(live)]

    def name(self, number: int) -> str:
        """Return one of the possible names of bindings."""
        return self.names[number % len(self.names)]

    def withdraw(self, number: int) -> str:
        """Return the result of `pick`; an owner of the list, if any, will remove the entry."""
        name = self.pick(number)
        self.accounts.expect_unheld(secret_of(name), self.bindings.uids())
        return name

    @rule(number=numbers, account=targets)
    def bind(self, number: int, account: Target) -> None:
        """Create a binding, unless its name is in use or under deletion."""
        name = self.name(number)
        if self.bindings.find(name) is None:
            self.bindings.create(name, _target_for(name, account))

    @precondition(has_bindings)
    @rule(pick=picks)
    def unbind(self, pick: int) -> None:
        """Delete a binding."""
        name = self.withdraw(pick)
        if self.stale:
            self.accounts.unasked.add(self.bindings.kept[name].uid)
        self.bindings.delete(name)

    @precondition(has_bindings)
    @rule(pick=picks, how=st.sampled_from(["Foreground", "Orphan", "by hand"]))
    def unbind_at_once(self, pick: int, how: str) -> None:
        """Delete a binding without a call of acrpull, if the ServiceAccounts are protected."""
        name = self.pick(pick)
        if not self._is_safe(self.bindings.kept[name].uid):
            return
        self.accounts.expect(secret_of(name))
        uid = self.bindings.kept[name].uid
        live = {secret_of(each) for each in self.bindings.kept}
        self.accounts.expect_left(live, self.bindings.uids() - {uid})
        self.accounts.unasked.add(uid)
        if how == "by hand":
            self.bindings.unfinalize(name)
        self.bindings.delete(name, "Background" if how == "by hand" else how)

    def _is_safe(self, uid: str) -> bool:
        """True if each ServiceAccount of a binding has another owner that stays.

        The invented Deployment does not count: its user may remove its reference before the
        binding's.
        """
        return all(
            [ref["uid"] for ref in owners_of(account) if ref["uid"] != FOREIGN["uid"]] != [uid]
            for account in self.world.objects("ServiceAccount")
        )

    @precondition(has_bindings)
    @rule(pick=picks, account=targets)
    def move(self, pick: int, account: Target) -> None:
        """Change a binding's ServiceAccounts."""
        name = self.withdraw(pick)
        self.bindings.move(name, _target_for(name, account))

    @precondition(has_bindings)
    @rule(pick=picks, fields=st.sampled_from(OTHERS))
    def change(self, pick: int, fields: dict[str, Any]) -> None:
        """Change the token request of a binding; this also repairs an invalid spec."""
        self.bindings.specify(self.pick(pick), **fields)

    @precondition(has_bindings)
    @rule(pick=picks, number=numbers)
    def spoil(self, pick: int, number: int) -> None:
        """Make a spec invalid."""
        name = self.pick(pick)
        choices = INVALID_OURS if kind_in(name) is OURS else INVALID
        self.bindings.specify(name, "invalid", **choices[number % len(choices)])

    @precondition(has_bindings)
    @rule(pick=picks)
    def deny(self, pick: int) -> None:
        """Change a binding's server to a server that the cluster's owner does not allow."""
        self.bindings.specify(self.withdraw(pick), "denied", **DENIED)

    @rule(number=numbers)
    def delete_secret(self, number: int) -> None:
        """Delete the Secret with a binding's name, or replace it with a user's Secret."""
        name = self.name(number)
        if self.bindings.secret(name):
            self.bindings.delete_secret(name)
        elif not self.stale:
            self.bindings.squat(name)

    @rule(number=numbers, how=st.sampled_from(sorted(DAMAGE)))
    def tamper(self, number: int, how: str) -> None:
        """Change a Secret."""
        name = self.name(number)
        if self.bindings.secret(name):
            self.bindings.tamper(name, how)


def _target_for(name: str, account: Target) -> Target:
    """Return *account*, or a single name if the kind of the binding has no list."""
    if kind_in(name) is OURS or isinstance(account, str):
        return account
    return "default"
