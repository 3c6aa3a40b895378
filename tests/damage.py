"""Damages JSON: replaces, adds or removes parts. Does not know the meaning of any part."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, Final

from hypothesis import strategies as st

Object = dict[str, Any]
Path = tuple[str | int, ...]

VALUES: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 10**30, 1.5, "", "x", "\ud800", [], [None], {}, {"": {}},
)  # fmt: skip
KEYS: Final = ("object", "parent", "related", "metadata", "deletionTimestamp", "status", "x")


def paths(value: object, at: Path = ()) -> Iterator[Path]:
    """Yield the path of each part of a JSON *value*, except the root."""
    items: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, part in items:
        yield (*at, key)
        yield from paths(part, (*at, key))


@st.composite
def damaged(
    draw: st.DrawFn, whole: Object, values: Sequence[Any] = VALUES, keys: Sequence[str] = KEYS
) -> Object:
    """Return *whole* with one or two parts removed, replaced by *values*, or added."""
    body = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 2))):
        *way, last = draw(st.sampled_from(list(paths(body)) or [("x",)]))
        part: Any = body
        for key in way:
            part = part[key]
        match draw(st.sampled_from(["replace", "add", "remove"])):
            case "replace":
                part[last] = copy.deepcopy(draw(st.sampled_from(values)))
            case "add" if isinstance(part, dict):
                part[draw(st.sampled_from(keys))] = copy.deepcopy(draw(st.sampled_from(values)))
            case _ if len(body) > 1 or way:
                del part[last]
    return body
