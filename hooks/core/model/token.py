"""A registry's token: how it is asked for, what it is, and why there is none."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from hooks.core.model.identity import FederatedIdentity, Identity
from hooks.core.model.reason import Reason


class Hop(StrEnum):
    """A request on the way to a token."""

    IMDS = "imds"
    SERVICE_ACCOUNT_TOKEN = "service-account-token"
    ENTRA = "entra"
    EXCHANGE = "exchange"
    TOKEN = "token"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """All that a token depends on; *scope* is None for a refresh token."""

    identity: Identity | FederatedIdentity
    server: str
    scope: str | None
    audience: str


@dataclass(frozen=True, slots=True)
class AcrToken:
    """A registry's token: the one type that holds one. Instants are aware, in UTC.

    *access* is what it says that it is good for: its claim, any JSON value.
    """

    value: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime
    access: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class MintFailed:
    """No token came as asked for, and why; *retry_after_seconds* is what Azure asked for, if so.

    *token* is one that came all the same, and is good for a part; *hop* is where it failed, None:
    at the last one.
    """

    reason: Reason
    message: str
    retry_after_seconds: float | None = None
    token: AcrToken | None = None
    hop: Hop | None = None
