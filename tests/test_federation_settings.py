"""The settings of workload identity: defaults, clouds, and what stops the start."""

from pathlib import Path

import pytest

from hooks.settings.environment import Settings
from hooks.settings.federation_settings import FederationSettings
from hooks.settings.parse import SettingsError
from tests.emulator import Emulator

TENANT = "22222222-3333-4444-5555-666666666666"
ON = {"WORKLOAD_IDENTITY": "enabled"}
OWN = {
    "IDENTITY_SOURCE": "workload",
    "AZURE_TENANT_ID": TENANT,
    "AZURE_FEDERATED_TOKEN_FILE": "/token",
}


def test_switches() -> None:
    """Both ways are off unless they are asked for; decisions and the log know of it."""
    for environ in (
        {},
        OWN,
        {"WORKLOAD_IDENTITY": "enabled"},
        OWN | {"WORKLOAD_IDENTITY": "enabled"},
    ):
        settings = Settings.from_env(environ)
        own, workload = "IDENTITY_SOURCE" in environ, "WORKLOAD_IDENTITY" in environ
        assert settings.federation.log_fields() == {
            "identitySource": "workload" if own else "imds",
            "workloadIdentity": "enabled" if workload else "disabled",
            "authority": "https://login.microsoftonline.com" if own or workload else None,
        }
        policy = settings.policy
        assert (policy.own_token, policy.workload_identity) == (own, workload)
        assert policy.tenant_id == (TENANT if own else None)


@pytest.mark.parametrize(
    ("host", "authority"),
    [
        ("https://login.microsoftonline.us/", "https://login.microsoftonline.us"),
        ("https://login.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
        ("login.microsoftonline.com", "https://login.microsoftonline.com"),
        ("localhost:8443", "https://localhost:8443"),
        ("127.0.0.1:8443", "https://127.0.0.1:8443"),
        ("[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_authority(host: str, authority: str) -> None:
    """A cloud's host is taken with its scheme or without."""
    assert FederationSettings.from_env(ON | {"AZURE_AUTHORITY_HOST": host}).authority == authority


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("", "", "https://kubernetes.default.svc:443"),
        ("10.0.0.1", "6443", "https://10.0.0.1:6443"),
        ("fd00::1", "443", "https://[fd00::1]:443"),
    ],
)
def test_api_server(host: str, port: str, url: str) -> None:
    """The API server is where Kubernetes says it is."""
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    assert FederationSettings.from_env(ON | environ).api_server == url


def test_files(emulator: Emulator) -> None:
    """Files are read where they are said to be."""
    settings = FederationSettings.from_env(
        OWN | {"AZURE_AUTHORITY_CA_FILE": str(emulator.ca_file), "SERVICE_ACCOUNT_DIR": "/x"}
    )
    assert settings.authority_ca_file == emulator.ca_file
    assert (settings.credential_dir, settings.token_file) == (Path("/x"), Path("/token"))


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"WORKLOAD_IDENTITY": "yes"}, "WORKLOAD_IDENTITY: 'yes' is not one of disabled, enabled"),
        ({"IDENTITY_SOURCE": "node"}, "IDENTITY_SOURCE: 'node' is not one of imds, workload"),
        (OWN | {"AZURE_TENANT_ID": ""}, "AZURE_TENANT_ID: required with IDENTITY_SOURCE=workload"),
        (OWN | {"AZURE_FEDERATED_TOKEN_FILE": ""}, "AZURE_FEDERATED_TOKEN_FILE: required"),
        ({"AZURE_TENANT_ID": "contoso.com"}, "AZURE_TENANT_ID: 'contoso.com' is not a GUID"),
        ({"AZURE_TENANT_ID": f"{TENANT}/../x"}, "is not a GUID; e.g. 11111111-2222"),
        (
            OWN | {"MANAGED_IDENTITY_RESOURCE_ID": "/subscriptions/11111111-2222-3333-4444-"
                   "555555555555/resourceGroups/rg/providers/Microsoft.ManagedIdentity/"
                   "userAssignedIdentities/puller"},
            "MANAGED_IDENTITY_RESOURCE_ID: not supported with IDENTITY_SOURCE=workload",
        ),
        *(
            ({"AZURE_AUTHORITY_HOST": host}, f"{host!r} is not the https URL of a host")
            for host in (
                "http://login.microsoftonline.com",
                "https://login.microsoftonline.com/tenant",
                "https://user@login.microsoftonline.com",
                "https://login.microsoftonline.com?x",
                "https://login.microsoftonline.com:port",
                "https://",
                "two words",
            )
        ),
        ({"KUBERNETES_SERVICE_HOST": "a/b"}, "KUBERNETES_SERVICE_HOST: a/b:443 is no"),
        ({"KUBERNETES_SERVICE_PORT": "x"}, "kubernetes.default.svc:x is not host:port"),
        ({"SERVICE_ACCOUNT_TOKEN_AUDIENCE": "x y"}, "SERVICE_ACCOUNT_TOKEN_AUDIENCE: 'x y' is no"),
        (
            {"AZURE_AUTHORITY_CA_FILE": "/no/such"},
            "AZURE_AUTHORITY_CA_FILE: /no/such: No such file or directory",
        ),
        ({"AZURE_AUTHORITY_CA_FILE": __file__}, "no certificates"),
    ],
)  # fmt: skip
def test_bad_setting(environ: dict[str, str], words: str) -> None:
    """A variable that can't be used is named, with a valid example."""
    with pytest.raises(SettingsError) as raised:
        Settings.from_env(ON | environ)
    assert words in str(raised.value)


def test_what_is_of_no_use() -> None:
    """Variables that others set too stop no service that does not use them."""
    environ = {"AZURE_TENANT_ID": "contoso.com", "KUBERNETES_SERVICE_PORT": "x"}
    assert Settings.from_env(environ) == Settings.from_env({})
