"""The resident memory of the worker."""

from itertools import cycle, islice
from typing import Final

from tests.bench.bodies import new_binding, settled
from tests.bench.caller import connected, flood
from tests.emulator import Emulator
from tests.service import Service

SYNCS: Final = 10_000
BINDINGS: Final = 300
IDENTITIES: Final = 60
MIB: Final = 2**20  # bytes


def show_memory(emulator: Emulator) -> None:
    """Print the resident memory of the worker, in a separate service."""
    with Service(emulator.environment()) as service:
        before = service.rss_bytes()
        bodies = []
        with connected(service) as post:
            for number in range(BINDINGS):
                binding = new_binding(emulator.acr_server, number, IDENTITIES)
                bodies.append(settled(post, binding))
        first = service.rss_bytes()
        flood(service, list(islice(cycle(bodies), SYNCS)))
        after = service.rss_bytes()
    print(f"\nResident memory of the worker, {BINDINGS} bindings of {IDENTITIES} identities")
    print(f"  after start {before / MIB:.1f} MiB, with every binding settled {first / MIB:.1f} MiB")
    print(f"  after {SYNCS} further syncs {after / MIB:.1f} MiB")
