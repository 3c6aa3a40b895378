"""The settings of the emulated Azure. A test may change the settings at any time.

The endpoints read the values again at each request.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.emulator.scope import Scope

if TYPE_CHECKING:
    from tests.emulator.entra import FederatedCredential

# A cluster with a public OIDC issuer, because Entra must read the issuer's keys.
ISSUER = "https://oidc.example.com/cluster/"
Grant = Callable[[str, Scope], Iterable[str]]


def system_clock() -> datetime:
    """Return the machine's time, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the default of an injected clock has to read one


@dataclass(kw_only=True, eq=False)
class Settings:
    """The emulated tenant, registry and clock.

    Identities are named by client ID, object ID or resource ID, in any case of letters. An
    identity's other two IDs are derived from the selected ID. So name an identity by the same ID as
    the client does.

    Attributes:
        clock: Returns the current instant, aware, in UTC, for issuing and checking tokens.
        identities: The identities on the machine; `None`: every well-formed identity.
        roles: The identities with a role on the registries, checked at the exchange; `None`: all.
        default_identity: IMDS's identity for requests without an ID; `None`: reject with 400.
        arm_audience_allowed: Whether the exchange accepts tokens for Azure Resource Manager, as by
            the registry policy `azureADAuthenticationAsArmPolicy`.
        grant: Called with the client ID and a requested scope; returns the granted actions of the
            scope; `None`: all actions are granted.
        refuse_empty_grant: Whether an empty grant gets a 401 in place of a token without access.
            ACR's behavior is not known.
        refresh_lifetime: Life of an ACR refresh token, in seconds: 3 h, as in
            https://learn.microsoft.com/azure/container-registry/container-registry-authentication
        access_lifetime: Life of an ACR access token, in seconds: 75 min, `exp - nbf` of the
            sample in Azure/acr@81b818e:docs/AAD-OAuth.md
        token_age: Seconds by which `iat`, `nbf` and `exp` of ACR's tokens are shifted to the past:
            a refresh token with 29 minutes left has lifetime 10800 and age 9060.
        tenants: The tenants in Entra; `None`: all.
        federated: The federated credentials of identities. Identities without a credential must be
            in `identities`.
        issuers: The keys of other issuers of assertions than the API server, JWKS by issuer.
        issuer: The `iss` of the tokens of the emulated API server. Entra can read the keys of
            `https://oidc.example.com/cluster/`, and of *issuers*.
        accounts: The ServiceAccounts in the emulated API server, "namespace/name"; `None`: all.
        registry_url: A registry, `http://127.0.0.1:<port>`, for `/v2/` in place of the tiny
            registry; empty: none. The registry must accept ACR's tokens: `Emulator.token_file`.
    """

    clock: Callable[[], datetime] = system_clock
    identities: Collection[str] | None = None
    roles: Collection[str] | None = None
    default_identity: str | None = None
    arm_audience_allowed: bool = True
    grant: Grant | None = None
    refuse_empty_grant: bool = False
    refresh_lifetime: float = 10800  # 3 h
    access_lifetime: float = 4500  # 75 min
    token_age: float = 0
    tenants: Collection[str] | None = None
    federated: Collection["FederatedCredential"] = ()
    issuers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    issuer: str = ISSUER
    accounts: Collection[str] | None = None
    registry_url: str = ""
