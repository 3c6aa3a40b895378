"""What README and docs tell is so: commands run, links lead somewhere, names exist."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from hooks.core import names
from hooks.core.names import KIND
from hooks.core.reason import Reason
from hooks.doctor.diagnosis import diagnose
from hooks.settings import VARIABLES, Settings
from tests.docs import FENCE, PAGES, ROOT, Block, blocks, commands
from tests.tools import require

# By mark, the test that runs such blocks.
RUN: Final = {
    "": "tests/e2e/test_docs.py",
    "install": "tests/e2e/test_docs.py",
    "uninstall": "tests/e2e/test_docs.py",
    "stuck": "tests/e2e/test_docs.py",
    "namespace": "tests/e2e/test_another_namespace.py",
    "rotation": "tests/e2e/test_rotation.py",
    "move": "tests/e2e/test_migrating.py",
    "back": "tests/e2e/test_migrating.py",
    "here": "tests/test_docs.py",
    "make": "tests/test_docs.py",
}
NOT_RUN: Final = {"azure", "cluster"}  # they need one: Azure, or a cluster whose Pods run
CONDITIONS: Final = {"Ready", "TokenFresh", "Attached", "RenewalHealthy"}
# Words in code that look like a reason of ours and are not: a Pod's, or Metacontroller's.
OTHERS: Final = {
    *("ErrImagePull", "ImagePullBackOff", "FailedToRetrieveImagePullSecret", "SyncError"),
    *("AcrpullTokenExpiring", "AcrpullBindingNotReady", "AcrpullBindingUnanswered"),
    "AirgappedCloud",  # upstream's
    *("AcrpullAbsent", "AcrpullHookErrors", "AcrpullHooksBusy", "AcrpullThrottled"),
}
# Words in capitals that are no setting of ours: of libraries, of make, levels of the log.
NOT_OURS: Final = {
    *("REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "NO_PROXY", "AZURE_POD_IDENTITY_AUTHORITY_HOST"),
    *("KUBECONFIG", "METACONTROLLER", "METACONTROLLER_CRDS", "SEED"),
    *("DEBUG", "INFO", "WARNING", "ERROR"),
}
TEXTS: Final = {page.name: page.read_text("utf-8") for page in PAGES}


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_every_block_is_run_or_marked(block: Block) -> None:
    """Commands are run by a test, or say what they need; all else is in a language."""
    if block.language == "sh":
        assert block.mark in RUN.keys() | NOT_RUN
    else:
        assert block.language in {"text", "yaml", "mermaid"}
        assert not block.mark


@pytest.mark.parametrize("mark", RUN)
def test_its_test_runs_it(mark: str) -> None:
    """Each mark is used, and asked for by the test that it stands for."""
    assert commands(mark)
    assert f'commands("{mark}")' in (ROOT / RUN[mark]).read_text("utf-8")


@pytest.mark.parametrize("block", commands("here"), ids=str)
def test_here(block: Block) -> None:
    """What needs the project alone succeeds, each line of it."""
    script = block.text.replace(".venv/bin/python", sys.executable)
    done = subprocess.run(  # noqa: S603  the project's own commands
        ["/bin/bash", "-eu", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize("block", commands("make"), ids=str)
def test_make(block: Block) -> None:
    """Each target is one."""
    require("make")
    for line in block.text.splitlines():
        words = line.partition("#")[0].split()
        make = shutil.which(words[0])
        assert make
        subprocess.run([make, "-n", *words[1:]], cwd=ROOT, check=True, capture_output=True)  # noqa: S603


@pytest.mark.parametrize("block", [b for b in blocks() if b.language == "yaml"], ids=str)
def test_yaml(block: Block) -> None:
    """It is YAML, and a binding is one that the API server takes."""
    found: dict[str, Any] = yaml.safe_load(block.text)
    assert isinstance(found, dict)
    if found.get("kind") == KIND:
        assert diagnose(found, Settings.from_env({}).policy).accepted


def anchors(text: str) -> set[str]:
    """Return what GitHub calls the headings of a page."""
    headings = re.findall(r"(?m)^#+ (.+)$", FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links(page: Path) -> None:
    """Each link to a file of the project leads to one, and its anchor to a heading."""
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", TEXTS[page.name])):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text("utf-8")), target


@pytest.mark.parametrize("page", [p for p in TEXTS if p != "README.md"])
def test_named_from_readme(page: str) -> None:
    """Each page is found from the front page."""
    assert f"(docs/{page})" in TEXTS["README.md"]


@pytest.mark.parametrize("page", TEXTS)
def test_names_exist(page: str) -> None:
    """Settings, reasons, conditions, annotations, metrics and alerts that are named are there."""
    code = "\n".join(re.findall(r"`([^`\n]+)`", FENCE.sub("", TEXTS[page])))
    settings = set(re.findall(r"(?m)^([A-Z]+(?:_[A-Z]+)*)(?:=.*)?$", code))
    assert settings <= {*VARIABLES, *NOT_OURS}
    reasons = set(re.findall(r"(?m)^((?:[A-Z][a-z]+){2,})$", code))
    assert reasons <= {*Reason, *CONDITIONS, *OTHERS}
    assert set(re.findall(r"(?m)^(\w+)=(?:True|False)$", code)) <= CONDITIONS
    ours = {value for value in vars(names).values() if isinstance(value, str)}
    keys = set(re.findall(r"\bacrpull\.dev/[a-z-]+", TEXTS[page]))
    assert keys - {"acrpull.dev/v"} <= ours


def test_monitoring_names() -> None:
    """Each alert and each metric is told of, by its name."""
    monitoring = ROOT / "metacontroller/monitoring"
    groups = yaml.safe_load((monitoring / "rules.yaml").read_text("utf-8"))["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    assert alerts <= OTHERS
    told = set(re.findall(r"`(Acrpull\w+)`", TEXTS["operations.md"]))
    assert told == alerts
    source = (ROOT / "hooks/metrics.py").read_text("utf-8")
    metrics = {
        f"{name}_info" if name == "acrpull_build" else name
        for name in re.findall(r'"(acrpull_\w+)"', source)
    }
    state = yaml.safe_load((monitoring / "kube-state-metrics.yaml").read_text("utf-8"))
    (resource,) = state["spec"]["resources"]
    prefix = resource["metricNamePrefix"]
    metrics |= {f"{prefix}_{metric['name']}" for metric in resource["metrics"]}
    assert set(re.findall(r"`(acrpull_\w+)`", TEXTS["operations.md"])) == metrics


TRIED: Final = re.findall(r"`(tests/\S+\.py)::(\w+)`", TEXTS["migrating.md"])


@pytest.mark.parametrize(("path", "function"), dict.fromkeys(TRIED))
def test_is_tried(path: str, function: str) -> None:
    """A test that is named as a proof is there."""
    assert f"def {function}(" in (ROOT / path).read_text("utf-8")


def test_numbers() -> None:
    """Each numbered defect has its row, with a test that is there, and one that names it."""
    rows = re.findall(r"(?m)^\| (U\d+) \|.*`tests/", TEXTS["migrating.md"])
    assert rows == [f"U{number}" for number in range(1, 12)]
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert [row for row in rows if not re.search(rf'"""(?:.*, )?{row}\b', tests)] == []


def test_every_feature_is_tried() -> None:
    """Of what others offer, each is tried by a test, or is told why it is not offered here."""
    _, _, table = TEXTS["migrating.md"].partition("| feature | tried by, or why not |")
    rows = [row.strip("|").split("|") for row in table.splitlines()[2:]]
    assert len(rows) > 15
    assert [row for row in rows if not re.match(r" (no: |`tests/\S+`)", row[1])] == []


def test_every_reason_has_its_row() -> None:
    """Troubleshooting tells of each reason, once, where README's table does."""
    _, _, table = TEXTS["troubleshooting.md"].partition("| reason | condition |")
    rows = [row.split("|")[1] for row in table.partition("\n\n")[0].splitlines()[2:]]
    assert sorted(name for row in rows for name in re.findall("`(.+?)`", row)) == sorted(Reason)
