"""What a test may change about the emulated Azure while it runs.

Holds values only; the endpoints read them anew at each request.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.emulator.scope import Scope

if TYPE_CHECKING:
    from tests.emulator.entra import FederatedCredential

# Of a cluster whose OIDC issuer is public, as Entra needs it.
ISSUER = "https://oidc.example.com/cluster/"
Grant = Callable[[str, Scope], Iterable[str]]


def system_clock() -> datetime:
    """The machine's time, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the default of an injected clock has to read one


@dataclass(kw_only=True, eq=False)
class Settings:
    """The emulated tenant, registry and clock.

    Identities are named by client ID, object ID or resource ID, in any case of letters. An
    identity's other two IDs are derived from the one it was selected by, so name an identity the
    way its client selects it.

    Attributes:
        clock: Gives the aware UTC instant at which tokens are issued and judged.
        identities: Those assigned to the machine; `None`: every well-formed one is.
        roles: Those with a role on the registries, judged at the exchange; `None`: all.
        default_identity: The one IMDS takes when none is selected; `None`: refuse with 400.
        arm_audience_allowed: Whether the exchange takes tokens for Azure Resource Manager, which
            the registry policy `azureADAuthenticationAsArmPolicy` decides.
        grant: Called with the client ID and one requested scope; returns those of its actions
            that are granted; `None`: everything asked for is.
        refuse_empty_grant: Answer 401 when nothing asked for is granted, in place of a token
            without access. Which of the two ACR does is not known.
        refresh_lifetime: Life of an ACR refresh token, in seconds: 3 h, as in
            https://learn.microsoft.com/azure/container-registry/container-registry-authentication
        access_lifetime: Life of an ACR access token, in seconds: 75 min, `exp - nbf` of the
            sample in Azure/acr@81b818e:docs/AAD-OAuth.md
        token_age: Seconds by which `iat`, `nbf` and so `exp` of ACR's tokens lie in the past: a
            refresh token with 29 minutes left has lifetime 10800 and age 9060.
        tenants: Those that Entra knows; `None`: all.
        federated: What identities trust; an identity that trusts nobody has to be in `identities`.
        issuers: The keys of those who sign assertions, JWKS by issuer, besides the emulated API
            server's.
        issuer: The `iss` of the tokens of the emulated API server. Entra can read the keys of
            `https://oidc.example.com/cluster/`, and of *issuers*.
        accounts: The ServiceAccounts that the emulated API server has, "namespace/name"; `None`:
            all.
        registry_url: A registry, `http://127.0.0.1:<port>`, that answers `/v2/` in place of the
            tiny one; empty: none. It has to take tokens as ACR does, see `Emulator.token_file`.
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
