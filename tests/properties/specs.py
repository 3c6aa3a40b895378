"""The specs of bindings, with the fields of acrpull; the ServiceAccount is added later."""

from typing import Any

from tests.model.objects import Object

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
    {"serviceAccountNames": ["*", "default"]},
)
OTHERS: tuple[dict[str, Any], ...] = (
    {"acrServer": "other.azurecr.io"},
    {"scope": "repository:app:pull"},
    {"managedIdentityClientID": "99999999-2222-3333-4444-555555555555"},
)


def asked_for(spec: Object) -> Object:
    """Return the part of a spec that determines the token."""
    others = {"serviceAccountName", "serviceAccountNames", "secretTemplate"}
    return {key: value for key, value in spec.items() if key not in others}
