"""Syncs with token requests: many at once, each with a separate identity."""

from statistics import median
from typing import Final

from tests.bench.bodies import encode, new_binding
from tests.bench.caller import clocked, flood
from tests.emulator import Emulator, Fault
from tests.service import Service

BINDINGS: Final = 200
PARALLEL: Final = 20  # connections; less than the limit on waiting callers
AZURE_SECONDS: Final = 0.1  # of each hop
ROUNDS: Final = 3
HOPS: Final = ("imds", "exchange")
IMDS_PER_SECOND: Final = 20


def show_cold() -> None:
    """Print the time until every binding has its first token."""
    times = []
    for _ in range(ROUNDS):
        with Emulator() as emulator, Service(emulator.environment()) as service:
            for hop in HOPS:
                emulator.faults.add(hop, Fault(delay=AZURE_SECONDS))
            bodies = [
                encode({"parent": new_binding(emulator.acr_server, number, BINDINGS)})
                for number in range(BINDINGS)
            ]
            times.append(clocked(flood, service, bodies, PARALLEL))
    cold = median(times)
    print(f"\nFirst tokens of {BINDINGS} bindings with {BINDINGS} identities, {PARALLEL} at once, "
          f"each hop {1e3 * AZURE_SECONDS:.0f} ms; {ROUNDS} rounds")  # fmt: skip
    print(f"  median {cold:.2f} s, {BINDINGS / cold:.0f} a second "
          f"(IMDS bears {IMDS_PER_SECOND})")  # fmt: skip
