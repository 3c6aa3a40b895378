"""The user of tests/story.py on a real API server, as an administrator."""

from dataclasses import dataclass
from functools import partial

from tests.e2e.api import BINDING, Api, Object
from tests.e2e.eventually import eventually
from tests.model import binding, namespace, service_account
from tests.user import NAMESPACE

OWNER: Object = {"apiVersion": "v1", "kind": "ConfigMap"}


@dataclass(frozen=True)
class RealUser:
    """Acts on *api*; *registry* is the registry of each binding."""

    api: Api
    registry: str

    def make_namespace(self) -> None:
        """Make the Namespace, and wait for its ServiceAccount `default`."""
        self.api.create(namespace(NAMESPACE))
        eventually(partial(self.api.get, "ServiceAccount", NAMESPACE, "default"))

    def drop_namespace(self) -> None:
        """Delete the Namespace."""
        self.api.delete("Namespace", "", NAMESPACE)

    def make_account(self, name: str, *, owned: bool = False) -> None:
        """Make a ServiceAccount, *owned* by a ConfigMap."""
        account = service_account(NAMESPACE, name)
        if owned:
            meta = {"namespace": NAMESPACE, "name": "owner"}
            uid = self.api.create({**OWNER, "metadata": meta})["metadata"]["uid"]
            reference = {**OWNER, "name": "owner", "uid": uid, "controller": True}
            account["metadata"]["ownerReferences"] = [reference]
        self.api.create(account)

    def list_entries(self, account: str, *entries: str) -> None:
        """Let a ServiceAccount list *entries*."""
        listed = [{"name": name} for name in entries]
        self.api.merge("ServiceAccount", NAMESPACE, account, {"imagePullSecrets": listed})

    def strip(self, account: str, section: str) -> None:
        """Take all `labels`, or all `annotations`, off a ServiceAccount."""
        self.api.merge("ServiceAccount", NAMESPACE, account, {"metadata": {section: None}})

    def bind(self, name: str, **spec: str) -> None:
        """Make a binding."""
        self.api.create(binding(NAMESPACE, name, acrServer=self.registry, **spec))

    def respec(self, name: str, **spec: str) -> None:
        """Change fields of a binding's spec."""
        self.api.merge(BINDING, NAMESPACE, name, {"spec": spec})

    def unbind(self, name: str, propagation: str = "Background") -> None:
        """Delete a binding."""
        self.api.delete(BINDING, NAMESPACE, name, propagation)

    def make_secret(self, name: str) -> None:
        """Make a Secret of the user's own."""
        meta = {"namespace": NAMESPACE, "name": name}
        self.api.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta})
