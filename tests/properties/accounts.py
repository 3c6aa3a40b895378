"""What users do to their ServiceAccounts, and what they may rely on meanwhile."""

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
    """Return the names that a ServiceAccount lists; None stands for a nameless entry."""
    return [entry.get("name") for entry in account.get("imagePullSecrets", [])]


def is_foreign(account: Object) -> bool:
    """Tell whether the made-up Deployment owns a ServiceAccount."""
    return FOREIGN["uid"] in {ref["uid"] for ref in owners_of(account)}


@dataclass
class Kept:
    """What is known of one ServiceAccount.

    Attributes:
        uid: it never changes
        entries: those of the user, in the user's order
        unknown: names of ours that may stay on the list, because the user put them there or took
            away what tells that they are ours
        shared: whether another controller had it, whose the mark of the last apply may be
        identity: what its user says of the identity that trusts it
        unmarked: the uid in our label, while the annotation that tells that it is ours is away
    """

    uid: str
    entries: Entries
    unknown: set[str | None] = field(default_factory=set)
    shared: bool = False
    unmarked: str | None = None
    identity: dict[str, str | None] = field(default_factory=dict)


class Accounts:
    """The ServiceAccounts of a world's namespace, by name in `kept`.

    Attributes:
        unasked: uids of bindings that may go before the hooks see how their ServiceAccount is
    """

    def __init__(self, world: World) -> None:
        self.kept: dict[str, Kept] = {}
        self.unasked: set[str] = set()
        self.world = world

    def create(self, name: str, entries: Entries) -> None:
        """Make a ServiceAccount with a label, an annotation and a field of the user's."""
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
        """Let *change* make the new list of pull Secrets from the present one."""
        before = entries_of(self.world.read("ServiceAccount", name))
        after = change(before)
        self._edit(name, lambda obj: obj.update(imagePullSecrets=[_entry(e) for e in after]))
        self.kept[name].entries = [entry for entry in after if entry not in OURS]
        self.kept[name].unknown |= set(after) & set(OURS) - set(before)

    def strip(self, name: str, section: str, key: str) -> None:
        """Take *key* off the labels or annotations.

        Without ATTACHED nobody knows which entries are ours; without the label nobody owns the
        ServiceAccount, and no binding that has moved away or is going may own it again; without
        WANTED the label is ours only while its binding is there, else it may be the user's own.
        """
        if key in (ATTACHED_ANNOTATION, UID_LABEL):
            self.doubt(name)
        if key == PULL_SECRETS_ANNOTATION:
            account = self.world.read("ServiceAccount", name)
            self.kept[name].unmarked = labels_of(account).get(UID_LABEL)
        self._edit(name, lambda obj: obj["metadata"].get(section, {}).pop(key, None))

    def doubt(self, name: str) -> None:
        """Note that entries of ours may now stay on the list."""
        listed = entries_of(self.world.read("ServiceAccount", name))
        self.kept[name].unknown |= set(listed) & set(OURS)

    def expect(self, entry: str) -> None:
        """Note that *entry*, one of ours, may stay on any list."""
        for kept in self.kept.values():
            kept.unknown.add(entry)

    def expect_unheld(self, entry: str, live: set[str]) -> None:
        """Note that *entry*, whose binding leaves, stays where none of *live* uids is in control.

        Who is in control there goes, too, and may do so before it takes the entry off; and nobody
        takes control for the sake of a binding that has left.
        """
        for name, kept in self.kept.items():
            holder = controller_of(self.world.read("ServiceAccount", name))
            if holder is None or holder["uid"] not in live:
                kept.unknown.add(entry)

    def rest(self) -> None:
        """Note that what is not on a list by now will not come by itself."""
        for name, kept in self.kept.items():
            kept.unknown &= set(entries_of(self.world.read("ServiceAccount", name)))

    def annotate(self, name: str, annotations: dict[str, str | None]) -> None:
        """Say which identity trusts it; None takes an annotation off."""
        self.kept[name].identity |= annotations

        def change(obj: Object) -> None:
            both = {**annotations_of(obj), **annotations}
            obj["metadata"]["annotations"] = {k: v for k, v in both.items() if v is not None}

        self._edit(name, change)

    def unguard(self, name: str) -> None:
        """Take the reference to the Namespace off."""
        self._edit(name, lambda obj: _keep_owners(obj, lambda ref: ref["kind"] != "Namespace"))

    def own(self, name: str, *, controller: bool) -> None:
        """Make it another controller's; what is being listed just now is nobody's to take off."""
        self.kept[name].unknown |= set(OURS)
        self.kept[name].shared = True
        ref = {**FOREIGN, "controller": controller}
        self._edit(name, lambda obj: obj["metadata"].update(ownerReferences=[*owners_of(obj), ref]))

    def disown(self, name: str) -> None:
        """Undo `own`."""
        self._edit(name, lambda obj: _keep_owners(obj, lambda ref: ref["uid"] != FOREIGN["uid"]))

    def check(self) -> None:
        """Nothing of the user's is lost, nor is anything there that the user did not make."""
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
        """A ServiceAccount that no binding targets bears no trace but the guard.

        A label may stay whose binding went unasked while nothing told that it is ours.
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
