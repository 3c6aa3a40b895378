"""README is complete and short."""

import re
from pathlib import Path

from hooks.core.model.reason import Reason
from hooks.server.app import create_app
from hooks.settings.environment import Settings
from tests.test_manifests import not_called

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
APP = create_app(Settings.from_env({}), not_called, not_called)


def test_names_everything() -> None:
    """README names each reason and route."""
    wanted = {*Reason, *(rule.rule for rule in APP.url_map.iter_rules())}
    assert {word for word in wanted if f"`{word}`" not in README} == set()


def test_every_reason_has_a_remedy() -> None:
    """The table of reasons has each reason once, and a remedy in each row."""
    _, _, table = README.partition("| reason | what to do |\n|---|---|\n")
    rows = [row.strip("|").split("|") for row in table.partition("\n\n")[0].splitlines()]
    listed = [name for reasons, _ in rows for name in re.findall("`([A-Za-z]+)`", reasons)]
    assert sorted(listed) == sorted(Reason)
    assert all(remedy.strip() for _, remedy in rows)


def test_front_page_is_short() -> None:
    """README has fewer than 250 lines."""
    assert len(README.splitlines()) < 250
