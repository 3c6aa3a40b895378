"""What users do to bindings and their Secrets, and what they may rely on meanwhile.

A binding goes by what a story calls it, see tests/properties/kinds.py.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hooks.core.names import INPUTS_ANNOTATION, UID_LABEL, UPSTREAM_LABEL
from tests.model.objects import Object, controller_of, finalizers_of, labels_of, uid_of
from tests.properties.exchange import token_in
from tests.properties.inheritance import labelled, left_secret, left_status
from tests.properties.kinds import (
    FINALIZERS,
    KINDS,
    kind_in,
    name_in,
    new_binding,
    secret_of,
)
from tests.properties.world import NAMESPACE, World

IDENTITY = "11111111-2222-3333-4444-555555555555"
SPEC = {"acrServer": "registry.azurecr.io", "managedIdentityClientID": IDENTITY}
DENIED = {"acrServer": "registry.azurecr.io.attacker.com"}
INVALID: tuple[dict[str, Any], ...] = (
    {"acrServer": "https://registry.azurecr.io"},
    {"acrServer": 1},
    {"scope": "repository::pull"},
    {"serviceAccountName": "team-b/default"},
)
INVALID_OURS: tuple[dict[str, Any], ...] = (
    *INVALID,
    {"managedIdentityResourceID": "/subscriptions"},
    {"bogus": "field"},
)
OTHERS: tuple[dict[str, Any], ...] = (
    {"acrServer": "other.azurecr.io"},
    {"scope": "repository:app:pull"},
    {"managedIdentityClientID": "99999999-2222-3333-4444-555555555555"},
)
EMPTY_CONFIG = base64.b64encode(b'{"auths":{}}').decode()


@dataclass
class Kept:
    """What is known of one binding.

    Attributes:
        account: the ServiceAccount that the user last named validly
        health: "valid", "invalid" or "denied"
        secret_uid: of its Secret, while nobody may delete that
        expires_at: of the token in it, while it must hold one that works
        lapsed: whether its Secret may go, for it was denied since the last rest
        spec: what it asks for, in the words of ours
        inherited: whether its token may be upstream's, of which it can't be told whose it is
    """

    uid: str
    account: str
    health: str = "valid"
    secret_uid: str | None = None
    expires_at: datetime | None = None
    lapsed: bool = False
    spec: Object = field(default_factory=dict)
    inherited: bool = False


@dataclass
class Bindings:
    """The live bindings of a world's namespace, by name in `kept`."""

    world: World
    kept: dict[str, Kept] = field(default_factory=dict)

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

        def change(obj: Object) -> None:
            kept = [each for each in finalizers_of(obj) if not each.startswith(FINALIZERS)]
            obj["metadata"]["finalizers"] = kept

        self.world.cluster.edit(*_key(name), change)

    def delete_secret(self, name: str) -> None:
        """Delete the Secret that has a binding's name, whoever made it."""
        for kept in self._sharing(name):
            kept.secret_uid = kept.expires_at = None
        self.world.cluster.delete("Secret", NAMESPACE, secret_of(name))

    def tamper(self, name: str, how: str) -> None:
        """Spoil a binding's Secret."""

        def change(obj: Object) -> None:
            if how == "data":
                obj["data"] = {".dockerconfigjson": EMPTY_CONFIG}
            elif how == "inputs":
                obj["metadata"].get("annotations", {}).pop(INPUTS_ANNOTATION, None)
            elif how == "label":
                obj["metadata"].get("labels", {}).pop(UID_LABEL, None)
            else:
                obj["metadata"].setdefault("labels", {})["team"] = "1"

        for kept in self._sharing(name):
            kept.expires_at = None
            kept.inherited |= UPSTREAM_LABEL in labels_of(self.secret(name) or {"metadata": {}})
        self.world.cluster.edit("Secret", NAMESPACE, secret_of(name), change)

    def relabel(self, name: str) -> None:
        """Put the label of a live binding's children on the Secret of its name."""
        uid = self.kept[name].uid

        def change(obj: Object) -> None:
            obj["metadata"].setdefault("labels", {})[UID_LABEL] = uid

        for kept in self._sharing(name):
            kept.secret_uid = kept.expires_at = None
        self.world.cluster.edit("Secret", NAMESPACE, secret_of(name), change)

    def _sharing(self, name: str) -> Iterator[Kept]:
        """Return the live bindings that want the same Secret."""
        for other, kept in self.kept.items():
            if secret_of(other) == secret_of(name):
                yield kept

    def squat(self, name: str) -> None:
        """Make a Secret of the user's own under a binding's name."""
        meta = {"namespace": NAMESPACE, "name": secret_of(name)}
        data = {".dockerconfigjson": EMPTY_CONFIG}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}
        self.world.cluster.create({**secret, "type": "kubernetes.io/dockerconfigjson"})

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

    def secret(self, name: str) -> Object | None:
        """Return the Secret of a binding's name, if there is one."""
        return self.world.get("Secret", secret_of(name))

    def is_taken(self, name: str) -> bool:
        """Tell whether the Secret of a binding's name is not the binding's."""
        secret = self.secret(name)
        return secret is not None and not _is_held(secret, self.kept[name].uid)

    def check(self) -> None:
        """No Secret of a live, allowed binding goes, nor the token in it while it works."""
        for name, kept in self.kept.items():
            secret = self.secret(name)
            if kept.secret_uid is not None:
                assert secret is not None
                assert uid_of(secret) == kept.secret_uid
            if kept.expires_at is not None and kept.expires_at > self.world.clock.now():
                token = token_in(secret or {})
                assert token is not None
                assert token.expires_at > self.world.clock.now()

    def rest(self) -> None:
        """Note that nothing is under way: what was denied before shows by now."""
        for kept in self.kept.values():
            kept.lapsed = kept.health == "denied"

    def learn(self) -> None:
        """Note which Secrets and tokens there are, to be kept from now on."""
        for name, kept in self.kept.items():
            secret = self.secret(name)
            if secret is None or kept.lapsed or not _is_held(secret, kept.uid):
                continue
            kept.secret_uid = uid_of(secret)
            token = token_in(secret)
            kept.expires_at = token.expires_at if token else None


def _key(name: str) -> tuple[str, str, str]:
    return kind_in(name).key, NAMESPACE, name_in(name)


def _is_held(secret: Object, uid: str) -> bool:
    holder = controller_of(secret)
    labelled = labels_of(secret).get("controller-uid") == uid
    return labelled and holder is not None and holder["uid"] == uid
