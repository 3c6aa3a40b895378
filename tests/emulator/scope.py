"""The scope of an ACR token: `repository:<name>:<action>[,<action>...]`.

Knows the text and the claim, but no identity.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# https://distribution.github.io/distribution/spec/auth/scope/ without wildcards in the name, and
# registry:catalog:* as the only registry scope: Azure/acr@81b818e:docs/AAD-OAuth.md
_SCOPE = re.compile(
    r"(?P<type>repository|registry):(?P<name>[a-z0-9][a-z0-9._/-]*):(?P<actions>[a-z_*]+(,[a-z_*]+)*)"
)


@dataclass(frozen=True)
class Scope:
    """Actions on one repository, such as `pull`, or on the catalog."""

    type: str
    name: str
    actions: tuple[str, ...]

    def __str__(self) -> str:
        """Return the text of the scope, as in a challenge."""
        return f"{self.type}:{self.name}:{','.join(self.actions)}"

    def claim(self) -> dict[str, Any]:
        """Return an entry of the claim `access`: keys `type`, `name` and `actions`."""
        return {"type": self.type, "name": self.name, "actions": list(self.actions)}

    def within(self, access: Iterable[dict[str, Any]]) -> "Scope":
        """Return this scope, limited to actions in the claim *access*."""
        covered = {
            action
            for entry in access
            if (entry["type"], entry["name"]) == (self.type, self.name)
            for action in entry["actions"]
        }
        return self.only(covered)

    def only(self, actions: Iterable[str]) -> "Scope":
        """Return this scope, limited to *actions*."""
        kept = set(actions)
        return Scope(self.type, self.name, tuple(a for a in self.actions if a in kept))


def parse_scopes(values: Iterable[str]) -> list[Scope]:
    """Return the scopes in *values* of the field `scope`; a value can have several, by spaces.

    Raises:
        ValueError: A part is not a scope, e.g. has a wildcard for a repository.
    """
    scopes = []
    for text in " ".join(values).split():
        match = _SCOPE.fullmatch(text)
        if match is None:
            raise ValueError(f"scope {text!r}: expected e.g. repository:alice:pull")
        scopes.append(Scope(match["type"], match["name"], tuple(match["actions"].split(","))))
    return scopes
