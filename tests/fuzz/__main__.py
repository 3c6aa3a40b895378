"""`python -m tests.fuzz --cases 5000 --seed 1`."""

from argparse import ArgumentParser

from tests.emulator import Emulator
from tests.fuzz.run import Fuzz, Summary, environment
from tests.service import Service


def fuzz(cases: int, seed: int) -> Summary:
    """Try *cases* from *seed* on a separate service, with an emulated Azure."""
    with Emulator() as emulator, Service(environment(emulator)) as service:
        return Fuzz(service, emulator).run(cases, seed)


if __name__ == "__main__":
    parser = ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(fuzz(arguments.cases, arguments.seed))
