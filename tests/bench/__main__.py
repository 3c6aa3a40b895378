"""`make bench`: measures and prints."""

import time
from contextlib import ExitStack

from tests.bench.bodies import settled
from tests.bench.caller import connected
from tests.bench.cold import show_cold
from tests.bench.floor import APP
from tests.bench.memory import show_memory
from tests.bench.profile import show_profile
from tests.bench.warm import show_growth, show_latency, show_throughput
from tests.demo.stand_ins import sample
from tests.emulator import Emulator
from tests.service import Service


def main() -> None:
    """Run all measurements in order."""
    started = time.monotonic()
    with ExitStack() as stack:
        emulator = stack.enter_context(Emulator())
        ours = stack.enter_context(Service(emulator.environment()))
        floor = stack.enter_context(Service({}, APP))
        with connected(ours) as post:
            body = settled(post, sample(emulator.acr_server))
        show_latency(ours, floor, body)
        show_throughput(ours, floor, body)
        show_growth(ours, floor, emulator.acr_server)
        show_cold(floor)
        show_profile(emulator, body)
        show_memory(emulator)
    print(f"\n{time.monotonic() - started:.0f} s in all")


if __name__ == "__main__":
    main()
