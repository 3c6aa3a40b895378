"""The users' actions on their ServiceAccounts, as rules of the state machine."""

from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from hooks.core.names import ATTACHED_ANNOTATION, LAST_APPLIED_ANNOTATION, PULL_SECRETS_ANNOTATION
from tests.model.objects import (
    FOREGROUND,
    ORPHAN,
    Object,
    controller_of,
    finalizers_of,
    owners_of,
)
from tests.properties.accounts import ACCOUNTS, OURS, THEIRS, Entries, is_foreign
from tests.properties.kinds import BINDINGS, FINALIZERS
from tests.properties.stage import Stage, writes

MARKS = [
    ("labels", "controller-uid"),
    ("annotations", PULL_SECRETS_ANNOTATION),
    ("annotations", ATTACHED_ANNOTATION),
    ("annotations", LAST_APPLIED_ANNOTATION),
]


def change(how: str, name: str | None, listed: Entries) -> Entries:
    """Return *listed* after a user's edit."""
    others = [entry for entry in listed if entry != name]
    return {
        "append": listed if name in listed else [*listed, name],
        "prepend": listed if name in listed else [name, *listed],
        "remove": others,
        "clear": [],
        "reverse": listed[::-1],
    }[how]


edits = st.builds(
    partial,
    st.just(change),
    st.sampled_from(["append", "prepend", "remove", "clear", "reverse"]),
    st.sampled_from([*THEIRS, *OURS]),
)
picks = st.integers(0, 1)


def has_accounts(stage: Stage) -> bool:
    """True if a ServiceAccount exists."""
    return bool(stage.accounts.kept)


def waits_for_us(binding: Object) -> bool:
    """True if the deletion of a binding waits for the hook."""
    finalizers = set(finalizers_of(binding))
    ours = any(name.startswith(FINALIZERS) for name in finalizers)
    return ours and not {FOREGROUND, ORPHAN} & finalizers


class AccountRules(Stage):
    """ServiceAccounts are created, changed and deleted."""

    def choose(self, number: int) -> str:
        """Return the name of one of the ServiceAccounts."""
        return sorted(self.accounts.kept)[number % len(self.accounts.kept)]

    @rule(
        name=st.sampled_from(ACCOUNTS),
        entries=st.lists(st.sampled_from(THEIRS), unique=True, max_size=3),
    )
    def create_account(self, name: str, entries: Entries) -> None:
        """Create a ServiceAccount, or delete and recreate it."""
        if name in self.accounts.kept:
            self.accounts.delete(name)
        self.accounts.create(name, entries)

    @precondition(has_accounts)
    @rule(pick=picks)
    def delete_account(self, pick: int) -> None:
        """Delete a ServiceAccount."""
        self.accounts.delete(self.choose(pick))

    @precondition(has_accounts)
    @rule(pick=picks, edit=edits)
    def relist(self, pick: int, edit: "partial[Entries]") -> None:
        """Edit imagePullSecrets."""
        self.accounts.relist(self.choose(pick), edit)

    @precondition(lambda self: has_accounts(self) and self.strategy == "dynamic-apply")
    @rule(pick=picks, edit=edits, after=writes)
    def relist_meanwhile(self, pick: int, edit: "partial[Entries]", after: int) -> None:
        """Edit imagePullSecrets between a read and the following write of Metacontroller."""
        name = self.choose(pick)

        def meet() -> None:
            if name in self.accounts.kept:
                self.accounts.relist(name, edit)

        self.world.ambush(after, meet)

    @precondition(has_accounts)
    @rule(pick=picks, mark=st.sampled_from(MARKS))
    def strip(self, pick: int, mark: tuple[str, str]) -> None:
        """Remove a label or an annotation of acrpull."""
        self.accounts.strip(self.choose(pick), *mark)

    @precondition(has_accounts)
    @rule(pick=picks)
    def unguard(self, pick: int) -> None:
        """Remove the protective reference, if it can be restored before any deletion."""
        name = self.choose(pick)
        refs = owners_of(self.world.read("ServiceAccount", name))
        kept = {obj["metadata"]["uid"] for obj in self.world.cluster.peek() if waits_for_us(obj)}
        if {ref["uid"] for ref in refs if ref["kind"] in BINDINGS} <= kept:
            self.accounts.unguard(name)

    @precondition(has_accounts)
    @rule(pick=picks, controller=st.booleans())
    def own(self, pick: int, controller: bool) -> None:
        """Give a ServiceAccount another owner, or remove that owner."""
        name = self.choose(pick)
        account = self.world.read("ServiceAccount", name)
        if is_foreign(account):
            self.accounts.disown(name)
        elif not controller or controller_of(account) is None:
            self.accounts.own(name, controller=controller)
