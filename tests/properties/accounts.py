"""The users' actions on their ServiceAccounts, and the guarantees meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hooks.core.names import (
    ATTACHED_ANNOTATION,
    LAST_APPLIED_ANNOTATION,
    PULL_SECRETS_ANNOTATION,
    UID_LABEL,
)
from tests.model import service_account
from tests.model.objects import Object, annotations_of, controller_of, labels_of, owners_of
from tests.properties.kinds import secret_of
from tests.properties.world import NAMESPACE, World

ACCOUNTS = ("default", "build")
NAMES = ("app", "jobs", "team-a")
UPSTREAM = ("v1beta1/app", "v1beta1/team-a", "v1beta2/app", "v1beta2/team-a")
OURS = tuple(dict.fromkeys(secret_of(name) for name in (*NAMES, *UPSTREAM)))
THEIRS = ("zeta", "alpha", "acr-pull-theirs", None)
FOREIGN = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u-web"}
MARKS = {"labels": "team", "annotations": "acrpull.dev/note"}

Entries = list[str | None]


def entries_of(account: Object) -> Entries:
    """Return the names in a ServiceAccount's list; None stands for an entry without a name."""
    return [entry.get("name") for entry in account.get("imagePullSecrets", [])]


def is_foreign(account: Object) -> bool:
    """True if the invented Deployment owns the ServiceAccount."""
    return FOREIGN["uid"] in {ref["uid"] for ref in owners_of(account)}


@dataclass
class Kept:
    """The expectations of one ServiceAccount.

    Attributes:
        uid: The uid, which never changes.
        entries: The user's entries, in the user's order.
        unknown: Names of acrpull's Secrets that may stay on the list, because the user added them
            or removed the marks of acrpull.
        shared: Another controller had the ServiceAccount, and may own the mark of the last apply.
        identity: The user's annotations for a workload identity.
        unmarked: The uid in acrpull's label, while the annotation that marks the label is missing.
    """

    uid: str
    entries: Entries
    unknown: set[str | None] = field(default_factory=set)
    shared: bool = False
    unmarked: str | None = None
    identity: dict[str, str | None] = field(default_factory=dict)


class Accounts:
    """The ServiceAccounts of a world's Namespace, by name in `kept`.

    Attributes:
        unasked: The uids of bindings that may go before the hooks see the current ServiceAccount.
    """

    def __init__(self, world: World) -> None:
        self.kept: dict[str, Kept] = {}
        self.unasked: set[str] = set()
        self.world = world

    def create(self, name: str, entries: Entries) -> None:
        """Create a ServiceAccount with a label, an annotation and a field of the user."""
        account = service_account(NAMESPACE, name)
        account["imagePullSecrets"] = [_entry(each) for each in entries]
        account["automountServiceAccountToken"] = False
        account["metadata"].update({section: {key: "1"} for section, key in MARKS.items()})
        made = self.world.cluster.create(account)
        self.kept[name] = Kept(made["metadata"]["uid"], entries)

    def delete(self, name: str) -> None:
        """Delete a ServiceAccount."""
        del self.kept[name]
        self.world.cluster.delete("ServiceAccount", NAMESPACE, name)

    def _edit(self, name: str, change: Callable[[Object], Any]) -> None:
        self.world.cluster.edit("ServiceAccount", NAMESPACE, name, change)

    def relist(self, name: str, change: Callable[[Entries], Entries]) -> None:
        """Let *change* make a new list of pull Secrets from the current list."""
        before = entries_of(self.world.read("ServiceAccount", name))
        after = change(before)
        self._edit(name, lambda obj: obj.update(imagePullSecrets=[_entry(e) for e in after]))
        self.kept[name].entries = [entry for entry in after if entry not in OURS]
        self.kept[name].unknown |= set(after) & set(OURS) - set(before)

    def strip(self, name: str, section: str, key: str) -> None:
        """Remove *key* from the labels or annotations.

        Without ATTACHED, acrpull does not know its entries. Without the label, no binding owns the
        ServiceAccount, and a binding that has moved away or is under deletion may not own it again.
        Without WANTED, the label is acrpull's only while its binding exists; otherwise the label
        may be the user's.
        """
        if key in (ATTACHED_ANNOTATION, UID_LABEL):
            self.doubt(name)
        if key == PULL_SECRETS_ANNOTATION:
            account = self.world.read("ServiceAccount", name)
            self.kept[name].unmarked = labels_of(account).get(UID_LABEL)
        self._edit(name, lambda obj: obj["metadata"].get(section, {}).pop(key, None))

    def doubt(self, name: str) -> None:
        """Allow acrpull's entries to stay on the list, except in the mode `admission`."""
        if self.world.admission:
            return
        listed = entries_of(self.world.read("ServiceAccount", name))
        self.kept[name].unknown |= set(listed) & set(OURS)

    def expect(self, entry: str) -> None:
        """Allow *entry*, an entry of acrpull, to stay on any list.

        In the mode `admission`, no entry stays.
        """
        if self.world.admission:
            return
        for kept in self.kept.values():
            kept.unknown.add(entry)

    def expect_unapplied(self, entry: str) -> None:
        """Allow *entry* to stay on lists without dynamic-apply's annotation."""
        for name, kept in self.kept.items():
            account = self.world.read("ServiceAccount", name)
            if LAST_APPLIED_ANNOTATION not in annotations_of(account):
                kept.unknown.add(entry)

    def expect_unheld(self, entry: str, live: set[str]) -> None:
        """Allow *entry*, of a leaving binding, to stay on lists without an owner among *live*.

        An owner that is leaving, too, may go before it removes the entry. No binding takes control
        for the sake of a binding that has left. In the mode `admission`, no entry stays.
        """
        if self.world.admission:
            return
        for name, kept in self.kept.items():
            holder = controller_of(self.world.read("ServiceAccount", name))
            if holder is None or holder["uid"] not in live:
                kept.unknown.add(entry)

    def expect_left(self, entries: set[str], live: set[str]) -> None:
        """Allow acrpull's entries except *entries* to stay on lists without an owner among *live*.

        The owner leaves at once, and another binding that left before may still have its entry.
        """
        for entry in set(OURS) - entries:
            self.expect_unheld(entry, live)

    def rest(self) -> None:
        """Note that entries missing from a list by now will not come without a new action."""
        for name, kept in self.kept.items():
            kept.unknown &= set(entries_of(self.world.read("ServiceAccount", name)))

    def annotate(self, name: str, annotations: dict[str, str | None]) -> None:
        """Set the annotations for a workload identity; None removes an annotation."""
        self.kept[name].identity |= annotations

        def change(obj: Object) -> None:
            both = {**annotations_of(obj), **annotations}
            obj["metadata"]["annotations"] = {k: v for k, v in both.items() if v is not None}

        self._edit(name, change)

    def unguard(self, name: str) -> None:
        """Remove the reference to the Namespace."""
        self._edit(name, lambda obj: _keep_owners(obj, lambda ref: ref["kind"] != "Namespace"))

    def own(self, name: str, *, controller: bool) -> None:
        """Add another owner; entries that acrpull adds just now may then stay."""
        if not self.world.admission:
            self.kept[name].unknown |= set(OURS)
        self.kept[name].shared = True
        ref = {**FOREIGN, "controller": controller}
        self._edit(name, lambda obj: obj["metadata"].update(ownerReferences=[*owners_of(obj), ref]))

    def rewrite(self, name: str, ref: Object, *, keeps_label: bool = False) -> None:
        """Replace the whole ServiceAccount by the user's part and the owner reference *ref*."""
        kept = self.kept[name]
        kept.shared = True
        meta = {section: {key: "1"} for section, key in MARKS.items()}
        meta["annotations"] |= {k: v for k, v in kept.identity.items() if v is not None}

        def change(obj: Object) -> None:
            labels = labels_of(obj) if keeps_label else meta["labels"]
            obj["metadata"].update({**meta, "labels": labels, "ownerReferences": [ref]})
            obj["imagePullSecrets"] = [_entry(entry) for entry in kept.entries]

        self._edit(name, change)

    def disown(self, name: str) -> None:
        """Undo `own`."""
        self._edit(name, lambda obj: _keep_owners(obj, lambda ref: ref["uid"] != FOREIGN["uid"]))

    def check(self) -> None:
        """Check that nothing of the user is lost, and that no other entry or mark exists."""
        found = {obj["metadata"]["name"]: obj for obj in self.world.objects("ServiceAccount")}
        assert found.keys() == self.kept.keys()
        for name, kept in self.kept.items():
            account = found[name]
            assert account["metadata"]["uid"] == kept.uid
            assert account["automountServiceAccountToken"] is False
            assert all(account["metadata"][part].get(key) for part, key in MARKS.items())
            said = annotations_of(account)
            assert all(said.get(key) == value for key, value in kept.identity.items())
            assert [e for e in entries_of(account) if e not in OURS] == kept.entries
            if PULL_SECRETS_ANNOTATION in annotations_of(account):
                kept.unmarked = None

    def check_left_alone(self, name: str) -> None:
        """Check for marks on a ServiceAccount without a binding: only the protection may stay.

        A label may stay if its binding went unasked while the mark of the label was missing.
        """
        account, kept = self.world.read("ServiceAccount", name), self.kept[name]
        meta = account["metadata"]
        assert meta["labels"].get(UID_LABEL) in {None, kept.unmarked} & {None, *self.unasked}
        assert PULL_SECRETS_ANNOTATION not in meta["annotations"]
        assert {ref["kind"] for ref in owners_of(account)} <= {"Namespace", FOREIGN["kind"]}
        assert not (set(entries_of(account)) & set(OURS)) - kept.unknown
        assert kept.unknown or ATTACHED_ANNOTATION not in meta["annotations"]
        if not kept.unknown and not kept.shared:
            assert LAST_APPLIED_ANNOTATION not in meta["annotations"]


def _entry(name: str | None) -> Object:
    return {} if name is None else {"name": name}


def _keep_owners(obj: Object, keep: Callable[[Object], bool]) -> None:
    obj["metadata"]["ownerReferences"] = [ref for ref in owners_of(obj) if keep(ref)]
