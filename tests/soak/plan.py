"""The plan of a soak: size, duration and faults."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A soak.

    Attributes:
        bindings: Spread over Namespaces of `PER_NAMESPACE`.
        identities: Of the bindings, in turns.
        registries: Of the bindings, in turns.
        shards: Threads that sync the bindings, each with a part of the Namespaces.
        seconds: From the moment when all bindings are attached, to the end.
        token_seconds: Lifetime of ACR's tokens.
        kill_seconds: Between one kill of the service and the next; none in the last quarter.
        fault_seconds: The longest fault, and the pause after each fault.
        seed: Determines bindings, faults and pulls, but not the order of the threads.
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
# Metacontroller cancels a hook after this time.
# metacontroller@v4.17.2:pkg/hooks/webhook.go:301
HOOK_SECONDS = 10

# Syncs can't keep up with tokens of less than 120 s, or with more kills: IMDS allows 20 requests a
# second.
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
