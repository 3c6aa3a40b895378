"""Runs the emulator alone: `python -m tests.emulator`, see `--help`.

Prints `export NAME=value` lines for a shell, closes its output and serves until SIGINT or SIGTERM.
`eval "$(python -m tests.emulator &)"` sets the variables in a shell.
"""

import os
import shlex
import signal
import sys
import threading
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tests.emulator.emulator import Emulator


def main() -> None:
    """Serve until a signal ends it."""
    options = parse_options()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with Emulator(**vars(options)) as emulator:
        for name, value in (emulator.environment() | emulator.federation()).items():
            print(f"export {name}={shlex.quote(value)}")
        sys.stdout.flush()
        with Path(os.devnull).open("w") as null:
            os.dup2(null.fileno(), sys.stdout.fileno())  # the shell's $(...) waits for the end
        ended.wait()


def parse_options() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(prog="python -m tests.emulator", description="An Azure on loopback.")
    parser.add_argument("--imds-port", type=int, default=0, help="0: a free one")
    parser.add_argument("--acr-port", type=int, default=0, help="0: a free one")
    parser.add_argument(
        "--directory", type=Path, help="for ca.crt and token.crt; default: a temporary one"
    )
    parser.add_argument("--refresh-lifetime", type=float, default=10800, help="seconds")
    parser.add_argument("--access-lifetime", type=float, default=4500, help="seconds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
