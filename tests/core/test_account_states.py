"""Each state of a ServiceAccount, with the results of the three functions that decide about it.

`hooks.core.account` describes the states.
"""

import re
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import pytest

from hooks.core import account
from hooks.core.account.attachment import desired_service_account
from hooks.core.account.decorator import decorate
from hooks.core.account.ownership import OwnershipContext
from hooks.core.account.release import blocks_deletion
from hooks.core.model.binding import Binding
from hooks.core.model.cluster import OwnedSecret, Owner, ServiceAccount
from tests.core.builders import (
    ACCOUNT,
    ATTACHED,
    BINDING,
    DELETED,
    FOREIGN,
    GUARD,
    HOLDER,
    MINUTE,
    NAMESPACE,
    RELATED,
    SECRET_NAME,
    TARGET,
    UNTOUCHED,
    WANTED,
    secret_of,
)

JOBS_SECRET: Final = "acr-pull-jobs"
JOBS: Final = secret_of("jobs", 30 * MINUTE)
GOING: Final = replace(BINDING, deleting=True)
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
        owner: The owner.
        secrets: The Secrets with a label for the ServiceAccount.
        label: The uid in the label after the decorator's write; None if there is no label.
        wanted: The names in the annotation after the decorator's write.
        owners: The owner references in the owner's response; empty if the ServiceAccount is not
            among the owner's children, and not in a response.
        listed: The names in the owner's response.
        blocks: Whether the ServiceAccount blocks the deletion of the owner.
    """

    account: ServiceAccount
    owner: Binding
    secrets: tuple[OwnedSecret, ...]
    label: str | None
    wanted: tuple[str, ...] = ()
    owners: tuple[Owner, ...] = ()
    listed: tuple[str, ...] = ()
    blocks: bool = False


def bound(account: ServiceAccount) -> Example:
    """Return the example of an *account* with a single binding, which the next sync attaches."""
    return Example(
        account,
        BINDING,
        (RELATED,),
        "uid-app",
        (SECRET_NAME,),
        (HOLDER, GUARD),
        ("zeta", "alpha", SECRET_NAME),
        blocks=True,
    )


EXAMPLES: Final = {
    "free": Example(UNTOUCHED, BINDING, (RELATED,), "uid-app", (SECRET_NAME,)),
    # Metacontroller adopts, and calls `/sync` before its cache shows the owner reference.
    "labeled": bound(LABELED),
    "adopted": bound(replace(LABELED, owners=(HOLDER,))),
    "listed": bound(ACCOUNT),
    "shared": Example(
        SHARED,
        BINDING,
        (RELATED, JOBS),
        "uid-app",
        (SECRET_NAME, JOBS_SECRET),
        (HOLDER, GUARD),
        ("zeta", "alpha", SECRET_NAME, JOBS_SECRET),
        blocks=True,
    ),
    "protected": Example(
        replace(ACCOUNT, pull_secrets=("zeta", "alpha"), wanted=(), attached=()),
        GOING,
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
        BINDING,
        (RELATED,),
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
        GOING,
        (DELETED, JOBS),
        "uid-jobs",
        (JOBS_SECRET,),
        blocks=True,
    ),
    "released": Example(replace(UNTOUCHED, owners=(GUARD,)), GOING, (DELETED,), None),
    "foreign": Example(
        replace(ACCOUNT, owners=(FOREIGN, GUARD), wanted=(), attached=(SECRET_NAME,)),
        BINDING,
        (RELATED,),
        None,
    ),
}


@pytest.mark.parametrize("state", EXAMPLES)
def test_decorator(state: str) -> None:
    """The label names the owner in each state, and disappears with the last binding."""
    example = EXAMPLES[state]
    before, written = example.account, decorate(example.account, example.secrets)
    assert written.labels.get("controller-uid", before.uid_label) == example.label
    wanted = written.annotations.get(WANTED, ",".join(before.wanted)) or ""
    assert tuple(filter(None, wanted.split(","))) == example.wanted


@pytest.mark.parametrize("state", [state for state in EXAMPLES if EXAMPLES[state].owners])
def test_owner(state: str) -> None:
    """The owner's response protects the ServiceAccount, and lists the Secrets."""
    example = EXAMPLES[state]
    context = OwnershipContext(NAMESPACE, dynamic_apply=False)
    desired = desired_service_account(example.owner, example.account, context)
    assert (desired.owners, desired.pull_secrets) == (example.owners, example.listed)


@pytest.mark.parametrize("state", EXAMPLES)
def test_deletion(state: str) -> None:
    """The deletion of the owner waits until the ServiceAccount is safe and clean."""
    example = EXAMPLES[state]
    assert blocks_deletion(example.owner, example.account, NAMESPACE) is example.blocks


def read_tables() -> dict[str, tuple[str, ...]]:
    """Return the cells of each state in the two tables of the docstring, without the state."""
    text = account.__doc__ or ""
    cells: dict[str, tuple[str, ...]] = {}
    for table in re.findall(r"^    state .*\n((?:    .*\n)+)", text, re.MULTILINE):
        for row in table.splitlines():
            state, *rest = re.split(r"  +", row.strip())
            cells[state] = (*cells.get(state, ()), *rest)
    return cells


ROWS: Final = read_tables()
LABELS: Final = {"-": None, "B": "uid-app", "B, then C": "uid-app"}
CONTROLLERS: Final = {"-": (), "B": (HOLDER,), "another controller": (FOREIGN,)}


def describe(state: str, seen: ServiceAccount) -> tuple[object, ...]:
    """Return the first cells of *seen* in *state*, with None for a cell that allows any value."""
    entries = set(seen.attached) & set(seen.pull_secrets)
    found = (
        seen.uid_label,
        tuple(owner for owner in seen.owners if owner.controller),
        GUARD in seen.owners,
        SECRET_NAME in entries,
        bool(entries - {SECRET_NAME}),
    )
    cells = ROWS[state][: len(found)]
    return tuple(None if cell == "any" else value for cell, value in zip(cells, found, strict=True))


def build(state: str) -> list[ServiceAccount]:
    """Return a ServiceAccount for each combination of values that the row of *state* allows."""
    label, controller, *flags = ROWS[state][:5]
    labels = ["-", "B"] if label == "any" else [label]
    choices = [(True, False) if flag == "any" else (flag == "yes",) for flag in flags]
    handed_over = (HANDED_OVER,) if state == "handed over" else ()
    return [
        replace(
            UNTOUCHED,
            uid_label=LABELS[name],
            owners=(*CONTROLLERS[controller], *handed_over, *((GUARD,) if protected else ())),
            pull_secrets=entries,
            attached=entries,
            wanted=entries,
            annotations=frozenset({WANTED} if name != "-" else ()),
        )
        for name in labels
        for protected, own, others in product(*choices)
        for entries in [((SECRET_NAME,) if own else ()) + ((JOBS_SECRET,) if others else ())]
    ]


def test_theory() -> None:
    """The tables have the states of the examples, and the moves are between these states."""
    assert set(ROWS) == set(EXAMPLES)
    moves = re.findall(r"^    (\w.*?) -> (\w.*?)  ", account.__doc__ or "", re.MULTILINE)
    assert moves[0] == ("from", "to")
    assert {state for move in moves[1:] for state in move} == {*EXAMPLES, "any"}


def test_theory_of_the_relation() -> None:
    """The decorator lists a Secret if the table of labels says so."""
    text = account.__doc__ or ""
    rows = re.findall(r"^    (attach|release|deleted)  +(yes|no)  ", text, re.MULTILINE)
    assert [row[0] for row in rows] == ["attach", "release", "deleted"]
    for value, listed in rows:
        secret = replace(RELATED, targets={TARGET: value})
        assert bool(decorate(UNTOUCHED, (secret,)).annotations) is (listed == "yes")


@pytest.mark.parametrize("state", EXAMPLES)
def test_theory_of_a_state(state: str) -> None:
    """An example has the label, the owners and the entries in the row of its state."""
    found = describe(state, EXAMPLES[state].account)
    assert found in {describe(state, built) for built in build(state)}


@pytest.mark.parametrize(
    ("state", "seen"), [(state, seen) for state in ROWS for seen in build(state)]
)
def test_theory_of_permissions(state: str, seen: ServiceAccount) -> None:
    """Every ServiceAccount in a state permits the deletion and the adoption in the second table."""
    deletion, adoption = ROWS[state][5:]
    assert blocks_deletion(BINDING, seen, NAMESPACE) is not deletion.startswith("yes")
    moved = decorate(seen, (DELETED, JOBS)).labels.get("controller-uid") == "uid-jobs"
    controlled = any(owner.controller for owner in seen.owners)
    expected = "no" if not moved else "once" if controlled else "yes"
    assert re.split(r"[ ,:]", adoption)[0] == expected
