"""Rules for every single answer of a hook, independent of the history."""

import base64
import json
from datetime import datetime, timedelta
from math import ceil

from hooks.core.exchange.registry_protocol import parse_token
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken
from hooks.core.names import (
    ATTACHED_ANNOTATION,
    LAST_APPLIED_ANNOTATION,
    PULL_SECRETS_ANNOTATION,
    UID_LABEL,
)
from hooks.core.rfc3339 import format_time
from tests.fleet import check_fleet
from tests.model.objects import (
    FOREGROUND,
    ORPHAN,
    Object,
    annotations_of,
    controller_of,
    finalizers_of,
    is_deleting,
    owners_of,
)
from tests.properties.kinds import secret_name
from tests.properties.tokens import shows_token

# metacontroller@v4.17.2:pkg/controller/{composite,decorator,common/customize}/api/v2
_SYNC = {"status", "children", "resyncAfterSeconds"}
_RULES = {"relatedResources"}
KEYS = {
    "/sync": _SYNC,
    "/finalize": _SYNC | {"finalized"},
    "/customize": _RULES,
    "/clusterbinding/sync": {"status", "children"},
    "/clusterbinding/customize": _RULES,
    "/serviceaccount/sync": {"labels", "annotations"},
    "/serviceaccount/customize": _RULES,
    "/secret/sync": {"labels", "annotations"},
    "/secret/customize": _RULES,
}
OUR_ANNOTATIONS = {PULL_SECRETS_ANNOTATION, ATTACHED_ANNOTATION, LAST_APPLIED_ANNOTATION}
SERVERS_OWN = {"uid", "resourceVersion", "managedFields", "generation", "creationTimestamp"}
REFRESH_BEFORE = timedelta(minutes=30)
ATTACH_SECONDS = 120  # then an entry that was not added counts as refused
CONTEST_SECONDS = 300  # the longest wait for a Secret or an entry


def check_exchange(path: str, body: Object, answer: Object, now: datetime) -> None:
    """Check the *answer* that the hook at *path* gave to *body* at *now*."""
    optional = {"resyncAfterSeconds"} if path == "/serviceaccount/sync" else set()
    assert answer.keys() - optional == KEYS[path] - optional
    assert not shows_token(json.dumps(without_data(answer)))
    if path in ("/sync", "/finalize"):
        _check_children(body, answer["children"])
        _check_conditions(body["parent"], answer["status"]["conditions"], now)
    if path == "/clusterbinding/sync":
        check_fleet(body, answer)
    if path == "/serviceaccount/sync":
        assert answer["labels"].keys() <= {UID_LABEL}
        assert answer["annotations"].keys() <= OUR_ANNOTATIONS
    if path == "/sync" and not is_deleting(body["parent"]):
        _check_resync(answer, now)
    if answer.get("finalized"):
        _check_finalized(body)


def without_data(answer: Object) -> Object:
    """Return *answer* without the data of its Secrets."""
    kept = [{**child, "data": {}} for child in answer.get("children", [])]
    return {**answer, "children": kept}


def token_in(secret: Object) -> AcrToken | None:
    """Return the token in a Secret's docker config, or None."""
    data = secret.get("data", {}).get(".dockerconfigjson", "")
    auths = json.loads(base64.b64decode(data) or b"{}").get("auths", {})
    return next((parse_token(entry["password"]) for entry in auths.values()), None)


def _check_children(body: Object, children: list[Object]) -> None:
    """Each observed ServiceAccount occurs once; no child has a field that acrpull must not set."""
    names = [child["metadata"]["name"] for child in children if child["kind"] == "ServiceAccount"]
    observed = (body.get("children") or {}).get("ServiceAccount.v1") or {}
    assert len(names) == len(set(names))
    assert {account["metadata"]["name"] for account in observed.values()} <= set(names)
    for child in children:
        assert not SERVERS_OWN & child["metadata"].keys()
        assert child["kind"] == "ServiceAccount" or "ownerReferences" not in child["metadata"]


def _check_conditions(parent: Object, conditions: list[Object], now: datetime) -> None:
    """A transition time changes exactly with the status; Ready summarizes."""
    before = {c["type"]: c for c in (parent.get("status") or {}).get("conditions", [])}
    for condition in conditions:
        previous = before.get(condition["type"], {})
        same = previous.get("status") == condition["status"]
        since = previous["lastTransitionTime"] if same else format_time(now)
        assert condition["lastTransitionTime"] == since
        assert condition["reason"] in set(Reason)
    status = {c["type"]: c["status"] for c in conditions}
    assert status.keys() - {"Stalled"} == {"Ready", "TokenFresh", "Attached", "RenewalHealthy"}
    stalled = status.get("Stalled")
    both = status["TokenFresh"] == status["Attached"] == "True" and stalled is None
    assert status["Ready"] == ("True" if both else "False")
    assert stalled in {None, "True"}


def _check_resync(answer: Object, now: datetime) -> None:
    """The wait is positive; with a token on schedule, it ends within a second of a boundary."""
    wait = answer["resyncAfterSeconds"]
    assert wait > 0
    status = {c["type"]: c["status"] for c in answer["status"]["conditions"]}
    if status["RenewalHealthy"] != "True" or status["TokenFresh"] != "True":
        return
    if {"secretPendingTime", "writeAttempts", "attachAttempts"} & answer["status"].keys():
        assert wait <= CONTEST_SECONDS
        return
    if any(c["reason"] == "Attaching" for c in answer["status"]["conditions"]):
        assert wait <= ATTACH_SECONDS
        return
    secret = next(child for child in answer["children"] if child["kind"] == "Secret")
    token = token_in(secret)
    assert token is not None
    life = token.expires_at - token.issued_at
    left = token.expires_at - min(REFRESH_BEFORE, life / 2) - now
    assert wait in (1, ceil(left.total_seconds()))


def _check_finalized(body: Object) -> None:
    """A deletion finishes only if it loses no ServiceAccount and leaves no entry.

    If a foreign Secret has the name, an unmarked entry is foreign, too.
    """
    parent, uid = body["parent"], body["parent"]["metadata"]["uid"]
    if {FOREGROUND, ORPHAN} & set(finalizers_of(parent)):
        return
    name = secret_name(parent)
    taken = body["related"]["Secret.v1"] and not body["children"]["Secret.v1"]
    for account in body["related"]["ServiceAccount.v1"].values():
        holder = controller_of(account)
        if holder is None or holder["uid"] != uid:
            continue
        assert any(ref["kind"] == "Namespace" for ref in owners_of(account))
        ours = annotations_of(account).get(ATTACHED_ANNOTATION, "").split(",")
        if name in ours or not taken:
            assert {"name": name} not in account.get("imagePullSecrets", [])
