"""Which ServiceAccount a binding targets, and who owns a ServiceAccount."""

from dataclasses import replace

import pytest

from hooks.core.account.attachment import targets
from hooks.core.account.ownership import (
    controller_uid,
    foreign_controller,
    is_ambiguous,
    is_foreign,
    is_protected,
)
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import Namespace, Owner, ServiceAccount
from tests.core.builders import (
    ACCOUNT,
    BINDING,
    FOREIGN,
    GUARD,
    HOLDER,
    NAMESPACE,
    UNTOUCHED,
)

OTHER = replace(HOLDER, name="other", uid="uid-other")
LOST = replace(BINDING, spec="spec is wrong", targets=None)


@pytest.mark.parametrize(
    ("binding", "account", "withdrawn", "expected"),
    [
        pytest.param(BINDING, UNTOUCHED, False, True, id="named"),
        pytest.param(BINDING, replace(UNTOUCHED, name="build"), False, False, id="another"),
        pytest.param(BINDING, ACCOUNT, True, False, id="withdrawn"),
        pytest.param(replace(BINDING, deleting=True), ACCOUNT, False, False, id="deleting"),
        pytest.param(
            replace(BINDING, spec="wrong"), UNTOUCHED, False, True, id="invalid-but-named"
        ),
        pytest.param(LOST, ACCOUNT, False, True, id="invalid-keeps-its-entry"),
        pytest.param(
            LOST, replace(ACCOUNT, name="build"), False, True, id="invalid-keeps-any-entry"
        ),
        pytest.param(LOST, ACCOUNT, True, False, id="invalid-and-withdrawn"),
        pytest.param(LOST, UNTOUCHED, False, False, id="invalid-gets-no-entry"),
    ],
)
def test_targets(
    binding: Binding, account: ServiceAccount, *, withdrawn: bool, expected: bool
) -> None:
    """A binding targets the ServiceAccount that it names, until it is deleted or withdrawn."""
    assert targets(binding, account.name, account.pull_secrets, withdrawn=withdrawn) is expected


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
    assert is_protected(replace(ACCOUNT, owners=owners), namespace) is guarded


OLM = Owner("operators.coreos.com/v1alpha1", "ClusterServiceVersion", "x.v1", "uid-csv")


@pytest.mark.parametrize(
    ("owners", "foreign"),
    [
        pytest.param((), None, id="nobody's"),
        pytest.param((HOLDER, GUARD), None, id="a-binding's"),
        pytest.param((OTHER,), None, id="another-binding's"),
        pytest.param((replace(HOLDER, api_version="acrpull.dev/v2"),), None, id="later-version"),
        pytest.param((OLM,), None, id="owner-that-does-not-control"),
        pytest.param((HOLDER, GUARD, OLM), None, id="beside-the-binding"),
        pytest.param((FOREIGN,), FOREIGN, id="a-controller's"),
        pytest.param((OLM, GUARD, FOREIGN), FOREIGN, id="a-controller's-among-others"),
        pytest.param(
            (replace(HOLDER, api_version="acrpull.dev.evil/v1"),),
            replace(HOLDER, api_version="acrpull.dev.evil/v1"),
            id="another-group",
        ),
        pytest.param(
            (replace(HOLDER, kind="Other"),), replace(HOLDER, kind="Other"), id="another-kind"
        ),
    ],
)
def test_foreign_controller(owners: tuple[Owner, ...], foreign: Owner | None) -> None:
    """A foreign controller is an owner that controls the ServiceAccount and is no binding."""
    account = replace(ACCOUNT, owners=owners)
    assert foreign_controller(account) == foreign
    assert is_foreign(account) is (foreign is not None)


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
