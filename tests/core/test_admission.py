"""The mode `admission`: one annotation on a ServiceAccount, and nothing else."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from hooks.core.account.admission import annotate
from hooks.core.account.decoration import Decoration
from hooks.core.model.cluster import OwnedSecret, Owner, ServiceAccount
from hooks.core.rfc3339 import format_time
from hooks.core.wire.objects import parse_service_account
from hooks.core.wire.response import new_decoration, new_owner
from hooks.handlers import Hooks
from tests.core.builders import (
    ACCOUNT,
    ATTACHED,
    DELETED,
    FOREIGN,
    GUARD,
    HOLDER,
    HOUR,
    LAST_APPLIED,
    NOW,
    PARENT,
    POLICY,
    RELATED,
    SECOND,
    SECRET_NAME,
    TARGET,
    UNTOUCHED,
    WANTED,
    secret_of,
)

OLDER = secret_of("old", 2 * HOUR)
BOTH = f"acr-pull-old,{SECRET_NAME}"
ANNOTATED = replace(
    UNTOUCHED,
    pull_secrets=("zeta", SECRET_NAME),
    wanted=(SECRET_NAME,),
    annotations=frozenset({WANTED}),
)
LABELED = replace(UNTOUCHED, uid_label="uid-app")
REMOVED: dict[str, str | None] = {ATTACHED: None, LAST_APPLIED: None}
NO_LABEL: dict[str, str | None] = {"controller-uid": None}


def repeated(number: int, at: datetime) -> str:
    """Return the mark of a repeated write."""
    return f"@{number}@{format_time(at)}"


def writing(wanted: str) -> Decoration:
    """Return the decoration that writes *wanted*."""
    return Decoration({}, {WANTED: wanted}, 60)


@pytest.mark.parametrize(
    ("account", "secrets", "decoration"),
    [
        pytest.param(UNTOUCHED, (RELATED,), writing(SECRET_NAME), id="first"),
        pytest.param(UNTOUCHED, (RELATED, OLDER), writing(BOTH), id="oldest-first"),
        pytest.param(ANNOTATED, (RELATED, OLDER), writing(BOTH), id="joins"),
        pytest.param(
            replace(UNTOUCHED, owners=(FOREIGN,)), (RELATED,), writing(SECRET_NAME), id="foreign"
        ),
        pytest.param(ANNOTATED, (OLDER,), writing(f"acr-pull-old,-{SECRET_NAME}"), id="one-leaves"),
        pytest.param(ANNOTATED, (), writing(f"-{SECRET_NAME}"), id="last-leaves"),
        pytest.param(ANNOTATED, (DELETED,), writing(f"-{SECRET_NAME}"), id="deleted"),
        pytest.param(
            replace(ANNOTATED, wanted=(), unwanted=(SECRET_NAME,)),
            (RELATED,),
            writing(SECRET_NAME),
            id="comes-back",
        ),
        pytest.param(
            replace(ANNOTATED, pull_secrets=("zeta",)),
            (),
            Decoration({}, {WANTED: ""}),
            id="not-restored",
        ),
        pytest.param(
            replace(ANNOTATED, pull_secrets=("zeta",), wanted=(), unwanted=(SECRET_NAME,)),
            (),
            Decoration({}, {WANTED: None}),
            id="the-end",
        ),
        pytest.param(
            replace(ANNOTATED, wanted=(), annotations=frozenset()), (), Decoration(), id="user's"
        ),
        pytest.param(
            replace(
                ANNOTATED,
                wanted=("x-msi-acrpull-secret",),
                pull_secrets=("zeta", "x-msi-acrpull-secret"),
            ),
            (),
            writing("-x-msi-acrpull-secret"),
            id="last-of-upstream-leaves",
        ),
        pytest.param(
            replace(ANNOTATED, wanted=("zeta",), attached=("zeta",)),
            (RELATED,),
            writing(SECRET_NAME),
            id="name-by-a-user",
        ),
        pytest.param(UNTOUCHED, (), Decoration(), id="nothing"),
        pytest.param(
            replace(ANNOTATED, deleting=True), (OLDER,), Decoration(), id="under-deletion"
        ),
        pytest.param(
            replace(ACCOUNT, deleting=True), (), Decoration(), id="adopted-under-deletion"
        ),
    ],
)
def test_annotate(
    account: ServiceAccount, secrets: tuple[OwnedSecret, ...], decoration: Decoration
) -> None:
    """The annotation names the Secrets, the oldest first, and then the entries that must leave."""
    assert annotate(account, secrets, NOW) == decoration


@pytest.mark.parametrize(
    ("account", "secrets", "decoration"),
    [
        pytest.param(
            ACCOUNT,
            (RELATED,),
            Decoration(NO_LABEL, {**REMOVED, WANTED: SECRET_NAME}, 60),
            id="adopted",
        ),
        pytest.param(
            ACCOUNT, (), Decoration(NO_LABEL, {**REMOVED, WANTED: f"-{SECRET_NAME}"}, 60), id="left"
        ),
        pytest.param(
            replace(ACCOUNT, wanted=(), annotations=frozenset({ATTACHED}), uid_label=None),
            (),
            Decoration({}, {ATTACHED: None, WANTED: f"-{SECRET_NAME}"}, 60),
            id="entry-left",
        ),
        pytest.param(
            replace(UNTOUCHED, annotations=frozenset({ATTACHED, LAST_APPLIED})),
            (),
            Decoration({}, {**REMOVED, WANTED: None}),
            id="attached-names-nothing",
        ),
        pytest.param(
            replace(LABELED, annotations=frozenset({LAST_APPLIED})),
            (replace(RELATED, targets={TARGET: "release"}),),
            Decoration(NO_LABEL, {LAST_APPLIED: None, WANTED: None}),
            id="label-of-a-binding",
        ),
        pytest.param(LABELED, (DELETED,), Decoration(NO_LABEL), id="label-alone"),
        pytest.param(
            replace(LABELED, annotations=frozenset({LAST_APPLIED})),
            (),
            Decoration(),
            id="of-another-controller",
        ),
        pytest.param(
            replace(LABELED, uid_label="uid-x"),
            (RELATED,),
            Decoration({}, {WANTED: SECRET_NAME}, 60),
            id="label-of-another-client",
        ),
    ],
)
def test_marks_of_adoption(
    account: ServiceAccount, secrets: tuple[OwnedSecret, ...], decoration: Decoration
) -> None:
    """The label and the annotations of the mode `adoption` are removed, if acrpull set them."""
    assert annotate(account, secrets, NOW) == decoration


@pytest.mark.parametrize("owner", [HOLDER, GUARD], ids=["binding", "protective"])
def test_owners_of_adoption(owner: Owner) -> None:
    """While acrpull's owner references remain, the annotation is written again."""
    owned = replace(ANNOTATED, owners=(owner, replace(FOREIGN, controller=False)))
    assert annotate(owned, (RELATED,), NOW) == writing(f"{SECRET_NAME},{repeated(1, NOW)}")
    assert annotate(replace(owned, owners=(FOREIGN,)), (RELATED,), NOW) == Decoration()
    empty = replace(owned, pull_secrets=("zeta",), wanted=())
    assert annotate(empty, (), NOW) == writing(repeated(1, NOW))


def write(account: ServiceAccount, text: str | None) -> ServiceAccount:
    """Return *account* after a write of the annotation, without a policy."""
    annotations = {} if text is None else {WANTED: text}
    meta = {"name": "default", "namespace": "team-a", "annotations": annotations}
    entries = [{"name": name} for name in account.pull_secrets]
    return parse_service_account({"metadata": meta, "imagePullSecrets": entries}, "object")


def apply_policy(account: ServiceAccount) -> ServiceAccount:
    """Return *account* as the admission policy changes the account within a write."""
    kept = [name for name in account.pull_secrets if name not in account.unwanted]
    return replace(
        account, pull_secrets=(*kept, *(name for name in account.wanted if name not in kept))
    )


def writes(start: datetime, seconds: int) -> Iterator[tuple[int, str]]:
    """Yield the writes to a ServiceAccount without a policy, called each second from *start*."""
    account, text = UNTOUCHED, None
    for second in range(seconds):
        now = start + second * SECOND
        desired = annotate(account, (RELATED,), now).annotations.get(WANTED, text)
        if desired is not None and desired != text:
            account, text = write(account, desired), desired
            yield second, text


def test_repeated_writes() -> None:
    """Without a policy, the write is repeated ever more rarely, at last every 5 minutes."""
    found = list(writes(NOW, 1100))
    seconds = [second for second, _ in found]
    assert seconds == [0, 1, 61, 181, 421, 721, 1021]
    for number, (second, text) in enumerate(found):
        mark = f",{repeated(number, NOW + second * SECOND)}" if number else ""
        assert text == f"{SECRET_NAME}{mark}"


@pytest.mark.parametrize(
    ("mark", "number", "wait"),
    [
        pytest.param("@2@2026-11-23T11:59:00Z", None, 60, id="waits"),
        pytest.param("@2@2026-11-23T12:00:09Z", None, 129, id="clocks-differ"),
        pytest.param("@2@2026-11-23T11:58:00Z", 3, 240, id="due"),
        pytest.param("@9999@2026-11-23T11:55:00Z", 10000, 300, id="at-last"),
        pytest.param("@9@2026-11-23T11:49:59Z", 1, 60, id="old"),
        pytest.param("@9@9999-12-31T23:59:59Z", 1, 60, id="far-in-the-future"),
        pytest.param("@0@2026-11-23T12:00:00Z", None, 60, id="zero"),
        pytest.param("@-1@2026-11-23T12:00:00Z", 1, 60, id="negative"),
        pytest.param(f"@{'9' * 5000}@2026-11-23T12:00:00Z", 1, 60, id="huge"),
        pytest.param("@2@soon", 1, 60, id="no-time"),
        pytest.param("@", 1, 60, id="empty"),
    ],
)
def test_mark(mark: str, number: int | None, wait: int) -> None:
    """Any mark that a user may write leads to a write now, or to a wait that ends."""
    account = write(UNTOUCHED, f"{SECRET_NAME},{mark}")
    assert account.wanted == (SECRET_NAME,)
    text = None if number is None else f"{SECRET_NAME},{repeated(number, NOW)}"
    annotations: dict[str, str | None] = {} if text is None else {WANTED: text}
    assert annotate(account, (RELATED,), NOW) == Decoration({}, annotations, wait)


@pytest.mark.parametrize(
    ("account", "secrets", "end"),
    [
        pytest.param(UNTOUCHED, (RELATED, OLDER), BOTH, id="attached"),
        pytest.param(replace(ANNOTATED, pull_secrets=("zeta",)), (RELATED,), None, id="retried"),
        pytest.param(ANNOTATED, (OLDER,), "acr-pull-old", id="moved"),
        pytest.param(ANNOTATED, (), None, id="unbound"),
    ],
)
def test_settles(
    account: ServiceAccount, secrets: tuple[OwnedSecret, ...], end: str | None
) -> None:
    """With the policy, the answer for the result of at most two writes changes nothing."""
    text = ",".join(account.wanted) or None
    for _ in range(3):
        decoration = annotate(account, secrets, NOW)
        if decoration == Decoration():
            break
        text = decoration.annotations[WANTED]
        account = apply_policy(write(account, text))
    assert annotate(account, secrets, NOW) == Decoration()
    assert account.pull_secrets[0] == "zeta"
    names = [secret.name for secret in secrets]
    assert [name for name in account.pull_secrets if name not in UNTOUCHED.pull_secrets] == sorted(
        names, reverse=True
    )
    assert end is None or text == end


def test_hooks() -> None:
    """In the mode `admission`, the hooks annotate, and relate the policy of the set version."""
    policy = replace(POLICY, admission_version="v1beta1")
    hooks = Hooks(policy, lambda *_: pytest.fail("a token was requested"), lambda: NOW)
    secret = {
        "metadata": {
            "name": SECRET_NAME,
            "labels": {TARGET: "attach", "controller-uid": HOLDER.uid},
            "ownerReferences": [new_owner(HOLDER)],
        }
    }
    account = {"metadata": {"name": "default", "namespace": "team-a"}}
    body = hooks.decorate({"object": account, "related": {"Secret.v1": {"a": secret}}}).body
    assert body == new_decoration(writing(SECRET_NAME))
    rules = hooks.customize({"parent": PARENT}).body["relatedResources"]
    assert rules[0]["apiVersion"] == "admissionregistration.k8s.io/v1beta1"
