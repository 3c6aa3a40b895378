"""Each state of a ServiceAccount, with the results of the three functions that decide about it.

`hooks.core.account` describes the states.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

import pytest

from hooks.core import account
from hooks.core.account.attachment import desired_service_account
from hooks.core.account.decorator import decorate
from hooks.core.account.ownership import OwnershipContext
from hooks.core.account.release import blocks_deletion
from hooks.core.model.binding import Binding, Condition, Status
from hooks.core.model.cluster import Owner, ServiceAccount
from tests.core.builders import (
    ACCOUNT,
    ATTACHED,
    BINDING,
    FOREIGN,
    GUARD,
    HOLDER,
    MINUTE,
    NAMESPACE,
    NOW,
    POLICY,
    SECRET_NAME,
    UNTOUCHED,
    WANTED,
)

JOBS_SECRET: Final = "acr-pull-jobs"
JOBS: Final = replace(
    BINDING,
    name="jobs",
    uid="uid-jobs",
    secret_name=JOBS_SECRET,
    created_at=NOW - 30 * MINUTE,
    status=Status((Condition("TokenFresh", "True", "TokenValid", "", 1),)),
)
DELETED: Final = replace(BINDING, deleting=True)
HANDED_OVER: Final = replace(HOLDER, controller=False)
LABELED: Final = replace(
    UNTOUCHED, uid_label="uid-app", wanted=(SECRET_NAME,), annotations=frozenset({WANTED})
)
SHARED: Final = replace(
    ACCOUNT,
    pull_secrets=("zeta", "alpha", SECRET_NAME, JOBS_SECRET),
    wanted=(SECRET_NAME, JOBS_SECRET),
    attached=(SECRET_NAME, JOBS_SECRET),
)


@dataclass(frozen=True)
class Example:
    """A ServiceAccount in one state, and the expected results.

    Attributes:
        bindings: All bindings of the Namespace. The first is the owner.
        label: The uid in the label after the decorator's write; None if there is no label.
        wanted: The names in the annotation after the decorator's write.
        owners: The owner references in the owner's response; empty if the ServiceAccount is not
            among the owner's children, and not in a response.
        listed: The names in the owner's response.
        blocks: Whether the ServiceAccount blocks the deletion of the owner.
    """

    account: ServiceAccount
    bindings: tuple[Binding, ...]
    label: str | None
    wanted: tuple[str, ...] = ()
    owners: tuple[Owner, ...] = ()
    listed: tuple[str, ...] = ()
    blocks: bool = False


def bound(account: ServiceAccount) -> Example:
    """Return the example of an *account* with a single binding, which the next sync attaches."""
    return Example(
        account,
        (BINDING,),
        "uid-app",
        (SECRET_NAME,),
        (HOLDER, GUARD),
        ("zeta", "alpha", SECRET_NAME),
        blocks=True,
    )


EXAMPLES: Final = {
    "free": Example(UNTOUCHED, (BINDING,), "uid-app", (SECRET_NAME,)),
    # Metacontroller adopts, and calls `/sync` before its cache shows the owner reference.
    "labeled": bound(LABELED),
    "adopted": bound(replace(LABELED, owners=(HOLDER,))),
    "listed": bound(ACCOUNT),
    "shared": Example(
        SHARED,
        (BINDING, JOBS),
        "uid-app",
        (SECRET_NAME, JOBS_SECRET),
        (HOLDER, GUARD),
        ("zeta", "alpha", SECRET_NAME, JOBS_SECRET),
        blocks=True,
    ),
    "protected": Example(
        replace(ACCOUNT, pull_secrets=("zeta", "alpha"), wanted=(), attached=()),
        (DELETED,),
        None,
        (),
        (HOLDER, GUARD),
        ("zeta", "alpha"),
    ),
    "left": Example(
        replace(
            ACCOUNT,
            owners=(GUARD,),
            uid_label=None,
            wanted=(),
            annotations=frozenset({ATTACHED}),
            last_applied=None,
        ),
        (BINDING,),
        "uid-app",
        (SECRET_NAME,),
    ),
    "handed over": Example(
        replace(
            SHARED,
            pull_secrets=("zeta", "alpha", JOBS_SECRET),
            wanted=(JOBS_SECRET,),
            attached=(JOBS_SECRET,),
            owners=(HANDED_OVER, GUARD),
        ),
        (DELETED, JOBS),
        "uid-jobs",
        (JOBS_SECRET,),
        blocks=True,
    ),
    "released": Example(replace(UNTOUCHED, owners=(GUARD,)), (DELETED,), None),
    "foreign": Example(
        replace(ACCOUNT, owners=(FOREIGN, GUARD), wanted=(), attached=(SECRET_NAME,)),
        (BINDING,),
        None,
    ),
}


@pytest.mark.parametrize("state", EXAMPLES)
def test_decorator(state: str) -> None:
    """The label names the owner in each state, and disappears with the last binding."""
    example = EXAMPLES[state]
    before, written = example.account, decorate(example.account, example.bindings, POLICY, None)
    assert written.labels.get("controller-uid", before.uid_label) == example.label
    wanted = written.annotations.get(WANTED, ",".join(before.wanted)) or ""
    assert tuple(filter(None, wanted.split(","))) == example.wanted


@pytest.mark.parametrize("state", [state for state in EXAMPLES if EXAMPLES[state].owners])
def test_owner(state: str) -> None:
    """The owner's response protects the ServiceAccount, and lists the Secrets."""
    example = EXAMPLES[state]
    context = OwnershipContext(NAMESPACE, dynamic_apply=False)
    desired = desired_service_account(example.bindings[0], example.account, context)
    assert (desired.owners, desired.pull_secrets) == (example.owners, example.listed)


@pytest.mark.parametrize("state", EXAMPLES)
def test_deletion(state: str) -> None:
    """The deletion of the owner waits until the ServiceAccount is safe and clean."""
    example = EXAMPLES[state]
    assert blocks_deletion(example.bindings[0], example.account, NAMESPACE) is example.blocks


def test_theory() -> None:
    """The tables in the docstring have these states, and allow the deletion in the same states."""
    tables = re.findall(r"^    state .*\n((?:    .*\n)+)", account.__doc__ or "", re.MULTILINE)
    shown, permitted = (
        dict(re.split(r"  +", row.strip(), maxsplit=1) for row in table.splitlines())
        for table in tables
    )
    assert set(shown) == set(EXAMPLES)
    expected = {state: not example.blocks for state, example in EXAMPLES.items()}
    assert {state: cell.startswith("yes") for state, cell in permitted.items()} == expected
