"""The model of Metacontroller asks what the real one asked: both were told tests/story.py.

Compared with the golden traffic, in each apply strategy, is

- what is settled: of each step, hook and parent the last request of `/sync` and
  `/serviceaccount/sync` is equal to the real one's, in whatever order the model lets things happen,
  and the same ServiceAccounts are asked about. Of a binding, `/sync` can also be called in a step
  that does not concern the binding, because the wait of an earlier answer ends. A `uid` goes by
  kind, name and how many had these before;
- what is on the way: first requests, `/finalize`, `/customize`, and all of bindings that go. Which
  moment they catch is chance, in truth as in the model, so of each hook the fields that are ever
  sent are compared, by their paths, whatever the object's name or the place in a list: none is sent
  by the one alone;
- the spec of the two controllers.

Not compared are resourceVersions and times, only that there is one; managedFields, which are not
kept; what a token says, only that the docker config is what we write; how many requests there are,
and their order; and in `/sync` the binding's own status. Metacontroller's write of that makes no
call, so it is chance whether it shows; it is compared where the binding is a related object. And
what the namespace controller notes in the status of a Namespace that it empties is not modelled.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from hooks.core.wire import dockerconfig
from tests.golden import STRATEGIES, Case, traffic
from tests.merge_patch import JSON
from tests.model.definitions import COMPOSITE, DECORATOR
from tests.model_user import ModelTelling
from tests.story import STORY
from tests.traffic import TIME, Heard, mapped, replacing, stable_uids, without

SEEDS = range(3)
SETTLED = {"/sync", "/serviceaccount/sync"}
HOOKS = ("/customize", "/sync", "/finalize", "/serviceaccount/customize", "/serviceaccount/sync")
OBJECTS = {"children", "related"}
# Shown for milliseconds, until the Secret is written. The kept requests may miss it.
PASSING = {"/parent/status/secretPendingTime"}
NOT_COMPARED = ("/controller/", "/related/Namespace.v1/*/status/conditions")
DOCKER_CONFIG = re.compile(r"eyJhdXRocyI6[A-Za-z0-9+/]+=*")  # base64 of {"auths":

Key = tuple[int, str, str]


@pytest.fixture(scope="module", params=STRATEGIES)
def real(request: pytest.FixtureRequest) -> list[Case]:
    """Return the golden traffic."""
    return list(traffic(request.param))


@pytest.fixture(scope="module")
def modelled(real: list[Case]) -> list[list[Heard]]:
    """Return what the model asks, once for each seed."""
    return [tell(real[0].facts["apply_strategy"], seed) for seed in SEEDS]


def tell(strategy: str, seed: int) -> list[Heard]:
    """Tell the model the story; return what it asks."""
    telling = ModelTelling(strategy, seed)
    telling.tell()
    return telling.heard


def comparable(path: str, request: JSON) -> JSON:
    """Return what is to be equal."""
    body = {key: part for key, part in request.items() if key != "controller"}
    if path == "/sync":
        body["parent"] = {key: part for key, part in body["parent"].items() if key != "status"}
    masked: JSON = mapped(without(body, "resourceVersion"), mask)
    return masked


def mask(text: str) -> str:
    """Return *text* without times and tokens."""
    return DOCKER_CONFIG.sub(lambda found: said(found[0]), TIME.sub("TIME", text))


def said(config: str) -> str:
    """Return what a docker config says besides its token."""
    found = dockerconfig.decode(config)
    return f"docker config of {found.server}, intact: {found.unmodified}" if found else config


def settled(asked: Iterable[tuple[Key, JSON]]) -> dict[Key, JSON]:
    """Return by step, hook and parent the last requests of parents that outlive the step."""
    last = dict(asked)
    going = {(step, parent) for step, path, parent in last if path == "/finalize"}
    return {
        (step, path, parent): comparable(path, request)
        for (step, path, parent), request in last.items()
        if path in SETTLED and (step, parent) not in going and step < len(STORY) - 1
    }


def test_settled(real: list[Case], modelled: list[list[Heard]]) -> None:
    """Where a step comes to rest, the model asks exactly what the real one asked."""
    expected = settled((key_of(case), case.request) for case in real)
    for heard in modelled:
        change = replacing(stable_uids(call.request for call in heard))
        found = settled((call.key, mapped(call.request, change)) for call in heard)
        assert {key for key in found.keys() ^ expected.keys() if key[1] != "/sync"} == set()
        both = found.keys() & expected.keys()
        assert len(both) > len(STORY)
        for key in both:
            assert found[key] == expected[key], key


def key_of(case: Case) -> Key:
    """Return step, hook and parent."""
    return case.facts["number"], case.facts["path"], case.facts["parent"]


def fields(value: Any, at: str = "") -> Iterator[str]:  # noqa: ANN401  any JSON
    """Yield the path of each field in a JSON *value*; "*" is any object or item."""
    named = at.count("/") == 2 and at.split("/")[1] in OBJECTS
    if isinstance(value, dict):
        for key, part in value.items():
            path = f"{at}/{'*' if named else key.replace('/', '~1')}"
            yield path
            yield from fields(part, path)
    elif isinstance(value, list):
        for part in value:
            yield from fields(part, f"{at}/*")


@pytest.mark.parametrize("hook", HOOKS)
def test_fields(real: list[Case], modelled: list[list[Heard]], hook: str) -> None:
    """No field is sent by the one of the two alone."""
    kept = (case.request for case in real if case.facts["path"] == hook)
    sent = (call.request for heard in modelled for call in heard if call.path == hook)
    assert all_fields(kept) | PASSING == all_fields(sent) | PASSING


def all_fields(requests: Iterable[JSON]) -> set[str]:
    """Return the paths of all fields in *requests*."""
    paths = {path for body in requests for path in fields(body)}
    return {path for path in paths if not path.startswith(NOT_COMPARED)}


@pytest.mark.parametrize("definition", [COMPOSITE, DECORATOR], ids=lambda each: each["kind"])
def test_controllers(real: list[Case], definition: JSON) -> None:
    """A controller is what our manifest says, and what Metacontroller adds to it."""
    found = {case.request["controller"]["kind"]: case.request["controller"] for case in real}
    controller = found[definition["kind"]]
    for key in ("apiVersion", "kind", "spec", "status"):
        assert controller[key] == definition[key]
