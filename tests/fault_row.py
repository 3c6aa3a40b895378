"""A failure: its cause, and the expected status of the binding. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from hooks.core.model.reason import Reason
from tests.emulator import Fault
from tests.emulator.fault import Endpoint


class Effect(Enum):
    """The effect of a failure on a binding."""

    MINT_FAILS = "the mint fails"
    INVALID = "the spec is invalid"
    INCOMPLETE = "spec and settings lack a value"
    DENIED = "a setting of the service denies the registry"


class Place(Enum):
    """The kind of address of a registry, IMDS, the API server or Entra."""

    EMULATED = "the emulator"
    REFUSING = "a port that refuses connections"
    SILENT = "a port that accepts no connection and refuses none"
    STRANGER = "another emulator, whose CA the service does not trust"
    PLAIN = "a port of the emulator that does not speak TLS"


class Calls(NamedTuple):
    """The number of requests that reach each endpoint."""

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
        name: Unique in the table.
        reason: The reason of the conditions.
        remedy: A part of the message: the remedy, or the next event.
        calls: Requests that reach Azure when a token is needed.
        faults: Faults of Azure, by endpoint.
        settings: Settings of the emulator.
        spec: Fields of the binding's spec; None removes a field.
        actions: Actions of the spec's scope, on a single repository; without actions the spec has
            no scope.
        registry: The address of the registry, unless *spec* has an `acrServer`.
        imds: The address of IMDS.
        api_server: The address of the API server.
        entra: The address of Entra.
        workload: True if the binding has a workload identity.
        pending_if_new: The reason during the first minutes of the failure; None: *reason*.
        retry_after: The seconds of Azure's `Retry-After`.
        partial: True if Azure returns a token for a part of the scope.
        effect: What the failure does to the binding.
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
    pending_if_new: Reason | None = None
    retry_after: int = 0
    partial: bool = False
    effect: Effect = Effect.MINT_FAILS

    @property
    def places(self) -> tuple[Place, Place, Place]:
        """The addresses in the settings of the service: IMDS, the API server, Entra."""
        return self.imds, self.api_server, self.entra

    @property
    def slow(self) -> bool:
        """True if the service waits for a timeout."""
        waits = any(fault.delay or fault.dribble for fault in self.faults.values())
        return waits or Place.SILENT in {self.registry, *self.places}


SLOW: Final = Fault(delay=30)  # seconds; longer than every timeout
