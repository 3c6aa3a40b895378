"""Hook bodies of another shape: what is wrong, and where."""

from collections.abc import Callable
from functools import partial

import pytest

from hooks.core.errors import BadRequest
from hooks.core.fields import JSON
from hooks.core.wire.request import (
    parse_bindings,
    parse_decorated_account,
    parse_decorated_secret,
    parse_observed,
    parse_parent_account,
    parse_parent_secret,
    parse_related_secrets,
)
from tests.core.builders import PARENT, SECRET_NAME


def valid(*_: object) -> None:
    """Find nothing wrong with a spec."""


def named(name: str, **meta: object) -> JSON:
    """Return an object of Namespace team-a with *meta* in its metadata."""
    return {"metadata": {"name": name, "namespace": "team-a", **meta}}


def body(children: JSON | None = None, related: JSON | None = None) -> JSON:
    """Return a body of `/sync`."""
    return {"parent": PARENT, "children": children or {}, "related": related or {}}


def observe(body: JSON) -> object:
    """Parse a body of `/sync`."""
    return parse_observed(body, valid)


def list_bindings(body: JSON) -> object:
    """Parse the bindings of a body of `/serviceaccount/sync`."""
    return parse_bindings(body, valid)


SECRETS = "['Secret.v1']"
BINDINGS = "['ACRPullBinding.acrpull.dev/v1beta1']"


@pytest.mark.parametrize(
    ("parse", "request_", "message"),
    [
        (observe, {}, "parent: expected an object, e.g. {}"),
        (observe, {"parent": None}, "parent: expected an object"),
        (observe, {"parent": []}, "parent: expected an object"),
        (observe, {"parent": {}}, "parent.metadata: expected an object"),
        (observe, {"parent": PARENT, "children": []}, "children: expected an object"),
        (observe, {"parent": PARENT, "related": "x"}, "related: expected an object"),
        (observe, body({"Secret.v1": []}), f"children{SECRETS}: expected an object"),
        (observe, body({"Secret.v1": {"a/b": 5}}), f"children{SECRETS}['a/b']: expected an object"),
        (observe, body({"Secret.v1": {"a": {}}}), f"children{SECRETS}['a'].metadata: "),
        (observe, body(None, {"Secret.v1": {"a": {}}}), f"related{SECRETS}['a'].metadata: "),
        (
            observe,
            body(None, {"Secret.v1": {"a": named(SECRET_NAME, labels=[])}}),
            f"related{SECRETS}['a'].metadata.labels: expected an object",
        ),
        (
            observe,
            body({"ServiceAccount.v1": {"a": {"metadata": {}}}}),
            "children['ServiceAccount.v1']['a'].metadata.name: expected a string",
        ),
        (
            observe,
            body(None, {"Namespace.v1": {"team-a": {"metadata": {"name": "team-a"}}}}),
            "related['Namespace.v1']['team-a'].metadata.uid: expected a string",
        ),
        (parse_decorated_account, {}, "object: expected an object"),
        (parse_decorated_secret, {"parent": {}}, "object: expected an object"),
        (parse_parent_secret, {"object": {}}, "parent: expected an object"),
        (
            parse_decorated_account,
            {"object": {"metadata": {}}},
            "object.metadata.name: expected a string",
        ),
        (
            list_bindings,
            {"related": {BINDINGS[2:-2]: {"a": None}}},
            f"related{BINDINGS}['a']: expected an object",
        ),
        (parse_parent_account, {}, "parent: expected an object"),
        (parse_parent_account, {"parent": {}}, "parent.metadata: expected an object"),
        (
            partial(parse_related_secrets, apis=()),
            {"related": {"Secret.v1": {"a": 5}}},
            f"related{SECRETS}['a']: expected an object",
        ),
    ],
)
def test_bad_body(parse: Callable[[JSON], object], request_: JSON, message: str) -> None:
    """A body of another shape is an error that names the path."""
    with pytest.raises(BadRequest) as caught:
        parse(request_)
    assert str(caught.value).startswith(message)
