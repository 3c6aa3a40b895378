"""README tells of everything that a user meets."""

import re
from pathlib import Path

import pytest

from hooks.app import create_app
from hooks.core.reason import Reason
from hooks.settings import VARIABLES, Settings
from tests.test_manifests import not_called

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
APP = create_app(Settings.from_env({}), not_called, not_called)


@pytest.mark.parametrize(
    "word",
    [*VARIABLES, *Reason, *(rule.rule for rule in APP.url_map.iter_rules())],
)
def test_readme_names(word: str) -> None:
    """Each setting, reason and route is in it, as code."""
    assert f"`{word}`" in README


def test_every_reason_has_a_remedy() -> None:
    """Its table has each reason once, no other, and says of each what to do."""
    _, _, table = README.partition("| reason | what to do |\n|---|---|\n")
    rows = [row.strip("|").split("|") for row in table.partition("\n\n")[0].splitlines()]
    listed = [name for reasons, _ in rows for name in re.findall("`([A-Za-z]+)`", reasons)]
    assert sorted(listed) == sorted(Reason)
    assert all(remedy.strip() for _, remedy in rows)


def test_front_page_is_short() -> None:
    """It stays one that is read."""
    assert len(README.splitlines()) < 250
