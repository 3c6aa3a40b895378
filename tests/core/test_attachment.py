"""To whom a token may go, which binding a ServiceAccount is for, and whose it is."""

from dataclasses import replace

import pytest

from hooks.core.attachment import targets
from hooks.core.cluster import Namespace, Owner, ServiceAccount
from hooks.core.model import Binding, Spec
from hooks.core.ownership import controller_uid, is_ambiguous, is_foreign, is_guarded
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    FOREIGN,
    GUARD,
    HOLDER,
    IDENTITY,
    NAMESPACE,
    POLICY,
    UNTOUCHED,
)

OTHER = replace(HOLDER, name="other", uid="uid-other")
EVIL = replace(BINDING, spec=Spec("evil.example.com", IDENTITY, None))
LOST = replace(BINDING, spec="spec is wrong", service_account_name=None)


@pytest.mark.parametrize(
    ("binding", "account", "expected"),
    [
        pytest.param(BINDING, UNTOUCHED, True, id="named"),
        pytest.param(BINDING, replace(UNTOUCHED, name="build"), False, id="another"),
        pytest.param(replace(BINDING, deleting=True), ACCOUNT, False, id="deleting"),
        pytest.param(EVIL, ACCOUNT, False, id="denied"),
        pytest.param(replace(BINDING, spec="is wrong"), UNTOUCHED, True, id="invalid-but-named"),
        pytest.param(LOST, ACCOUNT, True, id="invalid-keeps-its-place"),
        pytest.param(LOST, replace(ACCOUNT, name="build"), True, id="invalid-keeps-any-place"),
        pytest.param(LOST, UNTOUCHED, False, id="invalid-gets-no-place"),
        pytest.param(LOST, replace(ACCOUNT, pull_secrets=()), False, id="invalid-lost-its-place"),
    ],
)
def test_targets(binding: Binding, account: ServiceAccount, *, expected: bool) -> None:
    """A binding is for the ServiceAccount it names, until it is deleted or denied."""
    assert targets(binding, account, POLICY) is expected


@pytest.mark.parametrize(
    ("owners", "namespace", "guarded"),
    [
        pytest.param((HOLDER, GUARD), NAMESPACE, True, id="guard"),
        pytest.param((HOLDER,), NAMESPACE, False, id="none"),
        pytest.param((), NAMESPACE, False, id="no-owner"),
        pytest.param((GUARD,), Namespace("uid-new"), False, id="dead-uid"),
        pytest.param((GUARD,), None, True, id="any-uid"),
        pytest.param((HOLDER,), None, False, id="none-any-uid"),
        pytest.param((replace(GUARD, name="b"),), NAMESPACE, False, id="another-namespace"),
        pytest.param((replace(GUARD, kind="Node"),), NAMESPACE, False, id="another-kind"),
        pytest.param((replace(GUARD, api_version="x/v1"),), NAMESPACE, False, id="another-group"),
    ],
)
def test_is_guarded(
    owners: tuple[Owner, ...], namespace: Namespace | None, *, guarded: bool
) -> None:
    """The guard is a reference to the living Namespace; an unknown one may be any of its name."""
    assert is_guarded(replace(ACCOUNT, owners=owners), namespace) is guarded


@pytest.mark.parametrize(
    ("owners", "foreign"),
    [
        pytest.param((), False, id="nobody's"),
        pytest.param((HOLDER, GUARD), False, id="ours"),
        pytest.param((OTHER,), False, id="another-binding's"),
        pytest.param((replace(HOLDER, api_version="acrpull.dev/v2"),), False, id="later-version"),
        pytest.param((FOREIGN,), True, id="a-controller's"),
        pytest.param((HOLDER, GUARD, replace(FOREIGN, controller=False)), True, id="shared"),
        pytest.param((replace(HOLDER, api_version="acrpull.dev.evil/v1"),), True, id="group"),
        pytest.param((replace(HOLDER, kind="Other"),), True, id="kind"),
        pytest.param((replace(GUARD, name="team-b"),), True, id="another-namespace's"),
    ],
)
def test_is_foreign(owners: tuple[Owner, ...], *, foreign: bool) -> None:
    """A ServiceAccount with an owner that is neither a binding nor the guard is another's."""
    assert is_foreign(replace(ACCOUNT, owners=owners)) is foreign


@pytest.mark.parametrize(
    ("owners", "uid"),
    [
        pytest.param((GUARD, HOLDER), "uid-app", id="holder"),
        pytest.param((OTHER, replace(HOLDER, controller=False)), "uid-other", id="controller"),
        pytest.param((replace(HOLDER, controller=False),), None, id="no-controller"),
        pytest.param((FOREIGN,), None, id="foreign"),
        pytest.param((), None, id="none"),
    ],
)
def test_controller_uid(owners: tuple[Owner, ...], uid: str | None) -> None:
    """The holder is the binding whose reference is the controller's."""
    assert controller_uid(replace(ACCOUNT, owners=owners)) == uid


@pytest.mark.parametrize(
    ("name", "owner", "ambiguous"),
    [("team-a", "x", True), ("app", "x", False), ("app", "app", True), ("app", "team-a", True)],
)
def test_ambiguous(name: str, owner: str, *, ambiguous: bool) -> None:
    """Owners of one name would be merged into one."""
    account = replace(ACCOUNT, owners=(*ACCOUNT.owners, Owner("x.io/v1", "Foo", owner, "uid-x")))
    assert is_ambiguous(replace(BINDING, name=name), account) is ambiguous
