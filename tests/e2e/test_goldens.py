"""What the golden answers say, sent as Metacontroller sends it: all accepted, nothing pruned.

By dry run, in a Namespace of the name that the golden cases have, under our admission policies.
"""

import copy
import json
from collections.abc import Iterator
from functools import partial
from typing import Final

import pytest

from hooks.core.names import UID_LABEL
from tests.e2e.api import Api, ApiError, Object, path_of
from tests.e2e.conftest import METACONTROLLER_USER
from tests.e2e.eventually import eventually
from tests.e2e.stage import Stage
from tests.e2e.subset import within
from tests.golden import Case
from tests.model import binding, merge, namespace, service_account
from tests.model.apply import SERVER_SIDE_APPLY
from tests.model.objects import controller_ref, key_of, owners_of, qualified_name, uid_of
from tests.test_golden import COMPOSITE

TEAM: Final = "team-a"
MANAGER: Final = "metacontroller"
DRY: Final = {"dryRun": "All", "fieldValidation": "Strict"}
SET_BY_USERS: Final = ("namespace", "name", "labels", "annotations")

Objects = dict[str, Object]


@pytest.fixture(scope="module")
def metacontroller_api(stage: Stage) -> Iterator[Api]:
    """Return the API server as Metacontroller sees it; ServiceAccounts of those names exist."""
    stage.api.create(namespace(TEAM))
    stage.api.create(service_account(TEAM, "build"))
    eventually(partial(stage.api.get, "ServiceAccount", TEAM, "default"))
    yield stage.api.as_user(METACONTROLLER_USER)
    stage.api.delete("Namespace", "", TEAM)


@pytest.fixture(scope="module")
def bindings(metacontroller_api: Api) -> Objects:
    """Return a binding of each spec that the golden cases have."""
    specs = sorted({spec_of(case) for case in COMPOSITE})
    wanted = (binding(TEAM, f"app-{n}", **json.loads(spec)) for n, spec in enumerate(specs))
    return {s: metacontroller_api.create(obj) for s, obj in zip(specs, wanted, strict=True)}


def spec_of(case: Case) -> str:
    """Return the spec of the case's binding, as JSON."""
    return json.dumps(case.request["parent"]["spec"], sort_keys=True)


def labelled(parent: Object, child: Object) -> Object:
    """Return *child* as `generateSelector` has it. Source: `_label` in tests/model/composite.py."""
    labels = {UID_LABEL: uid_of(parent), **child["metadata"].get("labels", {})}
    return {**child, "metadata": {**child["metadata"], "labels": labels}}


def owned(parent: Object, child: Object) -> Object:
    """Return *child* with its owner. Source: `_owned` in tests/model/apply.py."""
    refs = owners_of(child)
    if all(ref["uid"] != uid_of(parent) for ref in refs):
        refs = [*refs, controller_ref(parent)]
    return {**child, "metadata": {**child["metadata"], "ownerReferences": refs}}


def with_namespace_uid(api: Api, child: Object) -> Object:
    """Return *child* with the uid of the Namespace that exists here in its owner references."""
    uid = uid_of(api.get("Namespace", "", TEAM))
    refs = [
        {**ref, "uid": uid} if ref.get("kind") == "Namespace" else ref for ref in owners_of(child)
    ]
    if not refs:
        return child
    return {**child, "metadata": {**child["metadata"], "ownerReferences": refs}}


def observe(api: Api, case: Case, child: Object) -> Object | None:
    """Make the ServiceAccount *child* as the case's request has it, and return it; a Secret: None.

    Owners are returned, not made: the case's do not exist here, and the garbage collector would
    come. Hence no Secret is made either, and each is sent as a new one.
    """
    if child["kind"] == "Secret":
        return None
    observed: Object = case.request["children"]["ServiceAccount.v1"][qualified_name(child)]
    metadata = {key: value for key, value in observed["metadata"].items() if key in SET_BY_USERS}
    made = api.replace({**observed, "metadata": metadata})["metadata"]
    owners = owners_of(with_namespace_uid(api, observed))
    return {**observed, "metadata": {**made, "ownerReferences": owners}}


def send(api: Api, case: Case, observed: Object | None, child: Object) -> tuple[Object, Object]:
    """Send *child* by the case's apply strategy; return what was sent, and what would be stored."""
    parent = case.request["parent"]
    if case.facts["apply_strategy"] == SERVER_SIDE_APPLY:
        sent = merge.without_system_fields(owned(parent, child))
        answer = api.apply(sent, MANAGER, force="true", **DRY)
    elif observed:
        sent = merge.updated(observed, child)
        answer = api.call("PUT", path_of(*key_of(sent)), sent, params=DRY)
    else:
        sent = owned(parent, copy.deepcopy(child))
        merge.set_last_applied(sent, child)
        answer = api.create(sent, fieldManager=MANAGER, **DRY)
    return sent, answer


@pytest.mark.parametrize("case", COMPOSITE, ids=lambda case: case.name)
def test_children(stage: Stage, metacontroller_api: Api, case: Case) -> None:
    """Each child is accepted, and stored with all that was sent."""
    for answered in case.response["children"]:
        child = with_namespace_uid(stage.api, answered)
        observed = observe(stage.api, case, child)
        desired = labelled(case.request["parent"], child)
        sent, answer = send(metacontroller_api, case, observed, desired)
        assert within(answer, sent) == sent


@pytest.mark.parametrize("case", COMPOSITE, ids=lambda case: case.name)
def test_status(metacontroller_api: Api, bindings: Objects, case: Case) -> None:
    """The status is accepted, and stored whole."""
    sent = {**bindings[spec_of(case)], "status": case.response["status"]}
    path = f"{path_of(*key_of(sent))}/status"
    answer = metacontroller_api.call("PUT", path, sent, params=DRY)
    assert answer["status"] == sent["status"]


def test_a_bare_owner_is_for_the_merge_alone(metacontroller_api: Api) -> None:
    """Why dynamic-apply's `{"uid": ...}` is never answered under server-side apply: refused."""
    account = service_account(TEAM, "build")
    account["metadata"]["ownerReferences"] = [{"uid": "11111111-2222-3333-4444-555555555555"}]
    with pytest.raises(ApiError, match=r"metadata\.ownerReferences\.kind: .* must not be empty"):
        metacontroller_api.apply(account, MANAGER, force="true", **DRY)
