"""How much, how long, and what goes wrong."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A soak.

    Attributes:
        bindings: Spread over Namespaces of `PER_NAMESPACE`.
        identities: Of the bindings, in turns.
        registries: Likewise.
        shards: Threads that sync them, each with a part of the Namespaces.
        seconds: From when all are attached to the end.
        token_seconds: Life of ACR's tokens.
        kill_seconds: Between one kill of the service and the next; none in the last quarter.
        fault_seconds: The longest that a fault lasts, and how long there is none after it.
        seed: Settles bindings, faults and pulls, but not how threads take turns.
    """

    bindings: int
    identities: int
    registries: int
    shards: int
    seconds: float
    token_seconds: float
    kill_seconds: float
    fault_seconds: float
    seed: int = 1


PER_NAMESPACE = 5
ATTACH_SECONDS = 180  # for all bindings, at the start
# Metacontroller gives up on a hook after as long.
# metacontroller@v4.17.2:pkg/hooks/webhook.go:301
HOOK_SECONDS = 10

# Less than 120 s of life, or more kills, can't be caught up with: IMDS bears 20 requests a second.
LONG = Plan(
    bindings=1000,
    identities=200,
    registries=50,
    shards=20,
    seconds=600,
    token_seconds=120,
    kill_seconds=60,
    fault_seconds=10,
)
# Each token is renewed once, at half its life.
SHORT = Plan(
    bindings=20,
    identities=5,
    registries=3,
    shards=4,
    seconds=6,
    token_seconds=10,
    kill_seconds=2,
    fault_seconds=1,
)
