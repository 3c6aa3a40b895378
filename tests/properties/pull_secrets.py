"""The Secrets of bindings: the users' actions, and the guarantees meanwhile."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from hooks.core.names import INPUTS_ANNOTATION, UID_LABEL, UPSTREAM_LABEL
from tests.model.objects import Object, controller_of, labels_of, uid_of
from tests.properties.exchange import token_in
from tests.properties.kinds import secret_of
from tests.properties.targets import Target
from tests.properties.world import NAMESPACE, World

EMPTY_CONFIG = base64.b64encode(b'{"auths":{}}').decode()


def _add_registry(secret: Object) -> None:
    config = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    config["auths"]["registry.example"] = {"auth": "eDp5"}
    data = base64.b64encode(json.dumps(config).encode()).decode()
    secret["data"] = {".dockerconfigjson": data}


DAMAGE: dict[str, Callable[[Object], object]] = {
    "data": lambda secret: secret.update(data={".dockerconfigjson": EMPTY_CONFIG}),
    "more-data": _add_registry,
    "inputs": lambda secret: secret["metadata"].get("annotations", {}).pop(INPUTS_ANNOTATION, None),
    "other-inputs": lambda secret: _set(secret, "annotations", INPUTS_ANNOTATION, "0" * 64),
    "label": lambda secret: secret["metadata"].get("labels", {}).pop(UID_LABEL, None),
    "mark": lambda secret: _set(secret, "labels", "team", "1"),
}


def _set(secret: Object, field_name: str, key: str, value: str) -> None:
    secret["metadata"].setdefault(field_name, {})[key] = value


@dataclass
class Kept:
    """The expectations of one binding.

    Attributes:
        account: The ServiceAccounts in the last valid spec.
        health: "valid", "invalid" or "denied".
        secret_uid: The uid of its Secret, while no client may delete the Secret.
        expires_at: The expiry of the Secret's token, while the token must work.
        lapsed: The Secret may go, because the binding was denied since the last rest.
        spec: The token request, with the fields of acrpull.
        inherited: The token may be msi-acrpull's, with an unknown identity.
        stamped: The assumed inputs of the inherited token, once its Secret shows them.
    """

    uid: str
    account: Target
    health: str = "valid"
    secret_uid: str | None = None
    expires_at: datetime | None = None
    lapsed: bool = False
    spec: Object = field(default_factory=dict)
    inherited: bool = False
    stamped: Object | None = None


@dataclass
class PullSecrets:
    """The Secrets of a world's live bindings, by the binding's name in `kept`."""

    world: World
    kept: dict[str, Kept] = field(default_factory=dict)

    def secret(self, name: str) -> Object | None:
        """Return the Secret with a binding's name, or None."""
        return self.world.get("Secret", secret_of(name))

    def is_taken(self, name: str) -> bool:
        """True if the Secret with the binding's name does not belong to the binding."""
        secret = self.secret(name)
        return secret is not None and not _is_held(secret, self.kept[name].uid)

    def delete_secret(self, name: str) -> None:
        """Delete the Secret with a binding's name, whatever its origin."""
        for kept in self._sharing(name):
            kept.secret_uid = kept.expires_at = None
        self.world.cluster.delete("Secret", NAMESPACE, secret_of(name))

    def tamper(self, name: str, how: str) -> None:
        """Damage a binding's Secret."""
        for kept in self._sharing(name):
            kept.expires_at = None
            if UPSTREAM_LABEL in labels_of(self.secret(name) or {"metadata": {}}):
                kept.inherited, kept.stamped = True, None
        self.world.cluster.edit("Secret", NAMESPACE, secret_of(name), DAMAGE[how])

    def relabel(self, name: str) -> None:
        """Add the label for a live binding's children to the Secret with its name."""
        uid = self.kept[name].uid

        def change(obj: Object) -> None:
            obj["metadata"].setdefault("labels", {})[UID_LABEL] = uid

        for kept in self._sharing(name):
            kept.secret_uid = kept.expires_at = None
        self.world.cluster.edit("Secret", NAMESPACE, secret_of(name), change)

    def _sharing(self, name: str) -> Iterator[Kept]:
        """Return the live bindings with the same Secret name."""
        for other, kept in self.kept.items():
            if secret_of(other) == secret_of(name):
                yield kept

    def squat(self, name: str) -> None:
        """Create a user's Secret with the name of a binding's Secret."""
        meta = {"namespace": NAMESPACE, "name": secret_of(name)}
        data = {".dockerconfigjson": EMPTY_CONFIG}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}
        self.world.cluster.create({**secret, "type": "kubernetes.io/dockerconfigjson"})

    def check(self) -> None:
        """Check that no Secret of a live, allowed binding is lost, nor its working token."""
        for name, kept in self.kept.items():
            secret = self.secret(name)
            if kept.secret_uid is not None:
                assert secret is not None
                assert uid_of(secret) == kept.secret_uid
            if kept.expires_at is not None and kept.expires_at > self.world.clock.now():
                token = token_in(secret or {})
                assert token is not None
                assert token.expires_at > self.world.clock.now()

    def learn(self) -> None:
        """Note the existing Secrets and tokens; they must stay from now on."""
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
