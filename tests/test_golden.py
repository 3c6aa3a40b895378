"""What we answer to requests that a real Metacontroller sent, and what they may not show."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from hooks.core.model.binding import Spec
from hooks.core.model.identity import Identity
from hooks.core.model.token import AcrToken, TokenRequest
from hooks.core.names import ACR_AUDIENCE
from hooks.core.renewal.decision import inputs_hash
from hooks.core.wire import dockerconfig
from hooks.core.wire.request import parse_parent
from hooks.schemas import check_spec
from tests.core.builders import NOW, new_jwt
from tests.golden import FOLDER, Case, cases, repeats
from tests.story import REGISTRY

CASES = cases()
REPEATS = repeats()
COMPOSITE = [case for case in CASES if case.facts["path"] in {"/sync", "/finalize"}]
FILES = sorted(FOLDER.rglob("*.json"))
JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{40,}=*")
DIGEST = re.compile(r"\b[0-9a-f]{32,}\b")
# Paths and addresses of a machine; the registry and the hooks have names.
MACHINE = re.compile(r"/(home|root|tmp|work|usr|var|opt|Users)/|127\.0\.0\.|localhost|:\d{5}\b")


def names(case: Case, kind: str) -> set[str]:
    """Return the names of the children of *kind* that Metacontroller observed."""
    return {child["metadata"]["name"] for child in case.request["children"][f"{kind}.v1"].values()}


def layers(text: str) -> Iterator[str]:
    """Yield *text*, and each text that is in it as base64, and so on."""
    yield text
    for run in BASE64.findall(text):
        try:
            inner = base64.b64decode(run + "=" * (-len(run) % 4), altchars=b"-_").decode("utf-8")
        except (binascii.Error, ValueError):
            continue
        yield from layers(inner)


@cache
def digests() -> set[str]:
    """Return the hash of what each binding's token is made from."""
    found = set()
    for case in COMPOSITE:
        spec = parse_parent(case.request, check_spec).spec
        assert isinstance(spec, Spec)
        assert isinstance(spec.identity, Identity)
        found.add(inputs_hash(TokenRequest(spec.identity, REGISTRY, spec.scope, ACR_AUDIENCE)))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_answer(case: Case) -> None:
    """The answer is the golden one."""
    assert case.answer() == case.response


@pytest.mark.parametrize("case", REPEATS, ids=lambda case: case.name)
def test_repeated_answer(case: Case) -> None:
    """The answer is that of the case before, but for the time to wait."""
    answer = case.answer()
    waits = {key: answer[key] for key in ("resyncAfterSeconds",) if key in answer}
    assert answer == case.response | waits


@pytest.mark.parametrize("case", COMPOSITE, ids=lambda case: case.name)
def test_no_service_account_is_left_out(case: Case) -> None:
    """Whatever was observed, every ServiceAccount is in the answer, or it would be deleted."""
    answered = {c["metadata"]["name"] for c in case.answer()["children"] if c["kind"] != "Secret"}
    assert answered >= names(case, "ServiceAccount")


def test_both_apply_strategies_are_covered() -> None:
    """There is a case of each hook in each strategy."""
    seen = {(case.facts["apply_strategy"], case.facts["path"]) for case in CASES}
    paths = {path for _, path in seen}
    assert len(paths) == 5
    assert seen == {(s, path) for s in ("dynamic-apply", "server-side-apply") for path in paths}


def test_every_file_is_of_a_case() -> None:
    """No case is left of an older capture."""
    folders = {case.folder for case in CASES}
    assert {path.parent for path in FILES if path.name != "cases.json"} == folders


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_nothing_of_a_machine_shows(path: Path) -> None:
    """A file holds no token but those made up, no other secret, and no path or address."""
    text = path.read_text("utf-8")
    assert MACHINE.findall(text) == []
    assert set(DIGEST.findall(text)) <= digests()
    for token in (token for layer in layers(text) for token in JWT.findall(layer)):
        assert is_made_up(token)


def is_made_up(token: str) -> bool:
    """Tell whether *token* is one of `new_jwt`, which says nothing but times."""
    part = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return set(claims) == {"iat", "exp"} and token == new_jwt(claims)


def test_tokens_are_found_in_all_layers() -> None:
    """A token that is not made up shows, also in a docker config in an annotation."""
    token = new_jwt({"iat": 1, "exp": 2, "sub": "somebody"})
    config = dockerconfig.encode(REGISTRY, AcrToken(token, NOW, NOW))
    text = json.dumps({"annotation": json.dumps({"data": config})})
    found = {found for layer in layers(text) for found in JWT.findall(layer)}
    assert found == {token}
    assert not is_made_up(token)
