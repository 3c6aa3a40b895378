"""The settings: each variable, good and bad, and what a bad one's message says."""

from datetime import timedelta
from pathlib import Path

import pytest

from hooks.core.model.identity import Identity
from hooks.core.policy.decision_settings import Policy
from hooks.settings.environment import Settings, read_hook_tokens
from hooks.settings.federation_settings import FederationSettings
from hooks.settings.parse import SettingsError
from tests.variables import VARIABLES

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
RESOURCE_ID = (
    f"/subscriptions/{CLIENT_ID}/resourceGroups/rg/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities/puller"
)
OPEN = "0.0.0.0:8080"
LOCAL = "localhost:5000"


@pytest.fixture
def token_file(tmp_path: Path) -> str:
    """Return the path of a file with a bearer token."""
    path = tmp_path / "token"
    path.write_text("  abc\n")
    return str(path)


@pytest.mark.parametrize("environ", [{}, dict.fromkeys(VARIABLES, "")], ids=["unset", "empty"])
def test_defaults(environ: dict[str, str]) -> None:
    """Nothing has to be set, and empty is as good as unset."""
    assert Settings.from_env(environ) == Settings(
        policy=Policy(
            acr_server_suffixes=("azurecr.io", "azurecr.cn", "azurecr.us"),
            audience="https://containerregistry.azure.net",
            server=None,
            identity=None,
            refresh_before=timedelta(minutes=30),
        ),
        federation=FederationSettings(
            workload_identity=False,
            own_token=False,
            tenant_id=None,
            authority="https://login.microsoftonline.com",
            authority_ca_file=None,
            audience="api://AzureADTokenExchange",
            api_server="https://kubernetes.default.svc:443",
            credential_dir=Path("/var/run/secrets/kubernetes.io/serviceaccount"),
            token_file=None,
        ),
        bind="127.0.0.1:8080",
        health_bind=None,
        metrics_bind=None,
        hook_token_file=None,
        log_level="INFO",
        revision="unknown",
    )


@pytest.mark.parametrize(
    ("value", "version"),
    [("adoption", None), ("admission", "v1"), ("Admission/v1beta1", "v1beta1")],
)
def test_attachment(value: str, version: str | None) -> None:
    """The mode `admission` needs the version of the admission policies in the cluster."""
    assert Settings.from_env({"ATTACHMENT": value}).policy.admission_version == version


@pytest.mark.parametrize(
    ("value", "suffixes"),
    [
        ("azurecr.io", ("azurecr.io",)),
        ("a.azurecr.io,localhost:5000", ("a.azurecr.io", "localhost:5000")),
        (" azurecr.io , azurecr.cn ,", ("azurecr.io", "azurecr.cn")),
    ],
    ids=["one", "port", "spaces"],
)
def test_suffixes(value: str, suffixes: tuple[str, ...]) -> None:
    """Suffixes are separated by commas; spaces around them don't count."""
    environ = {"ALLOWED_ACR_SERVER_SUFFIXES": value}
    assert Settings.from_env(environ).policy.acr_server_suffixes == suffixes


@pytest.mark.parametrize(
    ("environ", "server", "identity"),
    [
        ({"ACR_SERVER": "x.azurecr.io"}, "x.azurecr.io", None),
        ({"ACR_SERVER": LOCAL, "ALLOWED_ACR_SERVER_SUFFIXES": LOCAL}, LOCAL, None),
        ({"MANAGED_IDENTITY_CLIENT_ID": CLIENT_ID}, None, Identity(client_id=CLIENT_ID)),
        ({"MANAGED_IDENTITY_RESOURCE_ID": RESOURCE_ID}, None, Identity(resource_id=RESOURCE_ID)),
    ],
    ids=["server", "server-with-port", "client-id", "resource-id"],
)
def test_defaults_for_bindings(
    environ: dict[str, str], server: str | None, identity: Identity | None
) -> None:
    """A server and an identity can be set for the bindings that name none."""
    policy = Settings.from_env(environ).policy
    assert (policy.server, policy.identity) == (server, identity)


@pytest.mark.parametrize("audience", ["https://management.azure.com/", "api://registry"])
def test_audience(audience: str) -> None:
    """The audience is any resource URI."""
    assert Settings.from_env({"TOKEN_AUDIENCE": audience}).policy.audience == audience


@pytest.mark.parametrize(("text", "seconds"), [("1", 1), ("60", 60), ("99999", 99999)])
def test_refresh_before(text: str, seconds: int) -> None:
    """The buffer is a whole number of seconds."""
    environ = {"REFRESH_BEFORE_EXPIRY_SECONDS": text}
    assert Settings.from_env(environ).policy.refresh_before == timedelta(seconds=seconds)


@pytest.mark.parametrize(("text", "seconds"), [("", 0), ("0", 0), ("600", 600)])
def test_refresh_jitter(text: str, seconds: int) -> None:
    """The spread of renewals is a whole number of seconds, none unless it is set."""
    environ = {"REFRESH_JITTER_SECONDS": text}
    assert Settings.from_env(environ).policy.refresh_jitter == timedelta(seconds=seconds)


@pytest.mark.parametrize(("text", "level"), [("DEBUG", "DEBUG"), ("warning", "WARNING")])
def test_log_level(text: str, level: str) -> None:
    """The log level may be written in any case."""
    assert Settings.from_env({"LOG_LEVEL": text}).log_level == level


@pytest.mark.parametrize(
    "bind", ["127.0.0.1:65535", "127.1.2.3:8080", "localhost:80", "[::1]:8080", "127.0.0.1:0"]
)
def test_loopback(bind: str) -> None:
    """On a loopback address the hooks need no bearer token."""
    assert Settings.from_env({"BIND": bind}).bind == bind


@pytest.mark.parametrize(
    "bind",
    [
        OPEN,
        "[::]:8080",
        "10.0.0.1:8080",
        "example.com:8080",
        "localhost.evil.com:8080",
        "127.0.0.1.nip.io:8080",
        "128.0.0.1:8080",
        "[::11]:80",
    ],
)
def test_open_bind_needs_token(bind: str, token_file: str) -> None:
    """Whoever reaches the hooks gets tokens: off loopback there must be a bearer token."""
    with pytest.raises(SettingsError, match=r"^HOOK_TOKEN_FILE: required .*; e\.g\. /") as caught:
        Settings.from_env({"BIND": bind})
    assert bind in str(caught.value)
    settings = Settings.from_env({"BIND": bind, "HOOK_TOKEN_FILE": token_file})
    assert (settings.bind, settings.hook_token_file) == (bind, Path(token_file))


def test_health_bind() -> None:
    """Probes give nothing away, so their address needs no bearer token."""
    assert Settings.from_env({"HEALTH_BIND": OPEN}).health_bind == OPEN


@pytest.mark.parametrize("bind", [OPEN, "127.0.0.1:0"])
def test_metrics_bind(bind: str) -> None:
    """Metrics give nothing away either; port 0 is any that is free."""
    environ = {"METRICS_BIND": bind, "BIND": "127.0.0.1:0", "HEALTH_BIND": "127.0.0.1:0"}
    assert Settings.from_env(environ).metrics_bind == bind


@pytest.mark.parametrize(
    ("environ", "other"),
    [({}, "BIND"), ({"HEALTH_BIND": OPEN, "BIND": "127.0.0.1:1"}, "HEALTH_BIND")],
)
def test_metrics_port_is_taken(environ: dict[str, str], other: str) -> None:
    """Two listeners on one port would take each other's callers, so that stops the start."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({**environ, "METRICS_BIND": "127.0.0.2:8080"})
    text = f"METRICS_BIND: 127.0.0.2:8080 has the port of {other}; e.g. 127.0.0.1:8083"
    assert str(caught.value) == text


# Each variable, an example that its message shows, and values that it refuses.
BAD = [
    ("ACR_SERVER", "myregistry.azurecr.io", "https://x.io", "X.azurecr.io", "x.azurecr.io:443"),
    (
        "ALLOWED_ACR_SERVER_SUFFIXES", "azurecr.io", "azurecr.io,*.azurecr.cn", ".azurecr.io",
        "azurecr.io.", "AZURECR.IO", "https://azurecr.io", ",", " ", "io", "azurecr.io,localhost",
        "azurecr..io", "-.io",
    ),
    ("ATTACHMENT", "adoption", "admission/v2", "v1", "owner"),
    (
        "BIND", "127.0.0.1:8080", "8080", ":8080", "127.0.0.1", "127.0.0.1:http",
        "127.0.0.1:8080\n", "::1:8080", "unix:/run/hooks", "127.0.0.1:65536", "[::1]:99999",
        "127.0.0.999:8080", "1127.0.0.1:8080", "127.1:8080", "127.0.0.01:8080", "[1:2]:8080",
    ),
    ("HEALTH_BIND", "127.0.0.1:8080", "8081", "0.0.0.0:65536"),
    ("LOG_LEVEL", "INFO", "LOUD"),
    ("METRICS_BIND", "127.0.0.1:8080", "8083", "0.0.0.0:65536"),
    ("MANAGED_IDENTITY_CLIENT_ID", CLIENT_ID, "puller"),
    ("MANAGED_IDENTITY_RESOURCE_ID", RESOURCE_ID, "/subscriptions/x"),
    ("REFRESH_BEFORE_EXPIRY_SECONDS", "1800", "30m", "0", "-1", "1.5", "100000"),
    ("REFRESH_JITTER_SECONDS", "300", "5m", "-1", "1.5", "100000"),
    ("TOKEN_AUDIENCE", "https://containerregistry.azure.net", "containerregistry", "https://a b"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("variable", "value", "example"),
    [(variable, value, example) for variable, example, *values in BAD for value in values],
)
def test_bad_value(variable: str, value: str, example: str) -> None:
    """A value that can't be used stops the start; the message names it and shows a valid one."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({variable: value})
    assert str(caught.value).startswith(f"{variable}: ")
    assert example in str(caught.value)


@pytest.mark.parametrize("server", ["registry.example.com", "xazurecr.io", "localhost:5000"])
def test_server_not_allowed(server: str) -> None:
    """A default server that no binding could use stops the start."""
    with pytest.raises(SettingsError, match=rf"^ACR_SERVER: {server} is not in ALLOWED_ACR_"):
        Settings.from_env({"ACR_SERVER": server})


def test_two_identities() -> None:
    """A default identity has one name, not two."""
    environ = {"MANAGED_IDENTITY_CLIENT_ID": CLIENT_ID, "MANAGED_IDENTITY_RESOURCE_ID": RESOURCE_ID}
    with pytest.raises(SettingsError, match=r"^MANAGED_IDENTITY_CLIENT_ID: .*_RESOURCE_ID, not"):
        Settings.from_env(environ)


def test_hook_token(token_file: str) -> None:
    """The bearer token is the file's text without the space around it."""
    assert read_hook_tokens(Path(token_file), None) == [b"abc"]


@pytest.mark.parametrize(
    ("rotation", "more"), [(None, []), (b"", []), (b"abc\n\n def \r\n", [b"abc", b"def"])]
)
def test_rotation(
    token_file: str, tmp_path: Path, rotation: bytes | None, more: list[bytes]
) -> None:
    """While a second file is there, each of its lines is a bearer token too."""
    path = tmp_path / "rotation"
    if rotation is not None:
        path.write_bytes(rotation)
    environ = {"HOOK_TOKEN_FILE": token_file, "HOOK_TOKEN_ROTATION_FILE": str(path)}
    assert Settings.from_env(environ).hook_token_rotation_file == path
    assert read_hook_tokens(Path(token_file), path) == [b"abc", *more]


def test_bad_rotation_file(token_file: str, tmp_path: Path) -> None:
    """One that can't be read stops the start, and so does one without the token that is rotated."""
    environ = {"HOOK_TOKEN_ROTATION_FILE": str(tmp_path)}
    for more in ({}, {"HOOK_TOKEN_FILE": token_file}):
        with pytest.raises(SettingsError, match=r"^HOOK_TOKEN_ROTATION_FILE: "):
            Settings.from_env(environ | more)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"", "is empty; e.g. openssl"), (b" \n", "is empty; e.g. openssl")],
    ids=["missing", "empty", "blank"],
)
def test_bad_token_file(tmp_path: Path, content: bytes | None, words: str) -> None:
    """A token file that can't be read or has no token stops the start, wherever it listens."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"HOOK_TOKEN_FILE": str(path)})
    assert str(caught.value).startswith(f"HOOK_TOKEN_FILE: {path}")
    assert words in str(caught.value)
    with pytest.raises(SettingsError):
        read_hook_tokens(tmp_path, None)
