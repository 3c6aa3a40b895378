"""Selects the requests of a capture to keep; tests/golden.py describes the files."""

from collections.abc import Iterable
from functools import partial
from typing import Final

from hooks.core.names import DOCKER_CONFIG_KEY, SECRET_TYPE, SECRETS
from hooks.core.wire import dockerconfig
from tests.golden import Case, controller_of, name_of
from tests.merge_patch import JSON, diff, patched
from tests.story import STORY
from tests.traffic import TIME, Heard, ends, mapped, without

RESYNC: Final = "resyncAfterSeconds"


def select(facts: JSON, heard: Iterable[Heard]) -> tuple[JSON, dict[str, JSON]]:
    """Return the index of the kept calls, and by name each request with a file of its own.

    Raises `AssertionError`: the calls in *heard* are not consistent.
    """
    controllers: dict[str, JSON] = {}
    before: dict[tuple[str, str], tuple[JSON, JSON]] = {}
    listed: list[JSON] = []
    requests: dict[str, JSON] = {}
    for end, call in ends(heard):
        its = facts_of(end, call)
        check(Case({**facts, **its}, call.request), call)
        request = dict(call.request)
        controller = request.pop("controller")
        assert controllers.setdefault(controller_of(call.path), controller) == controller
        previous, its_answer = before.get((call.path, its["parent"]), ({}, None))
        answer = without(call.answer, RESYNC)
        if answer == its_answer:
            its["patch"] = diff(previous, request)
            assert patched(previous, its["patch"]) == request
        else:
            requests[name_of(its)] = request
        listed.append(its)
        before[call.path, its["parent"]] = request, answer
    return {**facts, "controllers": controllers, "requests": listed}, requests


def facts_of(end: str, call: Heard) -> JSON:
    """Return the facts of one call."""
    return {
        "number": call.step,
        "step": STORY[call.step].name,
        "path": call.path,
        "parent": call.parent["metadata"]["name"],
        "end": end,
        "now": int(call.at),
        "mint": minted(call),
    }


def check(case: Case, call: Heard) -> None:
    """Check that the redacted request gets the real request's answer, except for times."""
    mask = partial(TIME.sub, "TIME")
    answers = [mapped(without(body, RESYNC), mask) for body in (case.answer(), call.answer)]
    assert answers[0] == answers[1], case.name


def minted(call: Heard) -> JSON:
    """Return the outcome of the token request in *call*, {} without a token request."""
    there = call.request.get("children", {}).get(SECRETS, {}).values()
    observed = [secret["data"][DOCKER_CONFIG_KEY] for secret in there]
    for child in call.answer.get("children", []):
        if child.get("type") == SECRET_TYPE and child["data"][DOCKER_CONFIG_KEY] not in observed:
            found = dockerconfig.decode(child["data"][DOCKER_CONFIG_KEY])
            if found is None:
                continue  # a Secret without a token
            times = (found.token.issued_at, found.token.expires_at)
            return dict(
                zip(("issued", "expires"), (int(t.timestamp()) for t in times), strict=True)
            )
    status = STORY[call.step].registry
    return {} if status == 200 else {"status": status}
