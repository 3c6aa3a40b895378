"""The golden cases: requests of a real Metacontroller, and acrpull's answers.

`make capture` plays tests/story.py on a real cluster, with each apply strategy, and keeps the first
and the last request of each step, hook and parent. `tests/golden/<apply strategy>/` contains

- `cases.json`: the origin of the requests; their `controller`, by kind; and for each request its
  step, hook and parent, the `now` of the call and the outcome of its token request. If a request
  got the same answer as the previous request to the hook for the parent, `cases.json` contains the
  request as a merge patch to the previous request. Most requests are such small patches.
- a folder `<step>-<hook>-<parent>-<first or last>/` for each other request: `request.json`, written
  by a capture only, and `response.json`, rewritten by `python -m tests.golden`.

tests/e2e/redaction.py rewrites and removes parts of the requests.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from hooks.core.exchange.registry_protocol import exchange, parse_registry_response
from hooks.core.model.token import Outcome, TokenRequest
from hooks.server.app import create_app
from hooks.settings.environment import Settings
from tests.core.builders import new_token
from tests.merge_patch import patched
from tests.story import HEADERS

FOLDER: Final = Path(__file__).with_name("golden")
STRATEGIES: Final = ("dynamic-apply", "server-side-apply")
SETTINGS: Final = Settings.from_env({})
WIDTH: Final = 100

JSON = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A whole request, with its facts in `cases.json`.

    *answered_as* is an earlier case with the same answer.
    """

    facts: JSON
    request: JSON
    answered_as: "Case | None" = None

    @property
    def name(self) -> str:
        """The unique name of the case."""
        return f"{self.facts['apply_strategy']}/{name_of(self.facts)}"

    @property
    def folder(self) -> Path:
        """The folder with the request and the response."""
        return FOLDER / self.name

    @property
    def response(self) -> JSON:
        """The expected answer."""
        return self.answered_as.response if self.answered_as else read(self.folder, "response")

    def answer(self) -> JSON:
        """Return acrpull's answer over HTTP at the time of the case.

        A token request has the outcome in the case.
        """
        now = datetime.fromtimestamp(self.facts["now"], UTC)
        client = create_app(SETTINGS, self._mint, lambda: now).test_client()
        response = client.post(self.facts["path"], json=self.request)
        assert response.status_code == 200, response.text
        body: JSON = response.get_json()
        return body

    def _mint(self, request: TokenRequest, newer_than: datetime | None, _namespace: str) -> Outcome:
        outcome = self.facts["mint"]
        if "status" in outcome:
            return parse_registry_response(
                request, exchange(request, ""), outcome["status"], HEADERS, b""
            )
        issued, expires = (datetime.fromtimestamp(outcome[k], UTC) for k in ("issued", "expires"))
        assert newer_than is None or newer_than < issued
        return new_token(issued, expires)


def name_of(facts: JSON) -> str:
    """Return the name of a case, unique within its apply strategy."""
    hook = facts["path"].strip("/").replace("/", "-")
    return f"{facts['number']:02}-{hook}-{facts['parent']}-{facts['end']}"


def controller_of(path: str) -> str:
    """Return the kind of the controller for the hook at *path*."""
    return "DecoratorController" if path.startswith("/serviceaccount/") else "CompositeController"


def traffic(strategy: str) -> Iterator[Case]:
    """Yield the captured cases under *strategy*, in order."""
    index = read(FOLDER / strategy, "cases")
    controllers, listed = index.pop("controllers"), index.pop("requests")
    before: dict[tuple[str, str], Case] = {}
    for each in listed:
        key = each["path"], each["parent"]
        facts = {name: value for name, value in {**index, **each}.items() if name != "patch"}
        if "patch" in each:
            previous = before[key]
            request = patched(previous.request, each["patch"])
            case = Case(facts, request, previous.answered_as or previous)
        else:
            controller = controllers[controller_of(facts["path"])]
            request = read(FOLDER / strategy / name_of(facts), "request")
            case = Case(facts, {"controller": controller, **request})
        before[key] = case
        yield case


def cases() -> list[Case]:
    """Return the cases with a separate answer, in order."""
    return [case for strategy in STRATEGIES for case in traffic(strategy) if not case.answered_as]


def repeats() -> list[Case]:
    """Return the cases with the answer of an earlier case, in order."""
    return [case for strategy in STRATEGIES for case in traffic(strategy) if case.answered_as]


def dump(value: object, indent: int = 0) -> str:
    """Return JSON: short values and merge patches are on a single line."""
    line = json.dumps(value)
    fits = indent + len(line) <= WIDTH or (isinstance(value, dict) and "patch" in value)
    if fits or not value or not isinstance(value, dict | list):
        return line
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        parts = [f"{pad}{json.dumps(key)}: {dump(part, indent + 1)}" for key, part in value.items()]
    else:
        parts = [pad + dump(part, indent + 1) for part in value]
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return "\n".join((begin, ",\n".join(parts), " " * indent + end))


def read(folder: Path, name: str) -> JSON:
    """Return the content of the file *name*.json in *folder*."""
    content: JSON = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return content


def write(folder: Path, name: str, value: object) -> None:
    """Write *value* to the file *name*.json in *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(f"{dump(value)}\n", "utf-8")


if __name__ == "__main__":
    for case in cases():
        write(case.folder, "response", case.answer())
