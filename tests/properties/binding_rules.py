"""What the state machine's users do to bindings and to their Secrets."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.objects import owners_of
from tests.properties.accounts import ACCOUNTS, FOREIGN
from tests.properties.kinds import OURS, kind_in, secret_of
from tests.properties.specs import DENIED, INVALID, INVALID_OURS, OTHERS
from tests.properties.stage import Stage

numbers = st.integers(0, 27)
targets = st.sampled_from([*ACCOUNTS, "absent"])
picks = st.integers(0, 6)


def has_bindings(stage: Stage) -> bool:
    """Tell whether a binding is live."""
    return bool(stage.bindings.kept)


class BindingRules(Stage):
    """Bindings come, change and go."""

    def pick(self, number: int) -> str:
        """Return the name of one of the live bindings."""
        live = sorted(self.bindings.kept)
        return live[number % len(live)]

    def name(self, number: int) -> str:
        """Return one of the names that a binding may have."""
        return self.names[number % len(self.names)]

    def withdraw(self, number: int) -> str:
        """Return what `pick` does; the binding's entry is about to go where somebody sees to it."""
        name = self.pick(number)
        self.accounts.expect_unheld(secret_of(name), self.bindings.uids())
        return name

    @rule(number=numbers, account=targets)
    def bind(self, number: int, account: str) -> None:
        """Make a binding, unless one of that name is there or still going."""
        name = self.name(number)
        if self.bindings.find(name) is None:
            self.bindings.create(name, account)

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
        """Delete a binding in a way that leaves us no say, if the guards are on."""
        name = self.pick(pick)
        if not self._is_safe(self.bindings.kept[name].uid):
            return
        self.accounts.expect(secret_of(name))
        self.accounts.unasked.add(self.bindings.kept[name].uid)
        if how == "by hand":
            self.bindings.unfinalize(name)
        self.bindings.delete(name, "Background" if how == "by hand" else how)

    def _is_safe(self, uid: str) -> bool:
        """Tell whether each ServiceAccount that a binding owns has another owner that stays.

        The made-up Deployment is none: its user may take it off before the binding's is.
        """
        return all(
            [ref["uid"] for ref in owners_of(account) if ref["uid"] != FOREIGN["uid"]] != [uid]
            for account in self.world.objects("ServiceAccount")
        )

    @precondition(has_bindings)
    @rule(pick=picks, account=targets)
    def move(self, pick: int, account: str) -> None:
        """Let a binding be for another ServiceAccount."""
        self.bindings.move(self.withdraw(pick), account)

    @precondition(has_bindings)
    @rule(pick=picks, fields=st.sampled_from(OTHERS))
    def change(self, pick: int, fields: dict[str, Any]) -> None:
        """Let a binding ask for another token; this also mends what was wrong with it."""
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
        """Let a binding ask for a server that the cluster's owner does not allow."""
        self.bindings.specify(self.withdraw(pick), "denied", **DENIED)

    @rule(number=numbers)
    def delete_secret(self, number: int) -> None:
        """Delete the Secret of a binding's name, or make one of the user's own in its place."""
        name = self.name(number)
        if self.bindings.secret(name):
            self.bindings.delete_secret(name)
        elif not self.stale:
            self.bindings.squat(name)

    @rule(number=numbers, how=st.sampled_from(["data", "inputs", "label", "mark"]))
    def tamper(self, number: int, how: str) -> None:
        """Change a Secret."""
        name = self.name(number)
        if self.bindings.secret(name):
            self.bindings.tamper(name, how)
