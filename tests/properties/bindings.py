"""What users do to bindings and their Secrets, and what they may rely on meanwhile."""

import base64
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hooks.core.names import INPUTS_ANNOTATION
from tests.model import binding
from tests.model.finalizer import FINALIZER
from tests.model.objects import Object, controller_of, finalizers_of, labels_of, uid_of
from tests.properties.exchange import token_in
from tests.properties.world import NAMESPACE, World

IDENTITY = "11111111-2222-3333-4444-555555555555"
SPEC = {"acrServer": "registry.azurecr.io", "managedIdentityClientID": IDENTITY}
DENIED = {"acrServer": "registry.azurecr.io.attacker.com"}
INVALID: tuple[dict[str, Any], ...] = (
    {"acrServer": "https://registry.azurecr.io"},
    {"acrServer": 1},
    {"managedIdentityResourceID": "/subscriptions"},
    {"bogus": "field"},
    {"scope": "repository::pull"},
    {"serviceAccountName": "team-b/default"},
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
    """

    uid: str
    account: str
    health: str = "valid"
    secret_uid: str | None = None
    expires_at: datetime | None = None
    lapsed: bool = False


@dataclass
class Bindings:
    """The live bindings of a world's namespace, by name in `kept`."""

    world: World
    kept: dict[str, Kept] = field(default_factory=dict)

    def create(self, name: str, account: str) -> None:
        """Make a valid binding for a ServiceAccount."""
        made = self.world.cluster.create(
            binding(NAMESPACE, name, **SPEC, serviceAccountName=account)
        )
        self.kept[name] = Kept(uid_of(made), account)

    def delete(self, name: str, propagation: str = "Background") -> None:
        """Begin to delete a binding."""
        del self.kept[name]
        self.world.cluster.delete("ACRPullBinding", NAMESPACE, name, propagation=propagation)

    def specify(self, name: str, health: str = "valid", **fields: object) -> None:
        """Give a binding a new spec of that *health*, past the CRD; its ServiceAccount stays."""
        kept = self.kept[name]
        spec = {**SPEC, "serviceAccountName": kept.account, **fields}
        self.world.cluster.edit(
            "ACRPullBinding", NAMESPACE, name, lambda obj: obj.update(spec=spec)
        )
        kept.health = health
        if health == "denied":
            kept.secret_uid = kept.expires_at = None
            kept.lapsed = True

    def unfinalize(self, name: str) -> None:
        """Take Metacontroller's finalizer off by hand."""

        def change(obj: Object) -> None:
            kept = [each for each in finalizers_of(obj) if each != FINALIZER]
            obj["metadata"]["finalizers"] = kept

        self.world.cluster.edit("ACRPullBinding", NAMESPACE, name, change)

    def delete_secret(self, name: str) -> None:
        """Delete the Secret that has a binding's name, whoever made it."""
        if name in self.kept:
            self.kept[name].secret_uid = self.kept[name].expires_at = None
        self.world.cluster.delete("Secret", NAMESPACE, f"acr-pull-{name}")

    def tamper(self, name: str, how: str) -> None:
        """Spoil a binding's Secret."""

        def change(obj: Object) -> None:
            if how == "data":
                obj["data"] = {".dockerconfigjson": EMPTY_CONFIG}
            elif how == "inputs":
                obj["metadata"].get("annotations", {}).pop(INPUTS_ANNOTATION, None)
            elif how == "label":
                obj["metadata"].get("labels", {}).pop("controller-uid", None)
            else:
                obj["metadata"].setdefault("labels", {})["team"] = "1"

        if name in self.kept:
            self.kept[name].expires_at = None
        self.world.cluster.edit("Secret", NAMESPACE, f"acr-pull-{name}", change)

    def squat(self, name: str) -> None:
        """Make a Secret of the user's own under a binding's name."""
        meta = {"namespace": NAMESPACE, "name": f"acr-pull-{name}"}
        data = {".dockerconfigjson": EMPTY_CONFIG}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}
        self.world.cluster.create({**secret, "type": "kubernetes.io/dockerconfigjson"})

    def uids(self) -> set[str]:
        """Return the uids of the live bindings."""
        return {kept.uid for kept in self.kept.values()}

    def read(self, name: str) -> Object:
        """Return a binding."""
        return self.world.read("ACRPullBinding", name)

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
        return self.world.get("Secret", f"acr-pull-{name}")

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


def _is_held(secret: Object, uid: str) -> bool:
    holder = controller_of(secret)
    labelled = labels_of(secret).get("controller-uid") == uid
    return labelled and holder is not None and holder["uid"] == uid
