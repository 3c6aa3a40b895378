"""The command line of the demo: `make demo` and `make run`."""

import signal
import sys
import threading
from argparse import ArgumentParser
from contextlib import suppress

from tests.demo.exercises import show_exercises
from tests.demo.stand_ins import DemoFailed
from tests.demo.walkthrough import walk_through
from tests.emulator import Emulator
from tests.service import Service, ServiceFailed

DESCRIPTION = """\
Run acrpull with an emulated Azure: report a binding, get a pull Secret, and pull an image with it.
Needs no Azure subscription and no cluster. Exits with 0 if the image was pulled, and with 1 if not.
"""


def main() -> int:
    """Run the demo with the options of the command line; return the exit code."""
    parser = ArgumentParser(prog="python -m tests.demo", description=DESCRIPTION)
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep acrpull and the emulated Azure running, and print requests to try",
    )
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="also print the complete binding, Secret, ServiceAccount and status",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` ignores SIGINT
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        return run(Emulator(registries=1), keep=options.keep, verbose=options.verbose)
    except KeyboardInterrupt:
        print("\nInterrupted. acrpull and the emulated Azure are stopped.", file=sys.stderr)
        return 128 + signal.SIGINT


def run(emulator: Emulator, *, keep: bool = False, verbose: bool = False) -> int:
    """Run the demo; start and stop *emulator*; return the exit code."""
    try:
        with emulator, Service(emulator.environment()) as service:
            try:
                result = walk_through(emulator, service.url, verbose=verbose)
            except Exception:
                sys.stdout.flush()
                print(f"\nacrpull's log:\n{service.log}", file=sys.stderr)
                raise
            if keep:
                print(f"\nSuccess: {result}.")
                where = (service.url, emulator.imds_url, emulator.acr_server)
                show_exercises(*where, service.log_file)
                with suppress(KeyboardInterrupt):
                    threading.Event().wait()
    except ServiceFailed as error:
        print(f"{error}\nFailed: acrpull did not start. Its log is above.", file=sys.stderr)
        return 1
    except DemoFailed as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    if keep:
        print("\nacrpull and the emulated Azure are stopped.")
    else:
        print(f"\nSuccess: {result}. Next: `make run` prints requests to try.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
