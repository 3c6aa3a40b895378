"""The settings of workload identity: environment variables, parsed once."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hooks.core.exchange.federation import EXAMPLE, GUID
from hooks.core.names import FEDERATION_AUDIENCE
from hooks.settings.parse import SettingsError, parse_audience, parse_one_of

SWITCH: Final = ("disabled", "enabled")  # the default first
IDENTITY_SOURCES: Final = ("imds", "workload")  # the default first
# The authority of public Azure. Other clouds:
# https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
AUTHORITY: Final = "https://login.microsoftonline.com"
HOST: Final = re.compile(r"(?:https://)?((?:[-.a-zA-Z0-9]+|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?)/?")
# Address and credentials of the API server, as seen from a Pod:
# https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
API_HOST: Final = "kubernetes.default.svc"
CREDENTIAL_DIR: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class FederationSettings:
    """How acrpull gets ServiceAccount tokens, and exchanges them for Entra tokens.

    Attributes:
        workload_identity: True if acrpull may request tokens of ServiceAccounts.
        own_token: True if acrpull authenticates managed identities with *token_file*, not IMDS.
        tenant_id: The default tenant.
        authority: Entra's URL, without a final slash.
        authority_ca_file: PEM of the authority's CA, if the CA is not public.
        audience: The audience of ServiceAccount tokens.
        api_server: The API server's URL, without a final slash.
        credential_dir: The folder with `token` and `ca.crt` for the API server.
        token_file: The file with acrpull's own ServiceAccount token.
    """

    workload_identity: bool
    own_token: bool
    tenant_id: str | None
    authority: str
    authority_ca_file: Path | None
    audience: str
    api_server: str
    credential_dir: Path
    token_file: Path | None

    def log_fields(self) -> dict[str, str | None]:
        """Return the fields of the log line at the start, with the values of the variables."""
        return {
            "identitySource": IDENTITY_SOURCES[self.own_token],
            "workloadIdentity": SWITCH[self.workload_identity],
            "authority": self.authority if self.own_token or self.workload_identity else None,
        }

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "FederationSettings":
        """Return the settings in *environ*.

        Without workload identity, acrpull does not read shared variables such as AZURE_TENANT_ID.

        Raises:
            SettingsError: A variable is invalid, or a required variable is missing.
        """
        own_token = parse_one_of(environ, "IDENTITY_SOURCE", IDENTITY_SOURCES) == "workload"
        workload_identity = parse_one_of(environ, "WORKLOAD_IDENTITY", SWITCH) == "enabled"
        environ = environ if own_token or workload_identity else {}
        for name in ("AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE") if own_token else ():
            if not environ.get(name):
                raise SettingsError(
                    f"{name}: required with IDENTITY_SOURCE=workload; the workload identity "
                    "webhook sets it in Pods with the label azure.workload.identity/use=true"
                )
        token_file = environ.get("AZURE_FEDERATED_TOKEN_FILE")
        return cls(
            workload_identity=workload_identity,
            own_token=own_token,
            tenant_id=_tenant(environ),
            authority=_authority(environ),
            authority_ca_file=_ca_file(environ),
            audience=parse_audience(environ, "SERVICE_ACCOUNT_TOKEN_AUDIENCE", FEDERATION_AUDIENCE),
            api_server=_api_server(environ),
            credential_dir=Path(environ.get("SERVICE_ACCOUNT_DIR") or CREDENTIAL_DIR),
            token_file=Path(token_file) if token_file else None,
        )


def _tenant(environ: Mapping[str, str]) -> str | None:
    text = environ.get("AZURE_TENANT_ID")
    if text and not GUID.fullmatch(text):
        raise SettingsError(f"AZURE_TENANT_ID: {text!r} is not a GUID; e.g. {EXAMPLE}")
    return text or None


def _authority(environ: Mapping[str, str]) -> str:
    """Return the authority with its scheme.

    azure-identity would take "localhost" in "localhost:1" for the scheme.
    """
    text = environ.get("AZURE_AUTHORITY_HOST") or AUTHORITY
    found = HOST.fullmatch(text)
    if found is None:
        raise SettingsError(
            f"AZURE_AUTHORITY_HOST: {text!r} is not the https URL of a host; e.g. {AUTHORITY}"
        )
    return f"https://{found[1]}"


def _ca_file(environ: Mapping[str, str]) -> Path | None:
    variable = "AZURE_AUTHORITY_CA_FILE"
    name = environ.get(variable)
    if not name:
        return None
    try:
        ssl.create_default_context(cafile=name)
    except OSError as error:
        why = "no certificates" if isinstance(error, ssl.SSLError) else error.strerror
        raise SettingsError(f"{variable}: {name}: {why}; e.g. /etc/ssl/entra-ca.pem") from error
    return Path(name)


def _api_server(environ: Mapping[str, str]) -> str:
    host = environ.get("KUBERNETES_SERVICE_HOST") or API_HOST
    port = environ.get("KUBERNETES_SERVICE_PORT") or "443"
    shown = f"[{host}]" if ":" in host else host
    if not HOST.fullmatch(f"{shown}:{port}"):
        raise SettingsError(
            f"KUBERNETES_SERVICE_HOST: {shown}:{port} is not host:port; Kubernetes sets both"
        )
    return f"https://{shown}:{port}"
