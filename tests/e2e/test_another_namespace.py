"""What metacontroller/ and its components become by the commands for another namespace."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.docs import commands
from tests.e2e.components import write_kustomization
from tests.e2e.control_plane import kubectl
from tests.e2e.install import BASE, ROOT
from tests.e2e.test_components import STACKS

OLD: Final = "acrpull-system"
NEW: Final = "pull-tokens"
KEPT: Final = {"kube-system", "metacontroller", "monitoring"}  # namespaces of others


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a copy of the project's manifests, after the commands."""
    root = tmp_path_factory.mktemp("renamed")
    for folder in (BASE, "crds"):
        shutil.copytree(ROOT / folder, root / folder)
    for block in commands("namespace"):
        subprocess.run(["/bin/bash", "-eu", "-c", block.text], cwd=root, check=True)  # noqa: S603
    return root


@pytest.fixture(params=STACKS, ids="+".join)
def texts(request: pytest.FixtureRequest, renamed: Path, tmp_path: Path) -> tuple[str, str]:
    """Return what a stack is, and what it is in the copy."""
    return render(ROOT, request.param, tmp_path / "old"), render(
        renamed, request.param, tmp_path / "new"
    )


def render(root: Path, components: tuple[str, ...], folder: Path) -> str:
    """Return a stack, in YAML, of the manifests in *root*."""
    folder.mkdir()
    write_kustomization(folder, *components, root=root)
    return kubectl(folder / "none", "kustomize", str(folder))


def test_nothing_else_changes(texts: tuple[str, str]) -> None:
    """All that named the one namespace names the other, and only that is changed."""
    before, after = texts
    assert OLD not in after
    changed = list(yaml.safe_load_all(before.replace(OLD, NEW)))
    assert list(yaml.safe_load_all(after)) == changed


def test_policies_know_the_account(texts: tuple[str, str]) -> None:
    """Each policy that is for the ServiceAccount is for it where it is now."""
    manifests = list(yaml.safe_load_all(texts[1]))
    (account,) = (m["metadata"] for m in manifests if m["kind"] == "ServiceAccount")
    policies = [m for m in manifests if m["kind"] == "ValidatingAdmissionPolicy"]
    conditions = [str(policy["spec"]["matchConditions"]) for policy in policies]
    users = [re.findall(r'system:serviceaccount:([^"]+)', found) for found in conditions]
    assert f"{account['namespace']}:{account['name']}" in {
        user for found in users for user in found
    }
    assert account["namespace"] == NEW
    assert {user.partition(":")[0] for found in users for user in found} <= {NEW, *KEPT}
