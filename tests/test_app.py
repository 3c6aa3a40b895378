"""The app in this process: bodies that the hooks take, and what is logged of them."""

import logging
from datetime import datetime

import pytest
from flask.testing import FlaskClient

from hooks.app import create_app
from hooks.core.fields import JSON
from hooks.core.model import AcrToken, TokenRequest
from hooks.settings import Settings
from tests.core.builders import ACCOUNT, NEW_TOKEN, NOW, PARENT

BARE = {"metadata": {"name": "a"}}
NAMESPACE_ALONE = {"metadata": {"namespace": "team-a"}}


def mint(_request: TokenRequest, _newer_than: datetime | None) -> AcrToken:
    """Return a token that is new."""
    return NEW_TOKEN


@pytest.fixture
def client() -> FlaskClient:
    """Return a caller of an app without settings."""
    return create_app(Settings.from_env({}), mint, lambda: NOW).test_client()


@pytest.mark.parametrize(
    ("path", "body", "namespace", "name"),
    [
        pytest.param("/sync", {"parent": PARENT}, "team-a", "app", id="sync"),
        pytest.param("/sync", {"parent": BARE, "object": 1}, None, "a", id="sync-object"),
        pytest.param("/finalize", {"parent": BARE, "object": []}, None, "a", id="finalize-object"),
        pytest.param("/customize", {"parent": BARE, "object": "x"}, None, "a", id="custom-object"),
        pytest.param(
            "/serviceaccount/sync", {"object": BARE, "parent": 1}, None, "a", id="decorator-parent"
        ),
        pytest.param(
            "/serviceaccount/customize",
            {"parent": NAMESPACE_ALONE},
            "team-a",
            None,
            id="decorator-namespace-alone",
        ),
        pytest.param(
            "/serviceaccount/customize",
            {"parent": NAMESPACE_ALONE, "object": 1},
            "team-a",
            None,
            id="decorator-object",
        ),
    ],
)
def test_accepted(
    client: FlaskClient,
    caplog: pytest.LogCaptureFixture,
    path: str,
    body: JSON,
    namespace: str | None,
    name: str | None,
) -> None:
    """A hook looks at its own keys alone; who it was called for is logged, as far as is said."""
    with caplog.at_level(logging.INFO, "hooks.app"):
        assert client.post(path, json=body).status_code == 200
    (record,) = caplog.records
    facts = record.__dict__["fields"]
    assert (facts["hook"], facts["namespace"], facts["name"]) == (path, namespace, name)


def test_finalize_is_a_deletion(client: FlaskClient) -> None:
    """A binding that `/finalize` is called for goes, though its metadata don't say so."""
    account = {"metadata": {"name": ACCOUNT.name, "namespace": "team-a"}}
    accounts = {"ServiceAccount.v1": {"team-a/default": account}}
    body = {"parent": PARENT, "children": accounts, "related": accounts}
    answer = client.post("/finalize", json=body).json
    assert answer is not None
    (child,) = answer["children"]
    assert "imagePullSecrets" not in child
    reasons = {
        condition["type"]: condition["reason"] for condition in answer["status"]["conditions"]
    }
    assert (reasons["Ready"], reasons["Attached"]) == ("Deleting", "Deleting")
