"""A widely used registry, Debian's docker-registry 2.8, which accepts ACR's tokens as ACR does.

Settings: https://distribution.github.io/distribution/about/configuration/. The registry does not
know the clients.
"""

import json
import re
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

from tests.e2e.process import Process
from tests.e2e.skopeo import SkopeoFailed, push
from tests.emulator.acr_token import ISSUER
from tests.emulator.image import MANIFEST_TYPE, digest, new_image
from tests.service import clean_environment

PROGRAM: Final = "docker-registry"
START_SECONDS: Final = 20
LOG_SIZE: Final = 1 << 20
# distribution/distribution@v2.8.2:registry/registry.go
LISTENING: Final = re.compile(r"listening on (127\.0\.0\.1:\d+)")
DIGEST: Final = digest(new_image().manifest)

Config = dict[str, Any]


class DockerRegistry:
    """A registry within a `with` block, on a free port of loopback, over plain HTTP.

    Clients reach the registry through *server*, `host:port`, get their tokens there, and need
    tokens for *server*. *token_file* has the certificate of the tokens' signing key. The registry
    contains one image, with the digest `DIGEST`, as `<name>:1` under each of *names*.
    """

    def __init__(
        self, server: str, token_file: Path, names: tuple[str, ...] = ("app", "other")
    ) -> None:
        self.address = ""
        self._server = server
        self._token_file = token_file
        self._names = names
        self._processes: list[Process] = []
        self._running = ExitStack()

    @property
    def url(self) -> str:
        """The registry's URL, without a final slash."""
        return f"http://{self.address}"

    @property
    def log(self) -> str:
        """The whole log: first the upload without authentication, then all later requests."""
        return "".join(process.tail(LOG_SIZE) for process in self._processes)

    def __enter__(self) -> Self:
        """Start the registry twice: to upload the image without login, then with authentication.

        Raises:
            ProcessFailed: The registry did not start.
            SkopeoFailed: The registry rejected the image.
        """
        with ExitStack() as undo:
            directory = Path(undo.enter_context(TemporaryDirectory(prefix="docker-registry-")))
            layout = directory / "image"
            write_layout(layout)
            with self._start("filled", directory, {}):
                self._fill(layout)
            undo.enter_context(self._start("serving", directory, self._auth()))
            self._running = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the registry; an exception gets the log as a note."""
        if error is not None:
            error.add_note(f"{PROGRAM}:\n{self.log}")
        self._running.close()

    def _start(self, name: str, directory: Path, auth: Config) -> ExitStack:
        """Start the registry with *auth*.

        Return a stack; closing the stack stops the registry.
        """
        file = directory / f"{name}.json"  # JSON is YAML as well
        file.write_text(json.dumps(config(directory / "storage", auth)))
        process = Process(name, [PROGRAM, "serve", file], directory, clean_environment())
        self._processes.append(process)
        with ExitStack() as undo:
            undo.enter_context(process)
            process.await_ready(lambda: "listening on" in process.tail(LOG_SIZE), START_SECONDS)
            self.address = LISTENING.findall(process.tail(LOG_SIZE))[-1]
            return undo.pop_all()

    def _fill(self, layout: Path) -> None:
        try:
            for name in self._names:
                push(layout, f"{self.address}/{name}:1")
        except SkopeoFailed as error:
            error.add_note(f"{PROGRAM}:\n{self.log}")
            raise

    def _auth(self) -> Config:
        token = {
            "realm": f"https://{self._server}/oauth2/token",
            "service": self._server,
            "issuer": ISSUER,
            "rootcertbundle": str(self._token_file.absolute()),
        }
        return {"token": token}


def config(storage: Path, auth: Config) -> Config:
    """Return the settings of a registry: the only user of *storage*, with authentication *auth*."""
    return {
        "version": 0.1,
        "log": {
            "level": "info",
            "accesslog": {"disabled": True},
        },  # the default log has each request already
        "storage": {
            "filesystem": {"rootdirectory": str(storage)},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        # Relative URLs, because a proxy in front adds TLS.
        "http": {"addr": "127.0.0.1:0", "relativeurls": True, "secret": "of this run's uploads"},
        **({"auth": auth} if auth else {}),
    }


def write_layout(directory: Path) -> None:
    """Write the emulator's image into *directory* as an OCI layout.

    https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
    """
    image = new_image()
    for name, data in {**image.blobs, DIGEST: image.manifest}.items():
        file = directory / "blobs" / name.replace(":", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    manifest = {"mediaType": MANIFEST_TYPE, "digest": DIGEST, "size": len(image.manifest)}
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    (directory / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
