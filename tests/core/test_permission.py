"""What the cluster's owner permits, for all and in a Namespace."""

from dataclasses import replace

import pytest

from hooks.core.cluster import Namespace
from hooks.core.decision import Reject, resolve
from hooks.core.identity import Identity
from hooks.core.model import Spec
from hooks.core.permission import denial, is_denied, server_allowed
from hooks.core.policy import Policy
from hooks.core.reason import Reason
from tests.core.builders import BINDING, CLIENT_ID, IDENTITY, NAMESPACE, OBSERVED, POLICY, SERVER

RESOURCE_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/x/puller"
RESOURCE = Identity(resource_id=RESOURCE_ID)
OTHER = Identity(client_id="99999999-2222-3333-4444-555555555555")


@pytest.mark.parametrize(
    ("server", "allowed"),
    [
        ("x.azurecr.io", True),
        ("x.y.azurecr.io", True),
        ("azurecr.io", True),
        ("x.azurecr.cn", False),
        ("xazurecr.io", False),
        ("evil.azurecr.io.attacker.com", False),
        ("azurecr.io.attacker.com", False),
        ("x.azurecr.io.", False),
        ("X.AZURECR.IO", False),
        ("x.azurecr.io/..", False),
        ("x.azurecr.io:443", False),
        ("x.azurecr.io:443@evil", False),
        ("evil:x@x.azurecr.io", False),
        ("localhost:5000", True),
        ("localhost:5001", False),
        ("x.localhost:5000", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_server_allowed(server: str, *, allowed: bool) -> None:
    """A suffix allows what ends in all of its labels; a port must be listed with its host."""
    assert server_allowed(server, ("azurecr.io", "localhost:5000")) is allowed


def test_no_suffix_allows_nothing() -> None:
    """An empty list of suffixes allows no server."""
    assert not server_allowed("x.azurecr.io", ())


@pytest.mark.parametrize(
    ("spec", "default", "denied"),
    [
        pytest.param(Spec("x.azurecr.io", None, None), None, False, id="allowed"),
        pytest.param(Spec("x.evil.io", None, None), None, True, id="not-allowed"),
        pytest.param(Spec(None, None, None), "x.azurecr.io", False, id="default-allowed"),
        pytest.param(Spec(None, None, None), "x.evil.io", True, id="default-not-allowed"),
        pytest.param(Spec("x.azurecr.io", None, None), "x.evil.io", False, id="spec-first"),
        pytest.param(Spec(None, None, None), None, False, id="no-server"),
        pytest.param("spec is wrong", "x.evil.io", False, id="invalid-spec"),
    ],
)
def test_is_denied(spec: Spec | str, default: str | None, *, denied: bool) -> None:
    """The cluster's owner forbids servers; a spec that names none yet is not forbidden."""
    policy = replace(POLICY, server=default)
    assert is_denied(replace(BINDING, spec=spec), policy) is denied


def within(namespace: Namespace, *, required: bool = False) -> Policy:
    """Return the policy in *namespace*."""
    return replace(POLICY, namespace=namespace, namespace_required=required)


@pytest.mark.parametrize(
    ("listed", "identity", "allowed"),
    [
        (None, IDENTITY, True),
        ((), IDENTITY, False),
        ((CLIENT_ID,), IDENTITY, True),
        ((CLIENT_ID.upper(),), IDENTITY, True),
        ((CLIENT_ID,), OTHER, False),
        ((CLIENT_ID,), RESOURCE, False),
        (("x", RESOURCE_ID), RESOURCE, True),
        ((RESOURCE_ID.lower() + "/",), RESOURCE, True),
        (("/x/puller\u212a",), Identity(resource_id="/x/pullerk"), False),
        (("/x/pullerk",), Identity(resource_id="/x/puller\u212a"), False),
        (("/x/\u0130",), Identity(resource_id="/x/i\u0307"), False),
        (("*",), OTHER, True),
        ((CLIENT_ID[:-1] + "*",), IDENTITY, False),
        ((), None, True),
    ],
)
def test_identities(
    listed: tuple[str, ...] | None, identity: Identity | None, *, allowed: bool
) -> None:
    """What a Namespace lists binds, in any case of letters; no identity yet is no harm."""
    found = denial(SERVER, identity, within(replace(NAMESPACE, identities=listed)))
    assert (found is None) is allowed
    if found:
        assert found[0] == Reason.IDENTITY_NOT_ALLOWED
        assert f"acrpull.dev/allowed-identities of Namespace {NAMESPACE.name};" in found[1]
        assert str(identity) in found[1]


@pytest.mark.parametrize(
    ("listed", "allowed"),
    [
        (None, True),
        ((), False),
        ((SERVER,), True),
        (("azurecr.io",), True),
        (("x.azurecr.io",), False),
        (("*",), True),
        (("*.azurecr.io",), False),
        (("MyRegistry.AzureCR.io",), True),
        (("azurecr.io.",), True),
        (("azurecr.io..",), False),
        (("myregi\u017ftry.azurecr.io",), False),
        (("*.",), False),
        ((".",), False),
        (("registry.azurecr.io",), False),
    ],
)
def test_servers(listed: tuple[str, ...] | None, *, allowed: bool) -> None:
    """A Namespace may narrow the registries, not widen them."""
    policy = within(replace(NAMESPACE, servers=listed))
    found = denial(SERVER, IDENTITY, policy)
    assert (found is None) is allowed
    if found:
        assert found[0] == Reason.SERVER_NOT_ALLOWED
        assert f"acrpull.dev/allowed-acr-servers of Namespace {NAMESPACE.name};" in found[1]
    assert denial("x.evil.io", IDENTITY, policy) is not None


def test_required() -> None:
    """Where lists are required, none is an empty one; an unknown Namespace denies nothing."""
    listed = replace(NAMESPACE, servers=("*",), identities=("*",))
    policy = within(NAMESPACE, required=True)
    assert denial(SERVER, IDENTITY, policy) is not None
    assert denial(SERVER, IDENTITY, within(listed, required=True)) is None
    half = within(replace(listed, identities=None), required=True)
    found = denial(SERVER, IDENTITY, half)
    assert found is not None
    assert found[0] == Reason.IDENTITY_NOT_ALLOWED
    assert denial(SERVER, IDENTITY, replace(policy, namespace=None)) is None


def test_defaults_are_judged_too() -> None:
    """What a binding leaves to the service is judged like what it names."""
    policy = within(replace(NAMESPACE, identities=(CLIENT_ID,)))
    binding = replace(BINDING, spec=Spec(SERVER, None, None))
    assert not is_denied(binding, replace(policy, identity=IDENTITY))
    assert is_denied(binding, replace(policy, identity=OTHER))
    request = resolve(replace(OBSERVED, binding=binding), replace(policy, identity=OTHER))
    assert isinstance(request, Reject)
    assert request.reason == Reason.IDENTITY_NOT_ALLOWED
