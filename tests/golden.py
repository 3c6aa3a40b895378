"""The golden cases: requests that a real Metacontroller sent, and what we answer them.

A case is a folder `tests/golden/<apply strategy>/<number>-<hook>/`: `request.json` and `case.json`
(where the request comes from, what was rewritten in it, the `now` of the call), which never change,
and `response.json`, which `python -m tests.golden` writes anew.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from hooks.app import create_app
from hooks.core.model import AcrToken, TokenRequest
from hooks.settings import Settings
from tests.core.builders import new_token

FOLDER: Final = Path(__file__).with_name("golden")
TOKEN_LIFE: Final = timedelta(hours=3)
SETTINGS: Final = Settings.from_env({})


@dataclass(frozen=True)
class Case:
    """One golden case."""

    folder: Path

    @property
    def name(self) -> str:
        """Its name among all."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def facts(self) -> dict[str, Any]:
        """Where it comes from."""
        return self._read("case.json")

    @property
    def request(self) -> dict[str, Any]:
        """What Metacontroller sent."""
        return self._read("request.json")

    @property
    def response(self) -> dict[str, Any]:
        """What is to be answered."""
        return self._read("response.json")

    def _read(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / name).read_text("utf-8"))
        return content

    def answer(self) -> dict[str, Any]:
        """Ask the service, over HTTP, at the time of the case; minting gives a token of then."""
        now = datetime.fromtimestamp(self.facts["now"], UTC)

        def mint(_: TokenRequest, newer_than: datetime | None) -> AcrToken:
            assert newer_than is None or newer_than < now
            return new_token(now.replace(microsecond=0), now.replace(microsecond=0) + TOKEN_LIFE)

        client = create_app(SETTINGS, mint, lambda: now).test_client()
        response = client.post(self.facts["path"], json=self.request)
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.get_json()
        return body


def cases() -> list[Case]:
    """Return all cases, in order."""
    return [Case(path.parent) for path in sorted(FOLDER.glob("*/*/case.json"))]


if __name__ == "__main__":
    for case in cases():
        text = json.dumps(case.answer(), indent=1)
        (case.folder / "response.json").write_text(f"{text}\n", "utf-8")
