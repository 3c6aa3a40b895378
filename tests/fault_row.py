"""A failure: what is broken, and what is to be said of it. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from hooks.core.reason import Reason
from tests.emulator import Fault
from tests.emulator.fault import Endpoint


class Effect(Enum):
    """What a row does to a binding."""

    MINT_FAILS = "no token can be had"
    INVALID = "the spec can't be understood"
    DENIED = "the cluster's owner forbids what the spec asks for"


class Place(Enum):
    """Where a registry or IMDS is."""

    EMULATED = "the emulator"
    REFUSING = "a port that refuses connections"
    SILENT = "a port that does not answer"
    STRANGER = "another emulator, whose CA the service does not trust"
    PLAIN = "an emulator's port that does not speak TLS"


class Calls(NamedTuple):
    """How many requests reach each endpoint."""

    imds: int = 0
    exchange: int = 0
    token: int = 0
    kubernetes: int = 0
    entra: int = 0


NONE: Final = Calls()
IMDS: Final = Calls(1)
EXCHANGE: Final = Calls(1, 1)
TOKEN: Final = Calls(1, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One failure.

    Attributes:
        name: Tells it from the others.
        reason: Of the conditions.
        remedy: A word of the message that says what to do, or what becomes of it.
        calls: What reaches Azure where a token is needed.
        faults: What Azure does, by endpoint.
        settings: Of the emulator.
        spec: Fields of the binding's spec; None takes one away.
        actions: Those of the spec's scope, which names a repository; without them there is none.
        registry: Where `acrServer` is, unless *spec* has one.
        imds: Where IMDS is.
        api_server: Where the API server is.
        entra: Where Entra is.
        workload: Whether the binding is by workload identity.
        young: The reason while it has not been failing for long; None: the same.
        retry_after: The seconds that Azure asks to wait.
        partial: Whether a token comes all the same, good for a part of the scope.
        effect: What it does to the binding.
    """

    name: str
    reason: Reason
    remedy: str
    calls: Calls = NONE
    faults: Mapping[Endpoint, Fault] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    spec: Mapping[str, str | None] = field(default_factory=dict)
    actions: str = ""
    registry: Place = Place.EMULATED
    imds: Place = Place.EMULATED
    api_server: Place = Place.EMULATED
    entra: Place = Place.EMULATED
    workload: bool = False
    young: Reason | None = None
    retry_after: int = 0
    partial: bool = False
    effect: Effect = Effect.MINT_FAILS


SLOW: Final = Fault(delay=30)  # more than any timeout
