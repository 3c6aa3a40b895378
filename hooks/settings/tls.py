"""The server's TLS context, from PEM files that may change at any time."""

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from hooks.log import FIELDS

VARIABLES: Final = ("TLS_CERT_FILE", "TLS_KEY_FILE", "CLIENT_CA_FILE")
log = logging.getLogger(__name__)


class TlsError(Exception):
    """A TLS file is invalid. The text begins with the name of the variable."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files. With *client_ca*, callers must present a certificate from a CA in it."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "TlsFiles | None":
        """Return the files named in *environ*, after a check; None if no variable is set.

        Raises:
            TlsError: A file is missing or invalid.
        """
        certificate, key, client_ca = (environ.get(variable) or None for variable in VARIABLES)
        if not certificate and not key and not client_ca:
            return None
        if not certificate or not key:
            missing = VARIABLES[1] if certificate else VARIABLES[0]
            raise TlsError(f"{missing}: required for TLS; e.g. /var/run/tls/tls.crt and tls.key")
        files = cls(Path(certificate), Path(key), Path(client_ca) if client_ca else None)
        files.read()
        new_context(files)
        return files

    def read(self) -> tuple[bytes, ...]:
        """Return the contents of the files. Raises `TlsError`."""
        paths = (self.certificate, self.key, self.client_ca)
        named = zip(VARIABLES, paths, strict=True)
        return tuple(_read(variable, path) for variable, path in named if path)


class ServerTls:
    """Provides the TLS context of the current *files*. Raises `TlsError` if *files* are invalid."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._lock = Lock()
        self._loaded = files.read()
        self._context = new_context(files)
        self._warned = ""

    def context(self) -> ssl.SSLContext:
        """Return the current context; if a file is now invalid, the last valid context."""
        with self._lock:
            try:
                self._load()
                self._warned = ""
            except TlsError as error:
                self._warn(str(error))
            return self._context

    def _load(self) -> None:
        # Read the files before OpenSSL loads them. A file replaced in between differs from *found*
        # at the next connection, and is loaded then.
        found = self._files.read()
        if found != self._loaded:
            self._context = new_context(self._files)
            self._loaded = found
            log.info("TLS files reloaded")

    def _warn(self, why: str) -> None:
        """Log *why* once, not for each connection."""
        if why != self._warned:
            log.warning("TLS files not reloaded", extra={FIELDS: {"why": why}})
            self._warned = why


def new_context(files: TlsFiles) -> ssl.SSLContext:
    """Return a new server context. Raises `TlsError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3  # 1.2 resumes sessions without a certificate
    context.num_tickets = 0  # a resumed session would present no certificate
    _load_cas(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "TLS_CERT_FILE", files.certificate)
    try:
        # Without a password here, OpenSSL would prompt for the password of an encrypted key.
        context.load_cert_chain(files.certificate, files.key, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise TlsError(
            f"TLS_KEY_FILE: {files.key} is not the unencrypted PEM key of {files.certificate}"
        ) from error
    if files.client_ca:
        _load_cas(context, "CLIENT_CA_FILE", files.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _load_cas(context: ssl.SSLContext, variable: str, path: Path) -> None:
    try:
        context.load_verify_locations(path)
    except OSError as error:
        raise TlsError(f"{variable}: {path} contains no valid PEM certificate") from error


def _read(variable: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsError(f"{variable}: {path}: {error.strerror}") from error
