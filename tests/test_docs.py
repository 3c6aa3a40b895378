"""README and docs are true: commands succeed, links lead to a heading, names exist."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import yaml

from hooks.core import names
from hooks.core.model.reason import Reason
from hooks.core.names import KIND
from hooks.doctor.diagnosis import diagnose
from hooks.settings.environment import Settings
from hooks.version import VERSION
from tests.docs import FENCE, INDEX, PAGES, ROOT, Block, blocks, commands, page_name
from tests.tools import require
from tests.variables import VARIABLES

# The test that runs the blocks with a mark.
RUN: Final = {
    "": "tests/e2e/test_docs.py",
    "install": "tests/e2e/test_docs.py",
    "install-shared": "tests/e2e/test_docs.py",
    "uninstall": "tests/e2e/test_docs.py",
    "stuck": "tests/e2e/test_docs.py",
    "tenant": "tests/e2e/test_docs.py",
    "argocd": "tests/e2e/test_docs.py",
    "namespace": "tests/e2e/test_another_namespace.py",
    "rollback": "tests/e2e/test_upgrade.py",
    "rotation": "tests/e2e/test_rotation.py",
    "move": "tests/e2e/test_migrating.py",
    "back": "tests/e2e/test_migrating.py",
    "here": "tests/test_docs.py",
    "make": "tests/test_docs.py",
    "runbooks": "tests/test_monitoring.py",
}
NOT_RUN: Final = {"azure", "cluster"}  # they need Azure, or a cluster that runs Pods
READMES: Final = tuple(
    ROOT / folder / "README.md"
    for folder in ("charts/acrpull", "examples", "examples/kind", "tests")
)
ITEM: Final = r" *([0-9]+\.|-) "
CONDITIONS: Final = {"Ready", "TokenFresh", "Attached", "RenewalHealthy", "Stalled"}
# Words in code that look like a reason: those of Pods, Metacontroller, alerts and msi-acrpull.
OTHERS: Final = {
    *("ErrImagePull", "ImagePullBackOff", "FailedToRetrieveImagePullSecret", "SyncError"),
    *("AcrpullTokenExpiring", "AcrpullBindingNotReady", "AcrpullBindingUnanswered"),
    "AirgappedCloud",
    "CriticalAddonsOnly",  # of AKS
    "DisableFailFastBehavior",  # of Flux
    *("AcrpullAbsent", "AcrpullHookErrors", "AcrpullHooksBusy", "AcrpullThrottled"),
    "AcrpullClusterBindingNotReady",
    *("AcrpullRenewalFailing", "AcrpullMetacontrollerSilent", "AcrpullBindingMetricsAbsent"),
    *("AcrpullServedTokenExpiring", "AcrpullTokenRequestsFailing"),
}
# Words in capitals that look like a setting: variables of libraries and of make, log levels.
NOT_OURS: Final = {
    *("REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "NO_PROXY", "AZURE_POD_IDENTITY_AUTHORITY_HOST"),
    *("KUBECONFIG", "METACONTROLLER", "METACONTROLLER_CRDS", "MSI_ACRPULL", "BINDINGS", "SEED"),
    *("GOMEMLIMIT", "IMAGE"),
    *("DEBUG", "INFO", "WARNING", "ERROR"),
}
LINK_TO_A_NAME: Final = r"\[`(\w+)`\]\(([^)\s]+\.py)\)"
TEXTS: Final = {page_name(page): page.read_text("utf-8") for page in PAGES}


def test_every_block_is_run_or_marked() -> None:
    """A test runs the commands, or their mark says what they need; other blocks have a language."""
    known = {("sh", mark) for mark in RUN.keys() | NOT_RUN}
    known |= {(language, "") for language in ("text", "yaml", "mermaid")}
    assert [str(b) for b in blocks() if (b.language, b.mark) not in known] == []


def test_its_test_runs_it() -> None:
    """Each mark has blocks, and its test runs them."""
    assert [mark for mark in RUN if not commands(mark)] == []
    texts = {path: (ROOT / path).read_text("utf-8") for path in RUN.values()}
    assert [
        f"{path}: {mark}" for mark, path in RUN.items() if f'commands("{mark}")' not in texts[path]
    ] == []


@pytest.mark.process
@pytest.mark.parametrize("block", commands("here"), ids=str)
def test_here(block: Block) -> None:
    """Each command that needs only the project succeeds."""
    script = block.text.replace(".venv/bin/python", sys.executable)
    done = subprocess.run(  # noqa: S603  the project's own commands
        ["/bin/bash", "-eu", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_virtual_environment_is_introduced() -> None:
    """A page whose commands use .venv names the target of `make` that creates it."""
    using = {block.page for block in blocks() if ".venv/" in block.text}
    assert [page for page in sorted(using) if "`make venv`" not in TEXTS[page]] == []


@pytest.mark.process
def test_make() -> None:
    """Each target of `make` exists."""
    require("make")
    for line in "".join(block.text for block in commands("make")).splitlines():
        words = line.partition("#")[0].split()
        make = shutil.which(words[0])
        assert make
        subprocess.run([make, "-n", *words[1:]], cwd=ROOT, check=True, capture_output=True)  # noqa: S603


def test_yaml() -> None:
    """Each YAML block is an object. The API server accepts each binding."""
    policy = Settings.from_env({}).policy
    bodies = {str(b): yaml.safe_load(b.text) for b in blocks() if b.language == "yaml"}
    assert [name for name, body in bodies.items() if not isinstance(body, dict)] == []
    bindings = {
        name: diagnose(body, policy) for name, body in bodies.items() if body.get("kind") == KIND
    }
    assert bindings
    assert {name: found.problems for name, found in bindings.items() if not found.accepted} == {}


def test_version() -> None:
    """The commands that push the image name the version of the code."""
    assert set(re.findall(r"acrpull:([0-9.]+[0-9])", TEXTS["install.md"])) == {VERSION}


def without_code(text: str) -> str:
    """Return *text* without code blocks and words in code."""
    return re.sub("`[^`]*`", "", FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """Return GitHub's anchors for the headings of a page."""
    headings = re.findall(r"(?m)^#+ (.+)$", FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads(page: Path, target: str) -> bool:
    """Return True if *target*, a link on *page*, is a file of the project and a heading in it."""
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    return file.exists() and (not anchor or anchor in anchors(file.read_text("utf-8")))


def test_links() -> None:
    """Each link into the project leads to a file, and to a heading if the link has an anchor."""
    links = [
        (page, target)
        for page in (*PAGES, *READMES)
        for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text("utf-8")))
        if "://" not in target
    ]
    assert [
        f"{page.relative_to(ROOT)}: {target}" for page, target in links if not leads(page, target)
    ] == []


def test_lists() -> None:
    """An item of a list begins after a blank line, or after another item.

    Otherwise the item is a part of the paragraph before, unless its number is 1.
    """
    broken = []
    for page in (*PAGES, *READMES):
        for paragraph in FENCE.sub("\n", page.read_text("utf-8")).split("\n\n"):
            first, *others = paragraph.strip("\n").split("\n")
            if not re.match(ITEM, first):
                broken += [f"{page.name}: {line}" for line in others if re.match(ITEM, line)]
    assert broken == []


def test_index() -> None:
    """docs/README.md has a link to each other page."""
    pages = {page for page in PAGES if page_name(page) != INDEX}
    linked = {
        (ROOT / "docs" / target.partition("#")[0]).resolve()
        for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[INDEX])
    }
    assert {page_name(page) for page in pages - linked} == set()


def test_names_in_the_code_exist() -> None:
    """If the text of a link to a module is a name in code style, the module defines the name."""
    links = [
        (page, name, (page.parent / path).read_text("utf-8"))
        for page in PAGES
        for name, path in re.findall(LINK_TO_A_NAME, TEXTS[page_name(page)])
    ]
    assert links
    assert [
        f"{page_name(page)}: {name}"
        for page, name, source in links
        if not re.search(rf"(?m)^\s*(def |class )?{name}\b[(:]", source)
    ] == []


def unknown_names(text: str) -> set[str]:
    """Return names in *text* of settings, reasons, conditions and annotations that do not exist."""
    text = re.sub(LINK_TO_A_NAME, "", FENCE.sub("", text))
    code = "\n".join(re.findall(r"`([^`\n]+)`", text))
    settings = set(re.findall(r"(?m)^([A-Z]+(?:_[A-Z]+)*)(?:=.*)?$", code))
    reasons = set(re.findall(r"(?m)^((?:[A-Z][a-z]+){2,})$", code))
    conditions = set(re.findall(r"(?m)^(\w+)=(?:True|False)$", code))
    keys = set(re.findall(r"\bacrpull\.dev/[a-z-]+", text))
    ours = {value for value in vars(names).values() if isinstance(value, str)}
    return (
        settings - {*VARIABLES, *NOT_OURS}
        | reasons - {*Reason, *CONDITIONS, *OTHERS}
        | conditions - CONDITIONS
        | keys - ours - {"acrpull.dev/v", "acrpull.dev/metacontroller"}
    )


def test_names_exist() -> None:
    """Each setting, reason, condition and annotation on a page exists, but in the CRDs' words."""
    unknown = {page: unknown_names(text) for page, text in TEXTS.items() if page != "api.md"}
    assert {page: found for page, found in unknown.items() if found} == {}


def test_monitoring_names() -> None:
    """operations.md names each alert and each metric."""
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
    for resource in state["spec"]["resources"]:
        prefix = resource["metricNamePrefix"]
        metrics |= {f"{prefix}_{metric['name']}" for metric in resource["metrics"]}
    assert set(re.findall(r"`(acrpull_\w+)`", TEXTS["operations.md"])) == metrics


def test_is_tried() -> None:
    """Each test that a page names as a proof exists."""
    tried = re.findall(r"`(tests/\S+\.py)::(\w+)`", TEXTS["migrating.md"])
    texts = {path: (ROOT / path).read_text("utf-8") for path, _ in tried}
    assert tried
    assert [pair for pair in tried if f"def {pair[1]}(" not in texts[pair[0]]] == []


def test_numbers() -> None:
    """Each numbered defect has a row, and a test whose docstring names the defect."""
    rows = re.findall(r"(?m)^\| (U\d+) \|.*`tests/", TEXTS["migrating.md"])
    assert rows == [f"U{number}" for number in range(1, 12)]
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert [row for row in rows if not re.search(rf'"""(?:.*, )?{row}\b', tests)] == []


def test_every_feature_is_tried() -> None:
    """Each feature of other projects has a test, or a reason why acrpull does not have it."""
    _, _, table = TEXTS["migrating.md"].partition("| feature | test, or why not supported |")
    rows = [row.strip("|").split("|") for row in table.splitlines()[2:]]
    assert len(rows) > 15
    assert [row for row in rows if not re.match(r" (no: |`tests/\S+`)", row[1])] == []


def test_every_reason_has_its_row() -> None:
    """troubleshooting.md has one row for each reason."""
    _, _, table = TEXTS["troubleshooting.md"].partition("| reason | what happened |")
    rows = [row.split("|")[1] for row in table.partition("\n\n")[0].splitlines()[2:]]
    assert sorted(name for row in rows for name in re.findall("`(.+?)`", row)) == sorted(Reason)
