"""The Dockerfile, built, and its command as the Deployment runs it."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
import requests
import yaml

from hooks.version import VERSION
from tests.e2e import container
from tests.e2e.base_image import PROGRAMS, find_python
from tests.e2e.container import Container
from tests.e2e.image import PYTHON_VERSION, Image
from tests.e2e.process import Process, free_port
from tests.service import ROOT
from tests.tools import lack, require

REVISION: Final = "abc1234"
START_SECONDS: Final = 60
DEPLOYMENT: Final = yaml.safe_load((ROOT / "metacontroller/deployment.yaml").read_text("utf-8"))
POD: Final = DEPLOYMENT["spec"]["template"]["spec"]
(HOOKS,) = POD["containers"]


@pytest.fixture(scope="module")
def image(request: pytest.FixtureRequest) -> Iterator[Image]:
    """Build it."""
    if request.config.getoption("--cluster"):
        pytest.skip("needs no cluster: make e2e")
    require("buildah")
    require(*container.PROGRAMS, "ldd", *PROGRAMS)
    if os.geteuid() != 0:
        lack("mounts and chroots, so it needs root")
    environment = dict(os.environ)  # noqa: TID251  where the machine's pip fetches from, it knows
    python = find_python(PYTHON_VERSION, environment)
    if python is None:
        lack(f"needs python{PYTHON_VERSION}, or this Python, with a pip beside it")
    with TemporaryDirectory(prefix="acrpull-image-") as directory:  # too large to be kept
        built = Image(Path(directory))
        built.fetch(python, environment)
        built.build(python, REVISION)
        yield built


@pytest.fixture(scope="module")
def config(image: Image) -> dict[str, Any]:
    """Return what the image says of how it is run."""
    return image.config


@pytest.fixture
def pod(image: Image, config: dict[str, Any], tmp_path: Path) -> Container:
    """Return the Deployment's, but for ports: these are free ones of loopback."""
    token = tmp_path / "token"
    token.mkdir(mode=0o750)
    (token / "token").write_text("of-the-hook\n")
    user = POD["securityContext"]["runAsUser"]
    os.chown(token, 0, POD["securityContext"]["fsGroup"])
    environment = dict(variable.split("=", 1) for variable in config["Env"])
    for variable in HOOKS["env"]:
        value = re.sub(r"^0\.0\.0\.0:\d+$", f"127.0.0.1:{free_port()}", variable["value"])
        environment[variable["name"]] = value
    (mount,) = (m["mountPath"] for m in HOOKS["volumeMounts"] if m["name"] == "hook-token")
    return Container(image.root, config["WorkingDir"], user, environment, {token: mount})


def test_config(config: dict[str, Any]) -> None:
    """It runs as the user that the Deployment expects, on its ports, and names its version."""
    user, group = (POD["securityContext"][f"runAs{of}"] for of in ("User", "Group"))
    assert config["User"] == f"{user}:{group}"
    ports = {f"{port['containerPort']}/tcp" for port in HOOKS["ports"]}
    assert ports <= set(config["ExposedPorts"])
    assert f"REVISION={REVISION}" in config["Env"]
    assert config["Labels"]["org.opencontainers.image.revision"] == REVISION
    assert config["Labels"]["org.opencontainers.image.version"] == VERSION
    assert "Entrypoint" not in config


def test_ready(pod: Container, config: dict[str, Any], tmp_path: Path) -> None:
    """Its command answers probes and hooks, as the first process of a file system to read only."""
    with pod.start("pod", config["Cmd"], tmp_path) as process:
        health, hooks = (f"http://{pod.environment[name]}" for name in ("HEALTH_BIND", "BIND"))
        process.await_ready(lambda: answers(f"{health}/readyz"), START_SECONDS)
        bearer = {"Authorization": "Bearer of-the-hook"}
        assert requests.post(f"{hooks}/sync", data="{}", timeout=5).status_code == 401
        assert requests.post(f"{hooks}/sync", "{}", headers=bearer, timeout=5).status_code == 400
        end(process)
        assert "Shutting down: Master" in process.tail()


def answers(url: str) -> bool:
    """Tell whether *url* answers, and well."""
    with suppress(requests.ConnectionError):
        return requests.get(url, timeout=5).ok
    return False


def end(process: Process) -> None:
    """End what runs in the container with SIGTERM, as the kubelet does; it ends well."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("utf-8")
    (first,) = map(int, children.split())
    os.kill(first, signal.SIGTERM)
    assert process.wait(POD["terminationGracePeriodSeconds"]) == 0


def test_doctor(pod: Container) -> None:
    """Who may exec into a Pod has the doctor there."""
    done = pod.run("python", "-m", "hooks.doctor", "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_version(pod: Container) -> None:
    """The command in a Pod prints the version and the revision."""
    done = pod.run("python", "-m", "hooks", "--version")
    assert done.stdout == f"acrpull {VERSION}, revision {REVISION}\n", done.stderr


def test_nothing_is_compiled(pod: Container) -> None:
    """All that a start imports was compiled when the image was built."""
    done = pod.run("python", "-v", "-c", "import hooks.wsgi, hooks.server.worker")
    assert done.returncode == 0, done.stderr
    read = re.findall(r"(?m)^# code object from '?(.*?)'?$", done.stderr)
    assert any(path.startswith("/app/hooks/") for path in read)
    assert [path for path in read if path.endswith(".py")] == []


@pytest.mark.parametrize("folder", ["/app", "/venv", "/usr/local", "/etc"])
def test_nothing_is_writable(image: Image, config: dict[str, Any], folder: str) -> None:
    """Its user owns nothing and may write nothing, also where the file system isn't read-only."""
    user = int(config["User"].partition(":")[0])
    for path in (image.root / folder[1:]).rglob("*"):
        status = path.lstat()
        assert status.st_uid != user
        assert path.is_symlink() or not status.st_mode & 0o002, path


def test_no_more_than_it_needs(pod: Container, image: Image) -> None:
    """The service, what the lock brings, and no pip; nothing else of the project."""
    assert {path.name for path in (image.root / "app").iterdir()} == {"hooks"}
    for python in ("python", "/usr/local/bin/python"):
        done = pod.run(python, "-c", "import pip")
        assert "No module named 'pip'" in done.stderr
    assert pod.run("python", "-m", "gunicorn", "--version").returncode == 0
    assert not list(image.root.glob("root/.cache"))
