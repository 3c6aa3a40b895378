"""README is short, and takes its facts from the pages."""

import re
from pathlib import Path
from typing import Final

from hooks.core.model.reason import Reason
from hooks.server.app import create_app
from hooks.settings.environment import Settings
from tests.docs import FENCE, ROOT
from tests.test_manifests import not_called

README: Final = (ROOT / "README.md").read_text("utf-8")
TABLE: Final = "| reason | what to do |\n|---|---|\n"
APP: Final = create_app(Settings.from_env({}), not_called, not_called)


def page(name: str) -> str:
    """Return the text of a page."""
    return Path(ROOT / "docs" / name).read_text("utf-8")


def test_is_short() -> None:
    """README has at most 130 lines and, without commands, 1,000 words."""
    assert len(README.splitlines()) <= 130
    assert len(FENCE.sub("", README).split()) <= 1000


def test_reasons_exist() -> None:
    """README names a few reasons, each with a remedy, and troubleshooting.md has each."""
    _, _, table = README.partition(TABLE)
    rows = [row.strip("|").split("|") for row in table.partition("\n\n")[0].splitlines()]
    named = {name for reasons, _ in rows for name in re.findall("`([A-Za-z]+)`", reasons)}
    assert 5 <= len(named) <= 7
    assert named <= set(Reason)
    assert all(remedy.strip() for _, remedy in rows)


def test_every_route_is_described() -> None:
    """how-it-works.md names each route."""
    routes = {rule.rule for rule in APP.url_map.iter_rules()}
    assert {route for route in routes if f"`{route}`" not in page("how-it-works.md")} == set()
