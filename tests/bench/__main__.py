"""`make bench`: measures and prints."""

import time
from contextlib import ExitStack

from tests.bench.bodies import large_bodies, settled
from tests.bench.caller import connected
from tests.bench.cold import show_cold
from tests.bench.memory import show_memory
from tests.bench.profile import show_profile
from tests.bench.warm import (
    settled_bodies,
    show_growth,
    show_large,
    show_latency,
    show_throughput,
)
from tests.demo.stand_ins import sample
from tests.emulator import Emulator
from tests.service import Service


def main() -> None:
    """Run all measurements in order."""
    started = time.monotonic()
    with ExitStack() as stack:
        emulator = stack.enter_context(Emulator())
        service = stack.enter_context(Service(emulator.environment()))
        with connected(service) as post:
            body = settled(post, sample(emulator.acr_server))
        show_latency(service, body)
        show_throughput(service, body)
        bodies = settled_bodies(service, emulator.acr_server)
        show_growth(service, bodies)
        large = large_bodies(body, bodies)
        show_large(service, large)
        show_cold()
        show_profile(emulator, [("/sync", body), *large.items()])
        show_memory(emulator)
    print(f"\n{time.monotonic() - started:.0f} s in all")


if __name__ == "__main__":
    main()
