"""What users do to bindings.

A binding goes by what a story calls it, see tests/properties/kinds.py.
"""

from collections.abc import Callable
from datetime import timedelta

from tests.model.objects import Key, Object, finalizers_of, key_of, uid_of
from tests.properties.inheritance import labelled, left_secret, left_status
from tests.properties.kinds import FINALIZERS, KINDS, kind_in, name_in, new_binding
from tests.properties.pull_secrets import Kept, PullSecrets
from tests.properties.specs import SPEC
from tests.properties.world import NAMESPACE


class Bindings(PullSecrets):
    """The live bindings of a world's namespace, by name in `kept`."""

    def create(self, name: str, account: str) -> None:
        """Make a valid binding for a ServiceAccount."""
        spec = {**SPEC, "serviceAccountName": account}
        made = self.world.cluster.create(new_binding(NAMESPACE, name, spec))
        self.kept[name] = Kept(uid_of(made), account, spec=spec)

    def inherit(self, name: str, account: str, left: timedelta, *, label: bool) -> None:
        """Make one as upstream's controller left it, with a token that works for *left*."""
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
        """Begin to delete a binding."""
        del self.kept[name]
        self.world.cluster.delete(*_key(name), propagation=propagation)

    def specify(self, name: str, health: str = "valid", **fields: object) -> None:
        """Give a binding a new spec of that *health*, past the CRD; its ServiceAccount stays."""
        kept = self.kept[name]
        spec = {**SPEC, "serviceAccountName": kept.account, **fields}
        if "workloadIdentity" in fields:
            del spec["managedIdentityClientID"]
        said = kind_in(name).said(spec)
        self.world.cluster.edit(*_key(name), lambda obj: obj.update(spec=said))
        kept.health, kept.spec = health, spec
        if health == "denied":
            kept.secret_uid = kept.expires_at = None
            kept.lapsed = True

    def unfinalize(self, name: str) -> None:
        """Take Metacontroller's finalizer off by hand."""
        self._finalize(_key(name), lambda each: not each.startswith(FINALIZERS))

    def hold(self, name: str, finalizer: str) -> None:
        """Put somebody else's finalizer on."""
        self._finalize(_key(name), lambda _: True, finalizer)

    def release(self, finalizer: str) -> None:
        """Take it off all."""
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
        """Return a binding, None if there is none of that name."""
        return self.world.cluster.get(*_key(name))

    def all(self) -> list[Object]:
        """Return the bindings that there are, those that are going among them."""
        return [obj for kind in KINDS for obj in self.world.objects(kind.key)]

    def move(self, name: str, account: str) -> None:
        """Let a binding be for another ServiceAccount; this also mends its spec."""
        self.kept[name].account = account
        self.specify(name)

    def target(self, name: str) -> str | None:
        """Return the ServiceAccount that a binding is for; a bad name leaves it where it is."""
        obj = self.read(name)
        if obj["spec"]["serviceAccountName"] == self.kept[name].account:
            return self.kept[name].account
        said = obj["status"].get("serviceAccountName")
        return None if said is None else str(said)

    def rest(self) -> None:
        """Note that nothing is under way: what was denied before shows by now."""
        for kept in self.kept.values():
            kept.lapsed = kept.health == "denied"


def _key(name: str) -> Key:
    return kind_in(name).key, NAMESPACE, name_in(name)
