"""A token of a registry, the request for a token, and the outcome of a request."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from hooks.core.model.identity import FederatedIdentity, Identity
from hooks.core.model.reason import Reason


class Hop(StrEnum):
    """A step of a token request."""

    IMDS = "imds"
    SERVICE_ACCOUNT_TOKEN = "service-account-token"
    ENTRA = "entra"
    EXCHANGE = "exchange"
    TOKEN = "token"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """The inputs of a token; *scope* is None for a refresh token."""

    identity: Identity | FederatedIdentity
    server: str
    scope: str | None
    audience: str


@dataclass(frozen=True, slots=True)
class AcrToken:
    """A token of a registry. No other type contains a token. Instants are aware, in UTC.

    *access* is the claim `access`, the granted actions: any JSON value.
    """

    value: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime
    access: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class MintFailed:
    """A token request failed.

    Attributes:
        retry_after_seconds: The wait that Azure requested; None if Azure requested no wait.
        hop: The step that failed; None means the last step.
    """

    reason: Reason
    message: str
    retry_after_seconds: float | None = None
    hop: Hop | None = None


@dataclass(frozen=True, slots=True)
class PartialGrant:
    """A token that grants a part of the scope; *failure* names the missing actions."""

    token: AcrToken
    failure: MintFailed


Outcome = AcrToken | PartialGrant | MintFailed


def failure_of(outcome: PartialGrant | MintFailed) -> MintFailed:
    """Return why *outcome* does not grant the whole scope."""
    return outcome.failure if isinstance(outcome, PartialGrant) else outcome
