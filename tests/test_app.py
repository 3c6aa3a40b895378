"""The app in this process: bodies that the hooks take, and what is logged of them."""

import logging
from datetime import datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hooks.core.errors import Busy
from hooks.core.fields import JSON
from hooks.core.model.token import AcrToken, MintFailed, TokenRequest
from hooks.server.app import create_app
from hooks.settings.environment import Settings
from tests.core.builders import ACCOUNT, FAILED, NEW_TOKEN, NOW, PARENT

BARE = {"metadata": {"name": "a"}}


def mint(_request: TokenRequest, _newer_than: datetime | None, _namespace: str) -> AcrToken:
    """Return a token that is new."""
    return NEW_TOKEN


@pytest.fixture
def client() -> FlaskClient:
    """Return a caller of an app without settings."""
    return create_app(Settings.from_env({}), mint, lambda: NOW).test_client()


def line(caplog: pytest.LogCaptureFixture) -> tuple[str, JSON]:
    """Return level and fields of the one line that was logged."""
    (record,) = caplog.records
    facts: JSON = record.__dict__["fields"]
    assert facts.pop("milliseconds") >= 0
    return record.levelname, facts


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
            {"parent": BARE, "object": 1},
            None,
            "a",
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
    with caplog.at_level(logging.INFO, "hooks"):
        assert client.post(path, json=body).status_code == 200
    _, facts = line(caplog)
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


WHO = {"namespace": "team-a", "name": "app", "uid": PARENT["metadata"]["uid"]}
OK = {"outcome": "ok", "status": 200}


def minted(client: FlaskClient) -> JSON:
    """Return the body of a call for a binding that has its token."""
    answer = client.post("/sync", json={"parent": PARENT}).json
    assert answer is not None
    secret = next(child for child in answer["children"] if child["kind"] == "Secret")
    children = {"Secret.v1": {"team-a/acr-pull-app": secret}}
    return {"parent": {**PARENT, "status": answer["status"]}, "children": children}


def test_line_of_a_mint(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    """A call is one line: who it is for, where the token is from, and what came of it."""
    with caplog.at_level(logging.INFO, "hooks"):
        client.post("/sync", json={"parent": PARENT})
    assert line(caplog) == (
        "INFO",
        {
            "hook": "/sync",
            **WHO,
            "token": "minted",
            "mint_reason": "NoSecret",
            "reason": "WritingSecret",
            **OK,
        },
    )


def test_line_of_a_token_that_is_kept(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    """So it is of a token that stays."""
    body = minted(client)
    with caplog.at_level(logging.INFO, "hooks"):
        client.post("/sync", json=body)
    _, facts = line(caplog)
    assert (facts["token"], "mint_reason" in facts) == ("kept", False)


@pytest.mark.parametrize(
    ("outcome", "spec", "told"),
    [
        (FAILED, PARENT["spec"], ("failed", FAILED.reason)),
        (NEW_TOKEN, {"acrServer": 5}, ("held", "InvalidSpec")),
    ],
    ids=["failed", "held"],
)
def test_line_without_a_token(
    caplog: pytest.LogCaptureFixture, outcome: AcrToken | MintFailed, spec: JSON, told: object
) -> None:
    """A mint that failed is told from one that was not tried; neither is the service's fault."""
    client = create_app(Settings.from_env({}), lambda *_: outcome, lambda: NOW).test_client()
    with caplog.at_level(logging.INFO, "hooks"):
        client.post("/sync", json={"parent": {**PARENT, "spec": spec}})
    level, facts = line(caplog)
    assert (level, facts["outcome"]) == ("INFO", "ok")
    assert (facts["token"], facts["reason"]) == told


def refuse(error: Exception) -> FlaskClient:
    """Return a caller of an app whose source of tokens raises *error*."""

    def fail(*_: object) -> AcrToken:
        raise error

    return create_app(Settings.from_env({}), fail, lambda: NOW).test_client()


def test_line_of_a_busy_answer(caplog: pytest.LogCaptureFixture) -> None:
    """A call that is to come again says for whom that was."""
    with caplog.at_level(logging.INFO, "hooks"):
        refuse(Busy("Too many wait.")).post("/sync", json={"parent": PARENT})
    why = "Too many wait. Retrying in 2 s."
    refused = {"why": why, "outcome": "busy", "status": 429}
    assert line(caplog) == ("WARNING", {"hook": "/sync", **WHO, **refused})


def test_line_of_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    """An error that nobody foresaw has its traceback on the same line."""
    with caplog.at_level(logging.INFO, "hooks"):
        answer = refuse(ZeroDivisionError()).post("/sync", json={"parent": PARENT}).json
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError
    level, facts = line(caplog)
    assert (level, facts["outcome"], facts["status"]) == ("ERROR", "error", 500)
    assert answer is not None
    assert facts["bug"] in answer["error"]


@pytest.mark.parametrize(
    ("path", "body", "refused"),
    [
        ("/sync", b"{", {"hook": "/sync", "status": 400}),
        ("/sync", b'{"parent": 5}', {"hook": "/sync", "status": 400}),
        ("/sync", b'{"parent": {"metadata": 5}}', {"hook": "/sync", "status": 400}),
        ("/nope", b"{}", {"hook": "/nope", "status": 404}),
        ("/" + 300 * "x", b"{}", {"hook": "/" + 252 * "x", "status": 404}),
    ],
    ids=["no-json", "no-object", "no-metadata", "no-hook", "long"],
)
def test_line_of_a_bad_request(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, path: str, body: bytes, refused: JSON
) -> None:
    """A call that is the caller's fault is a warning that says why."""
    with caplog.at_level(logging.INFO, "hooks"):
        client.post(path, data=body)
    level, facts = line(caplog)
    assert facts.pop("why")
    assert (level, facts) == ("WARNING", {**refused, "outcome": "bad_request"})


def test_line_of_a_stranger(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """A call without the token is told of; what it says of itself is not read."""
    file = tmp_path / "token"
    file.write_text("abc")
    settings = Settings.from_env({"HOOK_TOKEN_FILE": str(file)})
    client = create_app(settings, mint, lambda: NOW).test_client()
    with caplog.at_level(logging.INFO, "hooks"):
        client.post("/sync", json={"parent": PARENT})
        file.unlink()
        client.post("/sync", json={"parent": PARENT})
    outcomes = [record.__dict__["fields"]["outcome"] for record in caplog.records]
    assert outcomes == ["unauthorized", "error"]
    assert all("name" not in record.__dict__["fields"] for record in caplog.records)


def test_probes_are_not_told_of(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    """A probe every few seconds would drown the rest."""
    with caplog.at_level(logging.INFO, "hooks"):
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    assert not caplog.records
