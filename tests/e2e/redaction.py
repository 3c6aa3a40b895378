"""What is replaced in captured requests: tokens, and what differs from one capture to the next.

- A token by one made up, which lives as long; the docker config is rendered anew, also where
  dynamic-apply keeps a copy.
- The emulated registry's host and port by a registry's name, and so the hash of what a token is
  made from; the address of the hooks by that in our manifests.
- A uid by one made of kind and name; a resourceVersion by its rank among those that the object has
  in the request.
- A time by one of the story, as far from the deed that it comes after, to the second.

managedFields are left out: half of a request, and nothing that we read.
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
    """When the steps of `STORY` began in truth, as Unix times."""

    began: Sequence[int]

    def place(self, second: int) -> int:
        """Return the time in the story that stands for *second*, one that has passed."""
        start = int(START.timestamp())
        step = bisect_right(self.began, second) - 1
        while step > 0 and STORY[step].continues:
            step -= 1
        if step < 0:
            return start - STEP_SECONDS
        return start + step * STEP_SECONDS + second - self.began[step]

    def rewrite(self, value: Any) -> Any:  # noqa: ANN401  any JSON
        """Return a JSON *value* with every time in it placed in the story."""
        if isinstance(value, str):
            return TIME.sub(lambda found: _text(self.place(_second(found[0]))), value)
        if isinstance(value, list):
            return [self.rewrite(part) for part in value]
        if isinstance(value, dict):
            placed = {key: self.rewrite(part) for key, part in value.items()}
            if EXPIRES in value:  # is yet to come
                life = _second(value[EXPIRES]) - _second(value[ISSUED])
                placed[EXPIRES] = _text(_second(placed[ISSUED]) + life)
            return placed
        return value


def _second(text: str) -> int:
    return calendar.timegm(time.strptime(text, FORMAT))


def _text(second: int) -> str:
    return time.strftime(FORMAT, time.gmtime(second))


def redact(heard: Sequence[Heard], began: Sequence[int], texts: Mapping[str, str]) -> list[Heard]:
    """Return what was *heard*, with *texts* replaced, among them the registry's name."""
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
    """Yield the hash of what each binding's token is made from, and that after the replacement."""
    for obj in objects:
        if obj["kind"] == KIND:
            spec = parse_parent({"parent": obj}, check_spec).spec
            assert isinstance(spec, Spec)
            assert spec.server
            assert isinstance(spec.identity, Identity)
            old = TokenRequest(spec.identity, spec.server, spec.scope, ACR_AUDIENCE)
            yield inputs_hash(old), inputs_hash(replace(old, server=texts[spec.server]))


def _configs(objects: Iterable[Object], timeline: Timeline) -> Iterator[tuple[str, str]]:
    """Yield each docker config, and one with a token made up, that lives as long, in its place."""
    for obj in objects:
        if obj["kind"] == "Secret" and obj["type"] == SECRET_TYPE:
            data = obj["data"][DOCKER_CONFIG_KEY]
            found = dockerconfig.decode(data)
            if found is None:  # without a token
                continue
            assert found.unmodified
            issued = datetime.fromtimestamp(
                timeline.place(int(found.token.issued_at.timestamp())), UTC
            )
            life = found.token.expires_at - found.token.issued_at
            yield data, dockerconfig.encode(REGISTRY, new_token(issued, issued + life))
