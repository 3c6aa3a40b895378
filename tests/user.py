"""The actions of a Namespace's user, on a real cluster or on the model."""

from typing import Final, Protocol

NAMESPACE: Final = "team-a"


class User(Protocol):
    """Acts on objects in `NAMESPACE`. The cluster selects the registry."""

    def make_namespace(self) -> None:
        """Create the Namespace, with its ServiceAccount `default`."""

    def drop_namespace(self) -> None:
        """Delete the Namespace."""

    def make_account(self, name: str, *, owned: bool = False) -> None:
        """Create a ServiceAccount, *owned* by a ConfigMap in place of another controller."""

    def list_entries(self, account: str, *entries: str) -> None:
        """Set the `imagePullSecrets` of a ServiceAccount to *entries*."""

    def strip(self, account: str, section: str) -> None:
        """Remove all `labels`, or all `annotations`, of a ServiceAccount."""

    def bind(self, name: str, **spec: str) -> None:
        """Create a binding."""

    def respec(self, name: str, **spec: str) -> None:
        """Change fields of a binding's spec."""

    def unbind(self, name: str, propagation: str = "Background") -> None:
        """Delete a binding."""

    def make_secret(self, name: str) -> None:
        """Create a Secret of the user."""
