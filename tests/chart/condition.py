"""Finds short conditions on the components for templates of the Helm chart.

A set of installs is an integer with a bit for each install, because integers compare quickly.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import combinations
from operator import and_, or_
from typing import Final

MOST: Final = 3  # components in a condition


class Conditions:
    """The conditions to distinguish *installs*. An install is a set of components."""

    def __init__(self, components: Sequence[str], installs: Sequence[Iterable[str]]) -> None:
        self.all = (1 << len(installs)) - 1
        self._terms: dict[str, int] = {}
        for component in components:
            bits = sum(1 << n for n, install in enumerate(installs) if component in install)
            name = f"$use.{camel(component)}"
            self._terms[name] = bits
            self._terms[f"(not {name})"] = self.all & ~bits

    def find(self, wanted: int, context: int) -> str:
        """Return a condition: among the installs *context*, true for the installs *wanted* only.

        Raises:
            LookupError: Such a condition needs more than `MOST` components.
        """
        for text, bits in self._candidates():
            if bits & context == wanted:
                return text
        raise LookupError

    def _candidates(self) -> Iterator[tuple[str, int]]:
        for text, bits in self._terms.items():
            yield text.removeprefix("(").removesuffix(")"), bits
        for size in range(2, MOST + 1):
            for chosen in combinations(self._terms, size):
                sets = [self._terms[text] for text in chosen]
                yield f"and {' '.join(chosen)}", reduce(and_, sets)
                yield f"or {' '.join(chosen)}", reduce(or_, sets)


def camel(component: str) -> str:
    """Return a component's name in values.yaml: `monitoring/operator` is `monitoringOperator`."""
    first, *others = component.replace("/", "-").split("-")
    return first + "".join(other.capitalize() for other in others)
