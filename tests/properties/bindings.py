"""The users' actions on bindings.

A story's name for a binding is described in tests/properties/kinds.py.
"""

from collections.abc import Callable
from datetime import timedelta

from tests.model.objects import Key, Object, finalizers_of, key_of, uid_of
from tests.properties.inheritance import labelled, left_secret, left_status
from tests.properties.kinds import FINALIZERS, KINDS, kind_in, name_in, new_binding
from tests.properties.pull_secrets import Kept, PullSecrets
from tests.properties.specs import SPEC
from tests.properties.targets import Target, fields_of, target_in
from tests.properties.world import NAMESPACE


class Bindings(PullSecrets):
    """The live bindings of a world's Namespace, by name in `kept`."""

    def create(self, name: str, account: Target) -> None:
        """Create a valid binding for a ServiceAccount, or for several."""
        spec = {**SPEC, **fields_of(account)}
        made = self.world.cluster.create(new_binding(NAMESPACE, name, spec))
        self.kept[name] = Kept(uid_of(made), account, spec=spec)

    def inherit(self, name: str, account: str, left: timedelta, *, label: bool) -> None:
        """Create a binding as msi-acrpull's controller left it; its token works for *left*."""
        self.create(name, account)
        life = timedelta(hours=3)
        issued = self.world.clock.now() + left - life
        obj = self.read(name)
        secret = left_secret(obj, name, SPEC["acrServer"], issued, life)
        made = self.world.cluster.create(labelled(secret, obj) if label else secret)
        self.world.cluster.update_status({**obj, "status": left_status(issued, life)})
        self.kept[name].inherited = True
        if label:
            self.kept[name].secret_uid = uid_of(made)
            self.kept[name].expires_at = issued + life

    def delete(self, name: str, propagation: str = "Background") -> None:
        """Begin the deletion of a binding."""
        del self.kept[name]
        self.world.cluster.delete(*_key(name), propagation=propagation)

    def specify(self, name: str, health: str = "valid", **fields: object) -> None:
        """Give a binding a new spec of that *health*, past the CRD; its ServiceAccount stays."""
        kept = self.kept[name]
        spec = {**SPEC, **fields_of(kept.account), **fields}
        if "workloadIdentity" in fields:
            del spec["managedIdentityClientID"]
        said = kind_in(name).said(spec)
        self.world.cluster.edit(*_key(name), lambda obj: obj.update(spec=said))
        kept.health, kept.spec = health, spec
        if health == "denied":
            kept.secret_uid = kept.expires_at = None
            kept.lapsed = True

    def unfinalize(self, name: str) -> None:
        """Remove Metacontroller's finalizer by hand."""
        self._finalize(_key(name), lambda each: not each.startswith(FINALIZERS))

    def hold(self, name: str, finalizer: str) -> None:
        """Add another client's finalizer."""
        self._finalize(_key(name), lambda _: True, finalizer)

    def release(self, finalizer: str) -> None:
        """Remove *finalizer* from all bindings."""
        for obj in self.all():
            self._finalize(key_of(obj), lambda each: each != finalizer)

    def _finalize(self, key: Key, keep: Callable[[str], bool], *more: str) -> None:
        def change(obj: Object) -> None:
            obj["metadata"]["finalizers"] = [*filter(keep, finalizers_of(obj)), *more]

        self.world.cluster.edit(*key, change)

    def uids(self) -> set[str]:
        """Return the uids of the live bindings."""
        return {kept.uid for kept in self.kept.values()}

    def read(self, name: str) -> Object:
        """Return a binding."""
        return self.world.cluster.read(*_key(name))

    def find(self, name: str) -> Object | None:
        """Return a binding, or None if the name is not in use."""
        return self.world.cluster.get(*_key(name))

    def all(self) -> list[Object]:
        """Return all bindings, including bindings under deletion."""
        return [obj for kind in KINDS for obj in self.world.objects(kind.key)]

    def move(self, name: str, account: Target) -> None:
        """Change a binding's ServiceAccounts; this also repairs its spec."""
        self.kept[name].account = account
        self.specify(name)

    def target(self, name: str) -> Target | None:
        """Return a binding's ServiceAccounts; a bad name has no effect."""
        obj = self.read(name)
        if target_in(obj["spec"]) == self.kept[name].account:
            return self.kept[name].account
        return target_in(obj["status"])

    def rest(self) -> None:
        """Note that nothing is in progress: each earlier denial shows by now."""
        for kept in self.kept.values():
            kept.lapsed = kept.health == "denied"


def _key(name: str) -> Key:
    return kind_in(name).key, NAMESPACE, name_in(name)
