"""How the model's Metacontroller applies: by a merge, or on the server."""

import pytest

from tests.model import service_account
from tests.model.errors import InvalidError
from tests.model.merge import updated
from tests.model.objects import Object
from tests.model_world import cluster_with_namespace, owned_by, pull_secrets


def test_the_merge_collapses_two_owners_of_one_name() -> None:
    """Lists of objects merge by `name`, unless an entry has only a uid: then by `uid`."""
    space = {"apiVersion": "v1", "kind": "Namespace", "name": "same", "uid": "1"}
    app = {"apiVersion": "x/v1", "kind": "App", "name": "same", "uid": "2"}
    observed = {"metadata": {"name": "sa", "ownerReferences": [app]}}
    both = updated(observed, {"metadata": {"ownerReferences": [app, space]}})
    assert both["metadata"]["ownerReferences"] == [space]
    bare = updated(observed, {"metadata": {"ownerReferences": [{"uid": "2"}, space]}})
    assert bare["metadata"]["ownerReferences"] == [app, space]


def test_the_merge_takes_away_what_it_had_applied() -> None:
    """A field applied before and left out goes, and a map left out goes with what others set."""
    observed: Object = {"metadata": {"name": "s", "labels": {"theirs": "1"}}}
    first = updated(observed, {"metadata": {"labels": {"ours": "1"}}, "data": {"a": "eA=="}})
    assert first["metadata"]["labels"] == {"theirs": "1", "ours": "1"}
    second = updated(first, {"metadata": {"labels": {}}})
    assert (second["metadata"]["labels"], "data" in second) == ({"theirs": "1"}, False)
    assert "labels" not in updated(first, {"metadata": {}})["metadata"]


def test_server_side_apply_owns_field_by_field() -> None:
    """What it no longer applies goes, unless another manager wrote it too."""
    cluster = cluster_with_namespace()
    made = cluster.create(service_account("team-a", "default", pull_secrets=["zeta"]))
    made["metadata"]["labels"] = {"shared": "1"}
    cluster.update(made)
    wanted = service_account("team-a", "default", pull_secrets=["ours"])
    wanted["metadata"]["labels"] = {"shared": "1", "ours": "1"}
    applied = cluster.apply(wanted)
    assert (pull_secrets(applied), applied["metadata"]["labels"]) == (
        ["ours"],
        {"shared": "1", "ours": "1"},
    )
    assert cluster.apply(wanted) == applied
    bare = cluster.apply(service_account("team-a", "default", pull_secrets=["ours"]))
    assert bare["metadata"]["labels"] == {"shared": "1"}
    with pytest.raises(InvalidError):
        cluster.apply(owned_by({"uid": made["metadata"]["uid"]}, name="default"))


@pytest.mark.parametrize(
    ("there", "applied", "merged"),
    [
        ("ab", "ba", "ba"),
        ("ab", "b", "ab"),
        ("xayb", "bca", "xybca"),
        ("xab", "cab", "xcab"),
        ("", "ba", "ba"),
    ],
)
def test_server_side_apply_merges_lists_in_the_order_applied(
    there: str, applied: str, merged: str
) -> None:
    """Who owns an object stands in the order applied, where the first of them stood."""
    cluster = cluster_with_namespace()
    cluster.create(owned_by(*map(node, there), name="default"))
    owners = cluster.apply(owned_by(*map(node, applied), name="default"))["metadata"]
    assert "".join(ref["uid"] for ref in owners["ownerReferences"]) == merged


def node(name: str) -> Object:
    """Return a reference to a Node, which does not control."""
    return {"apiVersion": "v1", "kind": "Node", "name": name, "uid": name}
