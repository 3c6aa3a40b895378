"""The settings of acrpull, parsed once from environment variables.

The caller passes the environment. Libraries read variables of their own: azure-identity reads
AZURE_POD_IDENTITY_AUTHORITY_HOST, and requests reads REQUESTS_CA_BUNDLE and HTTPS_PROXY.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hooks.core.apis import OURS, UPSTREAM
from hooks.core.apis.api import Api
from hooks.core.model.identity import Identity
from hooks.core.names import ACR_AUDIENCE, ACR_SERVER_SUFFIXES
from hooks.core.policy.decision_settings import Policy
from hooks.core.policy.permission import server_allowed
from hooks.schemas import check_spec
from hooks.settings.federation_settings import SWITCH, FederationSettings
from hooks.settings.parse import (
    SettingsError,
    is_loopback,
    load_tls,
    parse_address,
    parse_audience,
    parse_one_of,
    parse_seconds,
    parse_suffixes,
    read_lines,
)
from hooks.settings.tls import TlsFiles

LOG_LEVELS: Final = ("INFO", "DEBUG", "WARNING", "ERROR")  # the default first
NAMESPACE_POLICIES: Final = ("optional", "required")  # the default first
# The default first; the version of the admission policies in the mode `admission`.
ATTACHMENTS: Final = {"adoption": None, "admission": "v1", "admission/v1beta1": "v1beta1"}
REFRESH_BEFORE_SECONDS: Final = 1800  # 30 min
EXAMPLE_METRICS: Final = "127.0.0.1:8083"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. *bind*, *health_bind* and *metrics_bind* are "host:port"."""

    policy: Policy
    federation: FederationSettings
    bind: str
    health_bind: str | None
    metrics_bind: str | None
    hook_token_file: Path | None
    log_level: str
    revision: str
    hook_token_rotation_file: Path | None = None
    tls: TlsFiles | None = None
    upstream_apis: bool = False

    @property
    def apis(self) -> tuple[Api, ...]:
        """The binding APIs in this cluster."""
        return (OURS, *UPSTREAM) if self.upstream_apis else (OURS,)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings in *environ*. An empty variable counts as unset.

        Raises:
            SettingsError: A variable is invalid, or a required variable is missing.
        """
        bind = parse_address(environ, "BIND") or "127.0.0.1:8080"
        token_file = environ.get("HOOK_TOKEN_FILE")
        if not token_file and not is_loopback(bind):
            raise SettingsError(
                f"HOOK_TOKEN_FILE: required with BIND={bind}, because any client that reaches the "
                "hooks gets tokens; e.g. /var/run/acrpull/token, or BIND=127.0.0.1:8080"
            )
        rotation_file = environ.get("HOOK_TOKEN_ROTATION_FILE")
        if token_file:
            read_hook_tokens(Path(token_file), Path(rotation_file) if rotation_file else None)
        elif rotation_file:
            raise SettingsError("HOOK_TOKEN_ROTATION_FILE: has no effect without HOOK_TOKEN_FILE")
        federation = FederationSettings.from_env(environ)
        return cls(
            policy=_policy(environ, federation),
            federation=federation,
            bind=bind,
            health_bind=parse_address(environ, "HEALTH_BIND"),
            metrics_bind=_metrics_bind(environ, bind),
            hook_token_file=Path(token_file) if token_file else None,
            log_level=parse_one_of(environ, "LOG_LEVEL", LOG_LEVELS),
            revision=environ.get("REVISION") or "unknown",
            hook_token_rotation_file=Path(rotation_file) if rotation_file else None,
            tls=load_tls(environ),
            upstream_apis=parse_one_of(environ, "UPSTREAM_APIS", SWITCH) == "enabled",
        )


def _metrics_bind(environ: Mapping[str, str], bind: str) -> str | None:
    """Return the address of the metrics. Listeners on a shared port would mix up their callers."""
    address = parse_address(environ, "METRICS_BIND")
    port = (address or "").rpartition(":")[2]
    for variable, other in (("BIND", bind), ("HEALTH_BIND", environ.get("HEALTH_BIND") or "")):
        if port.strip("0") and other.endswith(f":{port}"):
            raise SettingsError(
                f"METRICS_BIND: {address} has the port of {variable}; e.g. {EXAMPLE_METRICS}"
            )
    return address


def read_hook_tokens(path: Path, rotation: Path | None) -> list[bytes]:
    """Return the hook tokens in the file *path* and, if the file exists, in *rotation*.

    Raises:
        SettingsError: A file is unreadable, or *path* is empty.
    """
    tokens = read_lines("HOOK_TOKEN_FILE", path)
    if not tokens:
        raise SettingsError(f"HOOK_TOKEN_FILE: {path} is empty; e.g. openssl rand -hex 32 > FILE")
    return tokens + (
        read_lines("HOOK_TOKEN_ROTATION_FILE", rotation, optional=True) if rotation else []
    )


def _policy(environ: Mapping[str, str], federation: FederationSettings) -> Policy:
    allowed = parse_suffixes(environ, "ALLOWED_ACR_SERVER_SUFFIXES", ACR_SERVER_SUFFIXES)
    client_id = environ.get("MANAGED_IDENTITY_CLIENT_ID") or None
    resource_id = environ.get("MANAGED_IDENTITY_RESOURCE_ID") or None
    server = environ.get("ACR_SERVER") or None
    _check_default("MANAGED_IDENTITY_CLIENT_ID", "managedIdentityClientID", client_id)
    _check_default("MANAGED_IDENTITY_RESOURCE_ID", "managedIdentityResourceID", resource_id)
    _check_default("ACR_SERVER", "acrServer", server)
    if server and not server_allowed(server, allowed):
        raise SettingsError(
            f"ACR_SERVER: {server} is not in ALLOWED_ACR_SERVER_SUFFIXES; e.g. x.{allowed[0]}"
        )
    if client_id and resource_id:
        raise SettingsError(
            "MANAGED_IDENTITY_CLIENT_ID: set this or MANAGED_IDENTITY_RESOURCE_ID, not both"
        )
    if resource_id and federation.own_token:
        raise SettingsError(
            "MANAGED_IDENTITY_RESOURCE_ID: not supported with IDENTITY_SOURCE=workload; set "
            "MANAGED_IDENTITY_CLIENT_ID, e.g. 11111111-2222-3333-4444-555555555555"
        )
    return Policy(
        acr_server_suffixes=allowed,
        audience=parse_audience(environ, "TOKEN_AUDIENCE", ACR_AUDIENCE),
        authority=federation.authority.removeprefix("https://").lower(),
        server=server,
        identity=Identity(client_id, resource_id) if client_id or resource_id else None,
        refresh_before=parse_seconds(
            environ, "REFRESH_BEFORE_EXPIRY_SECONDS", REFRESH_BEFORE_SECONDS, 1
        ),
        refresh_jitter=parse_seconds(environ, "REFRESH_JITTER_SECONDS", 0),
        namespace_required=parse_one_of(environ, "NAMESPACE_POLICY", NAMESPACE_POLICIES)
        == "required",
        workload_identity=federation.workload_identity,
        own_token=federation.own_token,
        tenant_id=federation.tenant_id,
        admission_version=ATTACHMENTS[parse_one_of(environ, "ATTACHMENT", tuple(ATTACHMENTS))],
    )


def _check_default(variable: str, field: str, value: str | None) -> None:
    """Raise `SettingsError` if *value*, the default of the spec's *field*, is invalid."""
    problem = check_spec({field: value}) if value else None
    if problem:
        raise SettingsError(problem.replace(f"spec.{field}", variable))
