"""The environment variables of acrpull."""

from collections.abc import Iterator, Mapping
from typing import Final

from hooks.settings.environment import Settings


class _Recorder(Mapping[str, str]):
    """An environment that records the names of all variables read."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.read: set[str] = set()
        self._variables = variables

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


def _variables() -> frozenset[str]:
    # Without workload identity, acrpull does not read its variables.
    environ = _Recorder({"WORKLOAD_IDENTITY": "enabled"})
    Settings.from_env(environ)
    return frozenset(environ.read)


VARIABLES: Final = _variables()
