"""A Namespace for a scenario: the actions of its user, and the expected results."""

import copy
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from hooks.core.names import (
    ATTACHED_ANNOTATION,
    GROUP,
    PULL_SECRETS_ANNOTATION,
    SECRET_PREFIX,
    UID_LABEL,
)
from tests.e2e.api import BINDING, Api, Object
from tests.e2e.eventually import eventually
from tests.model import binding, namespace, service_account

SETTLE_SECONDS: Final = 2  # an attachment takes less than a second
USERS: Final = ("zeta", "alpha")  # the user's own entries, in no sorted order
LAST_APPLIED: Final = "metacontroller.k8s.io/last-applied-configuration"
OURS: Final = {PULL_SECRETS_ANNOTATION, ATTACHED_ANNOTATION, LAST_APPLIED}


@dataclass
class Scene:
    """The Namespace *name* on *api*; *spec* is the default spec of bindings.

    *disturb* is called after each write. `uids` contains the uids of the ServiceAccounts that must
    stay. `kind` is the kind of all bindings except in `bind`.
    """

    api: Api
    name: str
    spec: dict[str, Any]
    disturb: Callable[[], None]
    uids: dict[str, str] = field(default_factory=dict)
    kind: str = BINDING
    admission: bool = False

    def open(self) -> None:
        """Make the Namespace; its ServiceAccount `default` gets the user's entries."""
        self.api.create(namespace(self.name))
        eventually(partial(self.account, "default"))
        entries = [{"name": name} for name in USERS]
        self.edit("default", imagePullSecrets=entries, metadata={"annotations": {"mine": "1"}})

    def lost(self) -> list[str]:
        """Return the missing and the recreated ServiceAccounts."""
        found = self.api.list("ServiceAccount", self.name)
        kept = {account["metadata"]["uid"] for account in found}
        return [name for name, uid in self.uids.items() if uid not in kept]

    def close(self) -> None:
        """Delete the Namespace."""
        self.api.delete("Namespace", "", self.name)

    def end(self) -> None:
        """Delete the Namespace, and check that the deletion finishes soon.

        Nothing in the Namespace may wait for Metacontroller. A later Metacontroller would write
        events into the terminating Namespace, and be rejected.
        """
        self.close()

        def check() -> None:
            assert self.api.find("Namespace", "", self.name) is None

        eventually(check)

    def bind(self, name: str, account: str | None = None, **spec: Any) -> Object:  # noqa: ANN401
        """Create a binding."""
        target = {"serviceAccountName": account} if account else {}
        made = self.api.create(binding(self.name, name, **(self.spec | target | spec)))
        self.disturb()
        return made

    def respec(self, name: str, **spec: Any) -> None:  # noqa: ANN401  any JSON
        """Change fields of a binding's spec; None removes a field."""
        self.api.merge(self.kind, self.name, name, {"spec": spec})
        self.disturb()

    def unbind(self, name: str, propagation: str = "Background") -> None:
        """Delete a binding."""
        self.api.delete(self.kind, self.name, name, propagation)
        self.disturb()

    def make_account(self, name: str, *entries: str) -> None:
        """Create a ServiceAccount with the list *entries*."""
        made = self.api.create(service_account(self.name, name, pull_secrets=entries))
        self.uids[name] = made["metadata"]["uid"]
        self.disturb()

    def drop_account(self, name: str) -> None:
        """Delete a ServiceAccount as its user."""
        del self.uids[name]
        self.api.delete("ServiceAccount", self.name, name)
        self.disturb()

    def edit(self, account: str, **fields: Any) -> None:  # noqa: ANN401  any JSON
        """Merge *fields* into a ServiceAccount."""
        merged = self.api.merge("ServiceAccount", self.name, account, fields)
        self.uids.setdefault(account, merged["metadata"]["uid"])
        self.disturb()

    def relist(self, account: str, change: Callable[[list[str]], list[str]]) -> None:
        """Change the list of a ServiceAccount like a person with `kubectl edit`."""

        def edit() -> None:
            observed = self.account(account)
            names = [entry["name"] for entry in observed.get("imagePullSecrets", [])]
            changed = copy.deepcopy(observed)
            changed["imagePullSecrets"] = [{"name": name} for name in change(names)]
            self.api.replace(changed)

        eventually(edit)  # after a conflict, the person tries again
        self.disturb()

    def account(self, name: str) -> Object:
        """Return a ServiceAccount."""
        return self.api.get("ServiceAccount", self.name, name)

    def secret(self, name: str) -> Object:
        """Return a Secret."""
        return self.api.get("Secret", self.name, name)

    def binding(self, name: str) -> Object:
        """Return a binding."""
        return self.api.get(self.kind, self.name, name)

    def listed(self, account: str, *entries: str) -> None:
        """Expect a ServiceAccount to list *entries*, in this order, soon.

        The order of acrpull's own entries depends on the moments at which their Secrets appeared.
        """

        def check() -> None:
            found = self.account(account).get("imagePullSecrets", [])
            names = [entry["name"] for entry in found]
            expected = _ours_sorted(entries)
            assert _ours_sorted(names) == expected, f"{account} lists {names}, not {list(entries)}"

        eventually(check)

    def stays(self, account: str, *entries: str) -> None:
        """Expect a ServiceAccount to list *entries* soon, and still after any pending work."""
        self.listed(account, *entries)
        time.sleep(SETTLE_SECONDS)
        self.listed(account, *entries)

    def ready(self, *names: str) -> None:
        """Expect bindings to be Ready soon."""
        for name in names:
            self.says(name, "Ready", "True/Ready")

    def says(self, name: str, condition: str, expected: str) -> str:
        """Expect a condition to be *expected*, "status/reason", soon; return its message."""

        def check() -> str:
            observed = self.binding(name)
            conditions = observed.get("status", {}).get("conditions", [])
            found = {c["type"]: c for c in conditions}
            assert condition in found
            got = found[condition]
            assert f"{got['status']}/{got['reason']}" == expected, got
            assert got["observedGeneration"] == observed["metadata"]["generation"]
            return str(got.get("message", ""))

        return eventually(check)

    def gone(self, kind: str, name: str) -> None:
        """Expect an object not to exist, soon."""

        def check() -> None:
            assert self.api.find(kind, self.name, name) is None, f"{kind} {name} is still there"

        eventually(check)

    def released(self, account: str, *entries: str) -> None:
        """Expect a ServiceAccount to be as its user made it, apart from its protection, soon.

        In the mode `admission`, there is no protection.
        """
        self.listed(account, *entries)

        def check() -> None:
            meta = self.account(account)["metadata"]
            assert UID_LABEL not in meta.get("labels", {})
            assert not OURS & meta.get("annotations", {}).keys()
            guard = [] if self.admission else ["Namespace"]
            assert [o["kind"] for o in meta.get("ownerReferences", [])] in ([], guard)

        eventually(check)

    def guarded(self, account: str) -> None:
        """Expect a ServiceAccount to be owned by a binding and by its Namespace, soon.

        In the mode `admission`, expect no mark of acrpull except one annotation.
        """

        def check() -> None:
            meta = self.account(account)["metadata"]
            owners = meta.get("ownerReferences", [])
            if self.admission:
                assert (owners, meta.get("labels", {}).get(UID_LABEL)) == ([], None)
                assert OURS & meta["annotations"].keys() == {PULL_SECRETS_ANNOTATION}
                return
            groups = {owner["apiVersion"].partition("/")[0] for owner in owners}
            assert groups == {GROUP, "v1"}, owners

        eventually(check)


def _ours_sorted(names: Iterable[str]) -> list[str]:
    """Return *names*, with acrpull's entries among them sorted in their places."""
    names = list(names)
    ours = iter(sorted(name for name in names if name.startswith(SECRET_PREFIX)))
    return [next(ours) if name.startswith(SECRET_PREFIX) else name for name in names]
