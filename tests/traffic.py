"""Hook requests in a form independent of place and time of the call.

Knows neither the callers nor the users of the requests.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from tests.model.objects import Object, owners_of
from tests.story import STORY

LEFT_OUT: Final = "managedFields"
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True)
class Heard:
    """A call of a hook in the step number `step`; `at` is the Unix time."""

    step: int
    path: str
    request: Object
    answer: Object
    at: float

    @property
    def parent(self) -> Object:
        """The object of the call."""
        parent: Object = self.request.get("object") or self.request["parent"]
        return parent

    @property
    def key(self) -> tuple[int, str, str]:
        """Step, path and name of the parent; all parents of a path have the same kind."""
        return self.step, self.path, self.parent["metadata"]["name"]


def objects_in(value: object) -> Iterator[Object]:
    """Yield every Kubernetes object in a JSON *value*: every map with a metadata.name."""
    if isinstance(value, dict):
        if isinstance(value.get("metadata"), dict) and "name" in value["metadata"]:
            yield value
        for part in value.values():
            yield from objects_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from objects_in(part)


def stable_uids(requests: Iterable[Object]) -> dict[str, str]:
    """Return replacement uids by uid.

    A replacement depends on kind, name, and the number of earlier objects with this kind and name.
    """
    found: dict[str, str] = {}
    numbers: dict[tuple[str, str, str], int] = {}
    for obj in (obj for request in requests for obj in objects_in(request)):
        namespace = obj["metadata"].get("namespace", "")
        known = [(namespace, obj["kind"], obj["metadata"]["name"], obj["metadata"].get("uid"))]
        known += [(namespace, r["kind"], r["name"], r["uid"]) for r in owners_of(obj)]
        for where, kind, name, uid in known:
            if uid and uid not in found:
                key = ("" if kind == "Namespace" else where, kind, name)
                numbers[key] = number = numbers.get(key, 0) + 1
                found[uid] = str(uuid5(NAMESPACE_URL, "/".join((*key, str(number)))))
    return found


def mapped(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401  any JSON
    """Return a JSON *value* with *change* applied to every string."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [mapped(part, change) for part in value]
    if isinstance(value, dict):
        return {change(key): mapped(part, change) for key, part in value.items()}
    return value


def replacing(texts: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function to replace each key of *texts* in a string; the longest match wins."""
    if not texts:
        return lambda text: text
    pattern = re.compile("|".join(map(re.escape, sorted(texts, key=len, reverse=True))))
    return lambda text: pattern.sub(lambda found: texts[found[0]], text)


def without(value: Any, key: str) -> Any:  # noqa: ANN401  any JSON
    """Return a JSON *value* without *key* in any map."""
    if isinstance(value, list):
        return [without(part, key) for part in value]
    if isinstance(value, dict):
        return {name: without(part, key) for name, part in value.items() if name != key}
    return value


def number_versions(request: Object) -> None:
    """Replace, in place, the resourceVersions in *request* by their rank within each object."""
    seen: dict[str, list[Object]] = {}
    for obj in objects_in(request):
        if "resourceVersion" in obj["metadata"]:
            seen.setdefault(obj["metadata"]["uid"], []).append(obj["metadata"])
    for states in seen.values():
        versions = sorted({int(meta["resourceVersion"]) for meta in states})
        for meta in states:
            meta["resourceVersion"] = str(versions.index(int(meta["resourceVersion"])) + 1)


def ends(heard: Iterable[Heard]) -> Iterator[tuple[str, Heard]]:
    """Yield the first and the last call of each step, path and parent; once if they are equal."""
    groups: dict[tuple[int, str, str], list[Heard]] = {}
    for call in heard:
        hooks = STORY[call.step].hooks
        if hooks and call.path not in hooks:
            continue
        groups.setdefault(call.key, []).append(call)
    for calls in groups.values():
        first, last = calls[0], calls[-1]
        if json.dumps(first.request) != json.dumps(last.request):
            yield "first", first
        yield "last", last
