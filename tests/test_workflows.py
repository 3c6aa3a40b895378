"""GitHub runs the commands of .ci/run, and proposes updates of all packages."""

import re
import shlex
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from hooks.version import VERSION
from tests.service import ROOT

FOLDER: Final = ROOT / ".github/workflows"
WORKFLOWS: Final = {path.stem: yaml.safe_load(path.read_text()) for path in FOLDER.glob("*.yml")}
CI: Final = (ROOT / ".ci/run").read_text("utf-8").replace("\\\n", " ")
MAKEFILE: Final = (ROOT / "Makefile").read_text("utf-8")
FILES: Final = {
    "pip": ("requirements.in", "requirements.txt"),
    "docker": ("deployment.yaml",),
    "gomod": ("go.mod",),
    "github-actions": (".github/workflows",),
}


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    """Return the steps of all jobs of a workflow."""
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def made(texts: list[str], prefix: str) -> list[list[str]]:
    """Return the words of the calls of make in *texts* after *prefix*."""
    lines = [line for text in texts for line in text.splitlines()]
    found = [re.match(rf"\s*{prefix}(make .*)", line) for line in lines]
    return [shlex.split(match[1]) for match in found if match]


def test_same_commands() -> None:
    """The workflows check and e2e together run each command of .ci/run, and on the same Pythons.

    In .ci/run the image's Python repeats some tests, and check runs all tests on each Python.
    """
    texts = [s["run"] for name in ("check", "e2e") for s in steps(WORKFLOWS[name]) if "run" in s]
    theirs = made(texts, r"(?:sudo env \S+ CI=true )?")
    ours = made([CI], "step ")
    assert theirs == [words for words in ours if not words[2:] or "PYTHON=" not in words[2]]
    (versions,) = re.findall(r"(?m)^VERSIONS := (.*)$", MAKEFILE)
    matrix = WORKFLOWS["check"]["jobs"]["test"]["strategy"]["matrix"]
    assert matrix == {"python": versions.split()}


@pytest.mark.parametrize("name", ["check", "e2e"])
def test_same_tools(name: str) -> None:
    """A workflow installs the packages that .ci/run installs."""
    (tools,) = re.findall(r"for tool in (.*); do", CI)
    (package,) = re.findall(r"command -v promtool .*\|\| tools\+=\((.*)\)", CI)
    runs = [
        step["run"] for step in steps(WORKFLOWS[name]) if "apt-get install" in step.get("run", "")
    ]
    (installed,) = (re.findall(r"--no-install-recommends (.*)", run) for run in runs)
    assert sorted(installed[0].split()) == sorted([*tools.split(), package])


def test_release() -> None:
    """A release is built by make, has an entry in the changelog, and its tag is the version."""
    text = "\n".join(step.get("run", "") for step in steps(WORKFLOWS["release"]))
    assert 'make release IMAGE="$IMAGE"' in text
    assert 'test "$GITHUB_REF_NAME" = "v$(cat hooks/VERSION)"' in text
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"(?m)^## \[(.*?)\](?: - \d{4}-\d\d-\d\d)?$", changelog)
    assert versions[:2] == ["Unreleased", VERSION]
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned(name: str) -> None:
    """Each action is pinned to a commit, and a workflow has no more rights than needed."""
    uses = [step["uses"] for step in steps(WORKFLOWS[name]) if "uses" in step]
    assert [use for use in uses if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", use)] == []
    write = (
        {"contents": "write", "packages": "write"} if name == "release" else {"contents": "read"}
    )
    assert WORKFLOWS[name]["permissions"] == write


def test_updates() -> None:
    """Updates are configured for folders that have packages of the kind."""
    config = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text("utf-8"))
    kinds = {update["package-ecosystem"]: update["directories"] for update in config["updates"]}
    assert kinds.keys() == FILES.keys()
    missing = [
        folder + name
        for kind, folders in kinds.items()
        for folder in folders
        for name in FILES[kind]
        if not Path(f"{ROOT}{folder}", name).exists()
    ]
    assert missing == []
