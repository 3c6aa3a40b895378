"""docs/configuration.md has each setting, with its true default and a valid example."""

import re
from pathlib import Path
from typing import Final

import pytest

from hooks.settings.environment import Settings
from tests.variables import VARIABLES

PAGE: Final = (Path(__file__).parents[1] / "docs/configuration.md").read_text("utf-8")
ROW: Final = re.compile(
    r"(?m)^\| `([A-Z_]+)` \| ([^|]+) \| (?:`([^`]+)` )?\| `([^`]+)` \| ([^|]+) \|$"
)
ROWS: Final = ROW.findall(PAGE.partition("## Settings")[2].partition("\n## ")[0])
# tests/test_tls.py and tests/test_federation_settings.py have certificates for these variables.
PEM: Final = {"TLS_CERT_FILE", "TLS_KEY_FILE", "CLIENT_CA_FILE", "AZURE_AUTHORITY_CA_FILE"}


def settings(variable: str, value: str | None, files: Path) -> Settings:
    """Return the settings with *value*, and with the variables that *variable* depends on."""
    token = files / "token"
    token.write_text("abc")
    environ = {} if variable == "WORKLOAD_IDENTITY" else {"WORKLOAD_IDENTITY": "enabled"}
    if variable == "IDENTITY_SOURCE":
        environ |= {"AZURE_TENANT_ID": "22222222-3333-4444-5555-666666666666"}
        environ |= {"AZURE_FEDERATED_TOKEN_FILE": str(token)}
    if variable == "HOOK_TOKEN_ROTATION_FILE":
        environ |= {"HOOK_TOKEN_FILE": str(token)}
    if value is not None:
        environ[variable] = str(token) if variable == "HOOK_TOKEN_FILE" else value
    return Settings.from_env(environ)


def test_every_setting_has_one_row() -> None:
    """The table has each variable once, and no other."""
    assert sorted(row[0] for row in ROWS) == sorted(VARIABLES)
    assert PAGE.partition("## Settings")[2].partition("\n## ")[0].count("\n| `") == len(ROWS)


@pytest.mark.parametrize(("variable", "default"), [(row[0], row[2]) for row in ROWS if row[2]])
def test_default(variable: str, default: str, tmp_path: Path) -> None:
    """With the default as its value, a variable has the same effect as without a value."""
    assert settings(variable, default, tmp_path) == settings(variable, None, tmp_path)


@pytest.mark.parametrize(
    ("variable", "example"), [(row[0], row[3]) for row in ROWS if row[0] not in PEM]
)
def test_example(variable: str, example: str, tmp_path: Path) -> None:
    """The example is valid, and differs from the default."""
    assert settings(variable, example, tmp_path) != settings(variable, None, tmp_path)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        (row[0], value)
        for row in ROWS
        if "` or `" in row[1]
        for value in re.findall("`(.+?)`", row[1])
    ],
)
def test_values(variable: str, value: str, tmp_path: Path) -> None:
    """If the type is a list of values, each value is valid, and names itself in any case."""
    assert settings(variable, value.title(), tmp_path) == settings(variable, value, tmp_path)
