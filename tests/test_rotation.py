"""Tokens and certificates replaced while the service runs, in the order that README.md tells."""

import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPSConnection
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from hooks.settings.environment import Settings
from hooks.settings.parse import SettingsError
from tests.authority import Authority, client_context, mount
from tests.client import Client
from tests.e2e.eventually import eventually
from tests.emulator.settings import system_clock
from tests.service import Service, ServiceFailed
from tests.test_tls import BODY, PATH, call, environment

pytestmark = pytest.mark.process

PAIR: Final = ("TLS_CERT_FILE", "TLS_KEY_FILE")


class Caller(threading.Thread):
    """Calls all the time as *send* does, and counts the statuses."""

    def __init__(self, send: Callable[[], int]) -> None:
        super().__init__(daemon=True)
        self.send = send
        self.statuses: Counter[int] = Counter()
        self._ended = threading.Event()

    def run(self) -> None:
        """Call until the end."""
        while not self._ended.is_set():
            self.statuses[self.send()] += 1

    def end(self) -> None:
        """Call no more."""
        self._ended.set()
        self.join()

    def go_on(self) -> None:
        """Wait for more calls."""
        eventually(partial(self._check, self.statuses.total() + 30))

    def _check(self, count: int) -> None:
        assert self.statuses.total() >= count


@contextmanager
def calling(send: Callable[[], int]) -> Iterator[Caller]:
    """Call all the while."""
    caller = Caller(send)
    caller.start()
    try:
        yield caller
    finally:
        caller.end()


def test_token(tmp_path: Path) -> None:
    """No call is refused, from the first step to the last; then the old token is."""
    mount(tmp_path, {"token": b"old"})
    files = {
        "HOOK_TOKEN_FILE": str(tmp_path / "token"),
        "HOOK_TOKEN_ROTATION_FILE": str(tmp_path / "rotation"),
    }
    with Service(files) as service:
        client = Client(service.url, "r.azurecr.io")

        def send(token: str) -> int:
            return client.post(PATH, BODY, Authorization=f"Bearer {token}").status_code

        with calling(partial(send, "old")) as caller:
            mount(tmp_path, {"token": b"old", "rotation": b"old\nnew\n"})
            caller.go_on()
            mount(tmp_path, {"token": b"new", "rotation": b"old\nnew\n"})
            caller.go_on()
            caller.send = partial(send, "new")  # Metacontroller reads it again
            caller.go_on()
            mount(tmp_path, {"token": b"new"})
            caller.go_on()
        assert set(caller.statuses) == {200}
        assert send("old") == 401


OLD: Final = Authority("old", system_clock())
NEW: Final = Authority("new", system_clock())


def files_of(server: Authority, *trusted: Authority) -> dict[str, bytes]:
    """Return the files of a server that *server* has signed, which trusts clients of *trusted*."""
    certificate, key = server.server()
    return {"tls.crt": certificate, "tls.key": key, "ca.crt": b"".join(ca.pem for ca in trusted)}


def test_certificate_authority(tmp_path: Path) -> None:
    """Another CA for both sides: no call is refused, from the first step to the last."""
    mounted, shown = tmp_path / "mounted", tmp_path / "shown"
    mounted.mkdir()
    shown.mkdir()
    mount(mounted, files_of(OLD, OLD))
    with Service(environment(mounted)) as service:

        def sender(trusted: bytes, authority: Authority) -> Callable[[], int]:
            return partial(call, service, client_context(trusted, shown, authority.client()))

        with calling(sender(OLD.pem, OLD)) as caller:
            mount(mounted, files_of(OLD, OLD, NEW))
            caller.go_on()
            caller.send = sender(OLD.pem + NEW.pem, OLD)
            caller.go_on()
            mount(mounted, files_of(NEW, OLD, NEW))
            caller.go_on()
            caller.send = sender(NEW.pem, NEW)
            caller.go_on()
            mount(mounted, files_of(NEW, NEW))
            caller.go_on()
        assert set(caller.statuses) == {200}
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            sender(OLD.pem, NEW)()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            sender(NEW.pem, OLD)()


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Path]]:
    """Start a service for files that get worse; return it and where they are."""
    folder = tmp_path_factory.mktemp("spoilt")
    mount(folder, files_of(OLD, OLD))
    with Service(environment(folder)) as service:
        yield service, folder


@pytest.mark.parametrize(
    ("bad", "variable"),
    [
        ({"tls.crt": b""}, "TLS_CERT_FILE"),
        ({"tls.crt": b"-----BEGIN CERTIFICATE-----\nAAAA\n"}, "TLS_CERT_FILE"),
        ({"tls.key": b"no key"}, "TLS_KEY_FILE"),
        ({"tls.key": NEW.server()[1]}, "TLS_KEY_FILE"),
        ({"ca.crt": b"no certificate"}, "CLIENT_CA_FILE"),
        ({"ca.crt": None}, "CLIENT_CA_FILE"),
    ],
    ids=["empty", "cut", "no-key", "another's-key", "no-ca", "missing"],
)
def test_bad_file(
    spoilt: tuple[Service, Path], tmp_path: Path, bad: dict[str, bytes | None], variable: str
) -> None:
    """It stops a start; later it is named once in the log, and the last good files go on."""
    service, folder = spoilt
    good = files_of(OLD, OLD)
    mount(folder, good)
    context = client_context(OLD.pem, tmp_path, OLD.client())
    assert call(service, context) == 200
    before = len(service.log)
    mount(folder, {name: text for name, text in {**good, **bad}.items() if text is not None})
    assert [call(service, context) for _ in range(3)] == [200] * 3
    assert service.log[before:].count(f'"why": "{variable}: ') == 1
    assert "PRIVATE KEY" not in service.log
    with pytest.raises(SettingsError, match=f"^{variable}: .*$"):
        Settings.from_env(environment(folder))
    mount(folder, files_of(NEW, OLD))
    assert call(service, client_context(NEW.pem, tmp_path, OLD.client())) == 200


def test_open_connection(tmp_path: Path) -> None:
    """One that files let in which are gone is answered once more, and asked to close."""
    mount(tmp_path, files_of(OLD, OLD))
    with Service(environment(tmp_path)) as service:
        context = client_context(OLD.pem, tmp_path, OLD.client())
        connection = HTTPSConnection(*service.address, context=context, timeout=10)
        try:
            assert answer(connection) == (200, "keep-alive")
            assert answer(connection) == (200, "keep-alive")
            mount(tmp_path, files_of(NEW, NEW))
            assert answer(connection) == (200, "close")
        finally:
            connection.close()


def answer(connection: HTTPSConnection) -> tuple[int, str | None]:
    """Make a call; return its status, and what becomes of the connection."""
    connection.request("POST", PATH, BODY)
    response = connection.getresponse()
    response.read()
    return response.status, response.getheader("Connection")


def test_encrypted_key(tmp_path: Path) -> None:
    """A key with a password stops the start, and asks nobody for it."""
    files = files_of(OLD, OLD)
    files["tls.key"] = encrypted(files["tls.key"])
    mount(tmp_path, files)
    with pytest.raises(ServiceFailed, match=r"status 1:\nTLS_KEY_FILE: [^\n]*\n$"):
        Service(environment(tmp_path)).start()


def encrypted(key: bytes) -> bytes:
    """Return *key* under a password."""
    loaded = load_pem_private_key(key, None)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))


@pytest.mark.parametrize(
    "given", [PAIR[:1], PAIR[1:], ("CLIENT_CA_FILE",), ("CLIENT_CA_FILE", PAIR[0])]
)
def test_half_a_setting(tmp_path: Path, given: tuple[str, ...]) -> None:
    """Certificate and key go together, and a CA for clients needs both."""
    mount(tmp_path, files_of(OLD, OLD))
    settings = {name: path for name, path in environment(tmp_path).items() if name in given}
    missing = next(name for name in PAIR if name not in given)
    with pytest.raises(SettingsError, match=f"^{missing}: required"):
        Settings.from_env(settings)


def test_without_client_certificates(tmp_path: Path) -> None:
    """Without a CA for clients they need none, and the service is still who it says it is."""
    mount(tmp_path, files_of(OLD))
    settings = environment(tmp_path)
    del settings["CLIENT_CA_FILE"]
    with Service(settings) as service:
        assert call(service, client_context(OLD.pem, tmp_path)) == 200
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            call(service, client_context(NEW.pem, tmp_path))
