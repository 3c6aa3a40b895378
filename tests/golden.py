"""The golden cases: requests that a real Metacontroller sent, and what we answer them.

`make capture` tells tests/story.py to a real cluster, with each apply strategy, and keeps of each
step, hook and parent the first request and the last. `tests/golden/<apply strategy>/` has

- `cases.json`: where they come from; what they all have under `controller`, by its kind; and of
  each its step, hook and parent, the `now` of the call and what came of minting in it. A request
  that was answered as the one before, by that hook for that parent, is there too, as a merge patch
  to that one: these are many, and little is new in them;
- a folder `<step>-<hook>-<parent>-<first or last>/` for each other request: `request.json`, which
  only a new capture changes, and `response.json`, which `python -m tests.golden` writes anew.

What is rewritten in the requests and left out of them, tests/e2e/redaction.py says.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from hooks.core.exchange.acr import exchange, parse_registry_response
from hooks.core.model.token import AcrToken, MintFailed, TokenRequest
from hooks.server.app import create_app
from hooks.settings.settings import Settings
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
    """One request, whole, with what `cases.json` says of it; it may be answered as another is."""

    facts: JSON
    request: JSON
    answered_as: "Case | None" = None

    @property
    def name(self) -> str:
        """Its name among all."""
        return f"{self.facts['apply_strategy']}/{name_of(self.facts)}"

    @property
    def folder(self) -> Path:
        """Where its request and response are."""
        return FOLDER / self.name

    @property
    def response(self) -> JSON:
        """What is to be answered."""
        return self.answered_as.response if self.answered_as else read(self.folder, "response")

    def answer(self) -> JSON:
        """Ask the service, over HTTP, at the time of the case; minting has the case's outcome."""
        now = datetime.fromtimestamp(self.facts["now"], UTC)
        client = create_app(SETTINGS, self._mint, lambda: now).test_client()
        response = client.post(self.facts["path"], json=self.request)
        assert response.status_code == 200, response.text
        body: JSON = response.get_json()
        return body

    def _mint(
        self, request: TokenRequest, newer_than: datetime | None, _namespace: str
    ) -> AcrToken | MintFailed:
        outcome = self.facts["mint"]
        if "status" in outcome:
            return parse_registry_response(
                request, exchange(request, ""), outcome["status"], HEADERS, b""
            )
        issued, expires = (datetime.fromtimestamp(outcome[k], UTC) for k in ("issued", "expires"))
        assert newer_than is None or newer_than < issued
        return new_token(issued, expires)


def name_of(facts: JSON) -> str:
    """Return the name of a case among those of its apply strategy."""
    hook = facts["path"].strip("/").replace("/", "-")
    return f"{facts['number']:02}-{hook}-{facts['parent']}-{facts['end']}"


def controller_of(path: str) -> str:
    """Return the kind of the controller that calls the hook at *path*."""
    return "DecoratorController" if path.startswith("/serviceaccount/") else "CompositeController"


def traffic(strategy: str) -> Iterator[Case]:
    """Yield all that was kept of the traffic under *strategy*, step by step."""
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
    """Return the cases that have an answer of their own, in order."""
    return [case for strategy in STRATEGIES for case in traffic(strategy) if not case.answered_as]


def repeats() -> list[Case]:
    """Return the cases that are answered as another one is, in order."""
    return [case for strategy in STRATEGIES for case in traffic(strategy) if case.answered_as]


def dump(value: object, indent: int = 0) -> str:
    """Return JSON that has on one line what fits, and each merge patch."""
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
    """Return what is in the file *name*, without its ".json"."""
    content: JSON = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return content


def write(folder: Path, name: str, value: object) -> None:
    """Write *value* into the file *name*, without its ".json"."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(f"{dump(value)}\n", "utf-8")


if __name__ == "__main__":
    for case in cases():
        write(case.folder, "response", case.answer())
