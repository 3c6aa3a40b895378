"""What a user of one Namespace does, on a real cluster or a modelled one."""

from typing import Final, Protocol

NAMESPACE: Final = "team-a"


class User(Protocol):
    """Who acts in `NAMESPACE`: all that is named lies there. The registry is the cluster's."""

    def make_namespace(self) -> None:
        """Make the Namespace; its ServiceAccount `default` comes with it."""

    def drop_namespace(self) -> None:
        """Delete the Namespace."""

    def make_account(self, name: str, *, owned: bool = False) -> None:
        """Make a ServiceAccount, *owned* by a ConfigMap, which stands for any other controller."""

    def list_entries(self, account: str, *entries: str) -> None:
        """Let a ServiceAccount list *entries*."""

    def strip(self, account: str, section: str) -> None:
        """Take all `labels`, or all `annotations`, off a ServiceAccount."""

    def bind(self, name: str, **spec: str) -> None:
        """Make a binding."""

    def respec(self, name: str, **spec: str) -> None:
        """Change fields of a binding's spec."""

    def unbind(self, name: str, propagation: str = "Background") -> None:
        """Delete a binding."""

    def make_secret(self, name: str) -> None:
        """Make a Secret of the user's own."""
