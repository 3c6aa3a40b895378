"""A managed identity: its three IDs, and how a request to IMDS selects it.

Knows nothing about tokens.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.emulator.message import Fields, first

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_RESOURCE_ID = re.compile(
    r"/subscriptions/[^/]+/resourcegroups/[^/]+"
    r"/providers/microsoft\.managedidentity/userassignedidentities/[^/]+",
    re.IGNORECASE,
)
# https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
# names the first three; some clients send App Service's mi_res_id to IMDS as well.
_KINDS = {
    "client_id": "client_id",
    "object_id": "object_id",
    "msi_res_id": "resource_id",
    "mi_res_id": "resource_id",
}


@dataclass(frozen=True)
class Identity:
    """A managed identity; IDs in lower case."""

    client_id: str
    object_id: str
    resource_id: str

    @classmethod
    def known_by(cls, kind: str, value: str) -> "Identity":
        """Return the identity with the ID *value* of *kind* (`client_id`...), others derived."""
        seed = value.lower()
        ids = {
            "client_id": str(uuid5(NAMESPACE_URL, f"client:{seed}")),
            "object_id": str(uuid5(NAMESPACE_URL, f"object:{seed}")),
            "resource_id": "/subscriptions/00000000-0000-0000-0000-000000000000"
            "/resourcegroups/emulator/providers/microsoft.managedidentity"
            f"/userassignedidentities/{seed}",
        }
        return cls(**ids | {kind: seed})

    @classmethod
    def of_claims(cls, claims: Mapping[str, Any]) -> "Identity":
        """Return the identity of an Entra token; see `claims`."""
        return cls(claims["appid"], claims["oid"], claims["xms_mirid"])

    def claims(self) -> dict[str, str]:
        """Return the claims of an Entra token for this identity.

        Names as in https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference;
        `xms_mirid` holds a managed identity's resource ID.
        """
        ids = {"appid": self.client_id, "oid": self.object_id, "sub": self.object_id}
        return ids | {"xms_mirid": self.resource_id}

    def named_in(self, names: Collection[str] | None) -> bool:
        """True if *names* contains an ID of the identity, in any case; `None` contains all."""
        ids = {self.client_id, self.object_id, self.resource_id}
        return names is None or not ids.isdisjoint(name.lower() for name in names)


def selectors(query: Fields) -> list[tuple[str, str]]:
    """Return the selectors in a query to IMDS: field and value as sent."""
    return [(field, first(query, field)) for field in _KINDS if field in query]


def parse_selector(field: str, value: str) -> Identity | None:
    """Return the identity selected by *field*; `None` if *value* is no such ID."""
    kind = _KINDS[field]
    form = _RESOURCE_ID if kind == "resource_id" else _GUID
    return Identity.known_by(kind, value) if form.fullmatch(value) else None


def parse_id(value: str) -> Identity | None:
    """Return the identity with the client ID or resource ID *value*; `None` otherwise."""
    return parse_selector("client_id", value) or parse_selector("msi_res_id", value)
