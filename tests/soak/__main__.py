"""`make soak`: runs, prints the results, and fails after a violation."""

import sys
from argparse import ArgumentParser
from dataclasses import replace

from tests.soak.plan import LONG, SHORT
from tests.soak.soak import Soak


def main() -> int:
    """Return the exit status."""
    parser = ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--short", action="store_true", help="ten seconds, 20 bindings")
    parser.add_argument("--seconds", type=float, help="in place of the plan's")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    plan = replace(SHORT if options.short else LONG, seed=options.seed)
    if options.seconds:
        plan = replace(plan, seconds=options.seconds)
    print(f"{plan.bindings} bindings, {plan.identities} identities, {plan.registries} registries, "
          f"tokens of {plan.token_seconds:.0f} s, for {plan.seconds:.0f} s")  # fmt: skip
    report = Soak(plan).run()
    for line in report.lines():
        print(f"  {line}")
    problems = report.problems()
    for problem in problems:
        print(f"FAILED: {problem}")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
