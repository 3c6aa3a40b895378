"""The ServiceAccounts that a binding names."""

from dataclasses import dataclass
from typing import Final

# In `serviceAccountNames`: every ServiceAccount of the Namespace.
EVERY: Final = "*"


@dataclass(frozen=True, slots=True)
class Targets:
    """The ServiceAccounts that list the Secret of a binding.

    Attributes:
        names: The names in the spec.
        every: Whether each ServiceAccount of the Namespace is a target, present and future.
        is_list: Whether the names come from the field `serviceAccountNames`.
    """

    names: frozenset[str]
    every: bool = False
    is_list: bool = False

    def __contains__(self, account: str) -> bool:
        """True if the ServiceAccount named *account* is a target."""
        return self.every or account in self.names

    @property
    def only(self) -> str | None:
        """The name in the field `serviceAccountName`; None if the binding has a list."""
        return None if self.is_list else next(iter(self.names), None)

    @property
    def listed(self) -> list[str]:
        """The value of the field `serviceAccountNames`, sorted."""
        return [EVERY] if self.every else sorted(self.names)


def one_target(name: str) -> Targets:
    """Return the ServiceAccount named *name* as the only target."""
    return Targets(frozenset({name}))
