"""The cloud of a binding, and the cloud of the service."""

from dataclasses import replace
from typing import Final

import pytest

from hooks.core.model.binding import Spec
from hooks.core.model.identity import WorkloadIdentity
from hooks.core.model.reason import Reason
from hooks.core.model.token import TokenRequest
from hooks.core.policy.cloud import is_arm
from hooks.core.renewal.resolve import Hold, resolve
from tests.core.builders import (
    AUDIENCE,
    IDENTITY,
    POLICY,
    REQUEST,
    SERVER,
    asking,
)

GUID: Final = "11111111-2222-3333-4444-555555555555"
WORKLOAD: Final = WorkloadIdentity("default", GUID, GUID)
ENABLED: Final = replace(POLICY, workload_identity=True)


def asked(authority: str | None, audience: str | None = None) -> Spec:
    """Return a spec with *authority* as the Entra of its cloud."""
    return Spec(SERVER, WORKLOAD, "repository:app:pull", audience, authority)


@pytest.mark.parametrize("authority", [None, "login.microsoftonline.com", "login.chinacloudapi.cn"])
def test_off(authority: str | None) -> None:
    """The cloud does not matter if workload identity is disabled, because Entra is not called."""
    found = resolve(asking(asked(authority)), POLICY)
    assert isinstance(found, Hold)
    assert found.message.startswith("Workload identity is disabled. ")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (asked("login.chinacloudapi.cn"), 'cloud whose Entra is "login.chinacloudapi.cn", but'),
        (
            asked(None, "https://arm.example.com"),
            'no tokens for audience "https://arm.example.com"',
        ),
    ],
)
def test_elsewhere(spec: Spec, words: str) -> None:
    """A binding of another cloud is held, and the message names the cloud."""
    found = resolve(asking(spec), ENABLED)
    assert isinstance(found, Hold)
    assert found.reason == Reason.INVALID_SPEC
    assert words in found.message


@pytest.mark.parametrize(
    ("authority", "served"),
    [
        ("login.chinacloudapi.cn", "login.partner.microsoftonline.cn"),
        ("login.microsoftonline.us", "login.microsoftonline.us:443"),
        ("login.microsoftonline.com", "login.windows.net"),
    ],
)
def test_other_names(authority: str, served: str) -> None:
    """All names of an Entra mean the same cloud."""
    policy = replace(ENABLED, authority=served)
    assert isinstance(resolve(asking(asked(authority)), policy), TokenRequest)


@pytest.mark.parametrize(
    ("served", "example"),
    [
        ("login.microsoftonline.com", "environment: PublicCloud"),
        ("login.microsoftonline.us:443", "environment: USGovernmentCloud"),
        ("login.partner.microsoftonline.cn", "environment: ChinaCloud"),
        (
            "entra.example.com:8443",
            "environment: AirgappedCloud and entraAuthorityHost: https://entra.example.com:8443",
        ),
    ],
)
def test_example_is_served(served: str, example: str) -> None:
    """The example in the message is for the service's cloud."""
    found = resolve(asking(asked("login.example.com")), replace(ENABLED, authority=served))
    assert isinstance(found, Hold)
    assert found.message.endswith(f"Fix environment or cloudConfig, e.g. {example}")


@pytest.mark.parametrize("audience", [None, f"{AUDIENCE}/", AUDIENCE])
def test_managed_identity(audience: str | None) -> None:
    """A managed identity in any cloud is allowed, because IMDS uses the Entra of the node."""
    spec = Spec(SERVER, IDENTITY, None, audience, "login.example.com")
    assert resolve(asking(spec), POLICY) == REQUEST


def test_another_audience() -> None:
    """A spec cannot choose the audience of tokens."""
    spec = Spec(SERVER, IDENTITY, None, "https://vault.example.com")
    found = resolve(asking(spec), POLICY)
    assert isinstance(found, Hold)
    assert "e.g. https://containerregistry.azure.net (TOKEN_AUDIENCE)" in found.message


@pytest.mark.parametrize(
    ("audience", "arm"),
    [
        ("https://management.azure.com", True),
        ("https://management.azure.com/", True),
        ("https://management.azure.com//.default", True),
        ("https://Management.Core.Windows.Net/", True),
        ("https://management.usgovcloudapi.net", True),
        ("https://management.core.chinacloudapi.cn/", True),
        (AUDIENCE, False),
        ("https://management.azure.com.example.com", False),
        ("api://management.azure.com", False),
    ],
)
def test_is_arm(audience: str, *, arm: bool) -> None:
    """The audience of ARM is recognized in any cloud and with any ending."""
    assert is_arm(audience) is arm
