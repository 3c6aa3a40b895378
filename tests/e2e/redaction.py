"""Replaces tokens, and values that differ between captures, in captured requests.

- A token becomes an invented token with the same lifetime. The docker config is rendered again,
  also in the copy of dynamic-apply.
- The emulated registry's host and port become a registry's name, and the hash of the token's inputs
  changes with the name. The address of the hooks becomes the address in the manifests.
- A uid becomes a uid made of kind and name. A resourceVersion becomes its rank among the object's
  resourceVersions in the request.
- A time becomes a time of the story, with the same distance in seconds from the action before.

managedFields are dropped: half of a request, and acrpull does not read them.
"""

import calendar
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from hooks.core.model.binding import Spec
from hooks.core.model.identity import Identity
from hooks.core.model.token import TokenRequest
from hooks.core.names import ACR_AUDIENCE, DOCKER_CONFIG_KEY, KIND, SECRET_TYPE
from hooks.core.renewal.decision import inputs_hash
from hooks.core.wire import dockerconfig
from hooks.core.wire.request import parse_parent
from hooks.schemas import check_spec
from tests.core.builders import new_token
from tests.model.objects import Object
from tests.story import REGISTRY, START, STEP_SECONDS, STORY
from tests.traffic import (
    LEFT_OUT,
    TIME,
    Heard,
    mapped,
    number_versions,
    objects_in,
    replacing,
    stable_uids,
    without,
)

FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"
ISSUED, EXPIRES = "tokenIssueTime", "tokenExpirationTime"


@dataclass(frozen=True)
class Timeline:
    """The real Unix times at which the steps of `STORY` began."""

    began: Sequence[int]

    def place(self, second: int) -> int:
        """Return the time in the story for *second*, a time in the past."""
        start = int(START.timestamp())
        step = bisect_right(self.began, second) - 1
        while step > 0 and STORY[step].continues:
            step -= 1
        if step < 0:
            return start - STEP_SECONDS
        return start + step * STEP_SECONDS + second - self.began[step]

    def rewrite(self, value: Any) -> Any:  # noqa: ANN401  any JSON
        """Return the JSON *value* with all times moved into the story."""
        if isinstance(value, str):
            return TIME.sub(lambda found: _text(self.place(_second(found[0]))), value)
        if isinstance(value, list):
            return [self.rewrite(part) for part in value]
        if isinstance(value, dict):
            placed = {key: self.rewrite(part) for key, part in value.items()}
            if EXPIRES in value:  # in the future
                life = _second(value[EXPIRES]) - _second(value[ISSUED])
                placed[EXPIRES] = _text(_second(placed[ISSUED]) + life)
            return placed
        return value


def _second(text: str) -> int:
    return calendar.timegm(time.strptime(text, FORMAT))


def _text(second: int) -> str:
    return time.strftime(FORMAT, time.gmtime(second))


def redact(heard: Sequence[Heard], began: Sequence[int], texts: Mapping[str, str]) -> list[Heard]:
    """Return the calls in *heard* with *texts* replaced, including the registry's name."""
    timeline = Timeline(began)
    everything = [o for call in heard for o in objects_in([call.request, call.answer])]
    known = {
        **texts,
        **stable_uids(call.request for call in heard),
        **dict(_hashes(everything, texts)),
        **dict(_configs(everything, timeline)),
    }
    change = replacing(known)
    return [_redact(call, change, timeline) for call in heard]


def _redact(call: Heard, change: Callable[[str], str], timeline: Timeline) -> Heard:
    request, answer = (
        timeline.rewrite(mapped(without(body, LEFT_OUT), change))
        for body in (call.request, call.answer)
    )
    number_versions(request)
    return replace(call, request=request, answer=answer, at=timeline.place(int(call.at)))


def _hashes(objects: Iterable[Object], texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the hash of the inputs of each binding's token, before and after the replacement."""
    for obj in objects:
        if obj["kind"] == KIND:
            spec = parse_parent({"parent": obj}, check_spec).spec
            assert isinstance(spec, Spec)
            assert spec.server
            assert isinstance(spec.identity, Identity)
            old = TokenRequest(spec.identity, spec.server, spec.scope, ACR_AUDIENCE)
            yield inputs_hash(old), inputs_hash(replace(old, server=texts[spec.server]))


def _configs(objects: Iterable[Object], timeline: Timeline) -> Iterator[tuple[str, str]]:
    """Yield each docker config, and its replacement with an invented token of the same lifetime."""
    for obj in objects:
        if obj["kind"] == "Secret" and obj["type"] == SECRET_TYPE:
            data = obj["data"][DOCKER_CONFIG_KEY]
            found = dockerconfig.decode(data)
            if found is None:  # a docker config without a token
                continue
            assert found.unmodified
            issued = datetime.fromtimestamp(
                timeline.place(int(found.token.issued_at.timestamp())), UTC
            )
            life = found.token.expires_at - found.token.issued_at
            yield data, dockerconfig.encode(REGISTRY, new_token(issued, issued + life))
