"""What a request shows of the cluster around its binding."""

from dataclasses import replace

import pytest

from hooks.core.model.cluster import Namespace, ServiceAccount
from hooks.core.observed import Observed
from tests.core.builders import ACCOUNT, BINDING, FOREIGN, HOLDER, NAMESPACE, OBSERVED, UNTOUCHED

BUILD = replace(ACCOUNT, name="build", owners=(HOLDER,))
Accounts = tuple[ServiceAccount, ...]


@pytest.mark.parametrize(
    ("accounts", "related", "target"),
    [
        pytest.param((ACCOUNT,), (ACCOUNT,), ACCOUNT, id="both"),
        pytest.param((), (BUILD, UNTOUCHED), UNTOUCHED, id="not-ours-yet"),
        pytest.param((ACCOUNT,), (UNTOUCHED,), UNTOUCHED, id="related-is-read-later"),
        pytest.param((ACCOUNT,), None, ACCOUNT, id="by-hand"),
        pytest.param((BUILD,), (BUILD,), None, id="missing"),
        pytest.param((), None, None, id="nothing"),
    ],
)
def test_targets(accounts: Accounts, related: Accounts | None, target: object) -> None:
    """The target is the ServiceAccount that the binding names, wherever it shows."""
    expected = () if target is None else (target,)
    assert replace(OBSERVED, accounts=accounts, related=related).targets == expected


@pytest.mark.parametrize(
    ("namespace", "unprotected"),
    [
        pytest.param(NAMESPACE, (BUILD,), id="known"),
        pytest.param(None, (), id="unknown"),
        pytest.param(Namespace("uid-new"), (ACCOUNT, BUILD), id="made-again"),
    ],
)
def test_unguarded(namespace: Namespace | None, unprotected: Accounts) -> None:
    """Children without the Namespace's guard are unguarded, which can't be told without it."""
    observed = replace(OBSERVED, accounts=(ACCOUNT, BUILD), namespace=namespace)
    assert observed.unprotected == unprotected


@pytest.mark.parametrize(
    ("name", "dynamic", "unknown"),
    [
        pytest.param("team-a", None, True, id="namesake"),
        pytest.param("team-a", True, False, id="namesake-dynamic"),
        pytest.param("team-a", False, False, id="namesake-server-side"),
        pytest.param("app", None, False, id="does-not-matter"),
    ],
)
def test_strategy_unknown(name: str, dynamic: bool | None, *, unknown: bool) -> None:
    """The apply strategy matters only to a binding named like its Namespace."""
    binding = replace(BINDING, name=name)
    assert replace(OBSERVED, binding=binding, dynamic_apply=dynamic).strategy_unknown is unknown


FREE = replace(UNTOUCHED, name="free")
OURS = replace(BUILD, name="ours", pull_secrets=())
FOREIGNS = replace(ACCOUNT, name="foreign", owners=(FOREIGN,))


@pytest.mark.parametrize(
    ("accounts", "related", "blocking"),
    [
        pytest.param((), (ACCOUNT, FREE, FOREIGNS, OURS), (ACCOUNT, OURS), id="related"),
        pytest.param((ACCOUNT,), (UNTOUCHED,), (), id="related-is-read-later"),
        pytest.param((OURS,), (UNTOUCHED,), (OURS,), id="not-named-by-the-binding"),
        pytest.param((ACCOUNT,), None, (ACCOUNT,), id="by-hand"),
        pytest.param((), None, (), id="nothing"),
    ],
)
def test_blocking(accounts: Accounts, related: Accounts | None, blocking: Accounts) -> None:
    """The deletion waits for the ServiceAccounts of the binding, children or related."""
    observed: Observed = replace(OBSERVED, accounts=accounts, related=related)
    assert observed.blocking == blocking
