"""The allowed registries and identities, in the cluster and in a Namespace."""

from dataclasses import replace

import pytest

from hooks.core.model.cluster import Namespace
from hooks.core.model.identity import Identity
from hooks.core.model.reason import Reason
from hooks.core.policy.decision_settings import Policy
from hooks.core.policy.permission import (
    Reject,
    denial,
    identity_keys,
    server_allowed,
    server_keys,
)
from tests.core.builders import CLIENT_ID, IDENTITY, NAMESPACE, POLICY, SERVER

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
    """A suffix allows servers that end in all of its labels; a port must be listed verbatim."""
    assert server_allowed(server, ("azurecr.io", "localhost:5000")) is allowed


def test_no_suffix_allows_nothing() -> None:
    """An empty list of suffixes allows no server."""
    assert not server_allowed("x.azurecr.io", ())


EVIL = "x.evil.io"


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
    """A Namespace allows the listed identities; letter case does not matter."""
    keys = None if listed is None else identity_keys(",".join(listed))
    found = denial(SERVER, identity, POLICY, replace(NAMESPACE, identities=keys))
    text = (
        f'Identity "{identity}" is not listed in annotation acrpull.dev/allowed-identities of '
        'Namespace "team-a". Fix the spec, or ask a cluster administrator to list it.'
    )
    assert found == (None if allowed else Reject(Reason.IDENTITY_NOT_ALLOWED, text))


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
    keys = None if listed is None else server_keys(",".join(listed))
    namespace = replace(NAMESPACE, servers=keys)
    text = (
        f'Registry "{SERVER}" is not listed in annotation acrpull.dev/allowed-acr-servers of '
        'Namespace "team-a". Fix the spec, or ask a cluster administrator to list it.'
    )
    found = denial(SERVER, IDENTITY, POLICY, namespace)
    assert found == (None if allowed else Reject(Reason.SERVER_NOT_ALLOWED, text))
    assert denial(EVIL, IDENTITY, POLICY, namespace) is not None


LISTED = replace(NAMESPACE, servers=("*",), identities=("*",))
NONE_LISTED = replace(NAMESPACE, servers=(), identities=())
REQUIRED = replace(POLICY, namespace_required=True)


@pytest.mark.parametrize(
    ("server", "policy", "namespace", "reason", "by_setting"),
    [
        pytest.param(SERVER, POLICY, None, None, False, id="allowed"),
        pytest.param(EVIL, POLICY, None, Reason.SERVER_NOT_ALLOWED, True, id="suffixes"),
        pytest.param(EVIL, POLICY, LISTED, Reason.SERVER_NOT_ALLOWED, True, id="suffixes-alone"),
        pytest.param(
            EVIL,
            POLICY,
            replace(LISTED, identities=()),
            Reason.IDENTITY_NOT_ALLOWED,
            False,
            id="suffixes-and-annotation",
        ),
        pytest.param(
            SERVER, POLICY, NONE_LISTED, Reason.SERVER_NOT_ALLOWED, False, id="both-annotations"
        ),
        pytest.param(SERVER, REQUIRED, LISTED, None, False, id="required-and-listed"),
        pytest.param(
            SERVER,
            REQUIRED,
            NAMESPACE,
            Reason.SERVER_NOT_ALLOWED,
            True,
            id="required-and-no-annotation",
        ),
        pytest.param(
            SERVER,
            REQUIRED,
            replace(LISTED, identities=None),
            Reason.IDENTITY_NOT_ALLOWED,
            True,
            id="required-and-no-identities",
        ),
        pytest.param(
            SERVER,
            REQUIRED,
            replace(NAMESPACE, identities=()),
            Reason.IDENTITY_NOT_ALLOWED,
            False,
            id="required-and-one-annotation-denies",
        ),
        pytest.param(
            SERVER,
            REQUIRED,
            None,
            None,
            False,
            id="required-and-namespace-unknown",
        ),
    ],
)
def test_by_setting(
    server: str,
    policy: Policy,
    namespace: Namespace | None,
    reason: Reason | None,
    *,
    by_setting: bool,
) -> None:
    """A denial is by a setting only if no annotation denies the binding."""
    found = denial(server, IDENTITY, policy, namespace)
    assert (found and found.reason) == reason
    assert (found is not None and found.by_setting) is by_setting


def test_suffixes_text() -> None:
    """The message of a denial by the suffixes names the setting and its value."""
    found = denial(EVIL, IDENTITY, POLICY, None)
    assert found is not None
    assert found.message == (
        'Registry "x.evil.io" is not allowed by ALLOWED_ACR_SERVER_SUFFIXES '
        "(azurecr.io,localhost:5000). Fix spec.acrServer, or ask a cluster administrator to allow "
        "the registry."
    )
