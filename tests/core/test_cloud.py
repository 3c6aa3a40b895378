"""Which cloud a binding is of, and which the service serves."""

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
    """Return what a binding of some cloud asks for."""
    return Spec(SERVER, WORKLOAD, "repository:app:pull", audience, authority)


@pytest.mark.parametrize("authority", [None, "login.microsoftonline.com", "login.chinacloudapi.cn"])
def test_off(authority: str | None) -> None:
    """Where workload identity is off, the cloud does not matter, for no Entra is asked."""
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
    """One of another cloud than the service serves is held, and says so."""
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
    """One Entra has several names."""
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
    """The example is of the cloud that the service serves, not of one that it refuses."""
    found = resolve(asking(asked("login.example.com")), replace(ENABLED, authority=served))
    assert isinstance(found, Hold)
    assert found.message.endswith(f"Fix environment or cloudConfig, e.g. {example}")


@pytest.mark.parametrize("audience", [None, f"{AUDIENCE}/", AUDIENCE])
def test_managed_identity(audience: str | None) -> None:
    """A managed identity's token is its node's, whatever cloud that is in."""
    spec = Spec(SERVER, IDENTITY, None, audience, "login.example.com")
    assert resolve(asking(spec), POLICY) == REQUEST


def test_another_audience() -> None:
    """Whoever may bind does not choose what tokens are for."""
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
    """ARM's audience is known in any cloud, and however it ends."""
    assert is_arm(audience) is arm
