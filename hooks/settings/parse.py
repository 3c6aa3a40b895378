"""Parsers for the values of environment variables. The caller passes the variable's name."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from hooks.core.apis.api import DNS_LABEL
from hooks.settings.tls import TlsError, TlsFiles

ADDRESS: Final = re.compile(r"(\[[0-9a-fA-F:]+\]|[-.a-zA-Z0-9]+):([0-9]{1,5})")
# A single label such as "io" would allow the registries of all users. A test server has a port.
SUFFIX: Final = re.compile(rf"{DNS_LABEL}(?:(?:\.{DNS_LABEL})+|(?:\.{DNS_LABEL})*:[0-9]{{1,5}})")
NUMERIC: Final = re.compile(r"[0-9.]+")
MAX_PORT: Final = 65535
EXAMPLE_SECONDS: Final = 300


class SettingsError(Exception):
    """A variable has an invalid value. The text names the variable and shows a valid example."""


def parse_address(environ: Mapping[str, str], variable: str) -> str | None:
    """Return "host:port"; None if unset. Raises `SettingsError`."""
    text = environ.get(variable)
    if not text:
        return None
    found = ADDRESS.fullmatch(text)
    try:
        if found is not None and int(found[2]) <= MAX_PORT:
            parse_ip(found[1])
            return text
    except ValueError:
        pass  # an IP address that does not exist
    raise SettingsError(f"{variable}: {text!r} is not host:port; e.g. 127.0.0.1:8080")


def parse_ip(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address *host*; None if *host* is a name. An IPv6 address has brackets.

    Raises:
        ValueError: *host* looks like an IP address, and is invalid.
    """
    bracketed = host.startswith("[")
    return ip_address(host.strip("[]")) if bracketed or NUMERIC.fullmatch(host) else None


def is_loopback(address: str) -> bool:
    """True if only this node can reach *address*, a valid "host:port"."""
    host = address.rpartition(":")[0]
    ip = parse_ip(host)
    return host == "localhost" if ip is None else ip.is_loopback


def parse_suffixes(
    environ: Mapping[str, str], variable: str, default: Sequence[str]
) -> tuple[str, ...]:
    """Return the DNS suffixes in a list with commas, at least one. Raises `SettingsError`."""
    suffixes = environ.get(variable) or ",".join(default)
    allowed = tuple(part.strip() for part in suffixes.split(",") if part.strip())
    for suffix in allowed or ("",):
        if not SUFFIX.fullmatch(suffix):
            raise SettingsError(
                f"{variable}: {suffix!r} is not a DNS suffix of two labels or more; e.g. azurecr.io"
            )
    return allowed


def parse_audience(environ: Mapping[str, str], variable: str, default: str) -> str:
    """Return the audience of a token, a URI. Raises `SettingsError`."""
    audience = environ.get(variable) or default
    if not re.fullmatch(r"(https|api)://[^\s]+", audience):
        raise SettingsError(f"{variable}: {audience!r} is not a resource URI; e.g. {default}")
    return audience


def parse_seconds(
    environ: Mapping[str, str], variable: str, default: int, least: int = 0
) -> timedelta:
    """Return a whole number of seconds, *least* or more. Raises `SettingsError`."""
    text = environ.get(variable) or str(default)
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) < least:
        raise SettingsError(
            f"{variable}: {text!r} is not a valid number of seconds; e.g. "
            f"{default or EXAMPLE_SECONDS}"
        )
    return timedelta(seconds=int(text))


def parse_one_of(environ: Mapping[str, str], variable: str, known: Sequence[str]) -> str:
    """Return the name in *known* with the value of *variable*, in any case; the first if unset.

    Raises `SettingsError`.
    """
    text = environ.get(variable) or known[0]
    found = [name for name in known if name.lower() == text.lower()]
    if not found:
        raise SettingsError(f"{variable}: {text!r} is not one of {', '.join(known)}")
    return found[0]


def read_lines(variable: str, path: Path, *, optional: bool = False) -> list[bytes]:
    """Return the lines of *path* without blank lines; [] if an *optional* file does not exist.

    Raises:
        SettingsError: *path* is unreadable.
    """
    try:
        return [line.strip() for line in path.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        if optional and isinstance(error, FileNotFoundError):
            return []
        raise SettingsError(f"{variable}: {path}: {error.strerror}") from error


def load_tls(environ: Mapping[str, str]) -> TlsFiles | None:
    """Return the valid TLS files; None if unset. Raises `SettingsError`."""
    try:
        return TlsFiles.from_env(environ)
    except TlsError as error:
        raise SettingsError(str(error)) from error
