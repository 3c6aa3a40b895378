"""The exchange: what is sent, what each answer means, and that no answer's body is repeated."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hooks.core.exchange.registry_protocol import (
    Post,
    check_token,
    exchange,
    parse_registry_response,
    retry_after,
    scope_down,
    url,
)
from hooks.core.model.identity import Identity
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, MintFailed
from tests.core.builders import (
    CLIENT_ID,
    HOUR,
    MINUTE,
    NEW_TOKEN,
    NOW,
    POLICY,
    REQUEST,
    SECOND,
    SERVER,
    new_jwt,
    new_token,
)

PLANTED = NEW_TOKEN.value
SCOPED = replace(REQUEST, scope="repository:app:pull")
EXCHANGE = exchange(REQUEST, "entra")
SCOPE_DOWN = scope_down(SCOPED, "refresh")
ETERNITY = datetime(9999, 12, 31, tzinfo=UTC)
PAGE = b"<!DOCTYPE html><html><h1>Service Temporarily Unavailable</h1></html>"


def test_exchange() -> None:
    """An Entra token is exchanged for a refresh token, the tenant left to the token."""
    post = exchange(REQUEST, PLANTED)
    assert (post.path, post.answer_key) == ("/oauth2/exchange", "refresh_token")
    assert post.form == {
        "grant_type": "access_token",
        "service": SERVER,
        "access_token": PLANTED,
    }
    assert PLANTED not in repr(post)


def test_scope_down() -> None:
    """A refresh token is exchanged for an access token of the scope, as written."""
    request = replace(REQUEST, scope="repository:app:pull repository:b:pull,push")
    post = scope_down(request, PLANTED)
    assert (post.path, post.answer_key) == ("/oauth2/token", "access_token")
    assert post.form == {
        "grant_type": "refresh_token",
        "service": SERVER,
        "scope": "repository:app:pull repository:b:pull,push",
        "refresh_token": PLANTED,
    }
    assert PLANTED not in repr(post)


@pytest.mark.parametrize(
    ("post", "key"), [(EXCHANGE, "refresh_token"), (SCOPE_DOWN, "access_token")]
)
def test_answer_with_token(post: Post, key: str) -> None:
    """A token is taken from the key that belongs to the request, whatever else is there."""
    body = f'{{"other":"eyJ","{key}":"{PLANTED}"}}'.encode()
    assert parse_registry_response(REQUEST, post, 200, {}, body) == NEW_TOKEN  # of no scope


@pytest.mark.parametrize(
    "server", [SERVER, "localhost:5000", "127.0.0.1:5000", "a-b.c1.azurecr.io"]
)
def test_url(server: str) -> None:
    """A request goes to the server, over TLS."""
    assert url(replace(REQUEST, server=server), EXCHANGE) == f"https://{server}/oauth2/exchange"


@pytest.mark.parametrize(
    "server",
    [
        "evil.com/.azurecr.io",
        "evil.com#.azurecr.io",
        "evil.com?.azurecr.io",
        "evil.com\\.azurecr.io",
        "evil.com:1/.azurecr.io",
        "user@x.azurecr.io",
        "evil.com%2f.azurecr.io",
        "evil.com\n.azurecr.io",
        "x.azurecr.io\n",
        "x.azurecr.io.",
        "x.azurecr.io:",
        "x.azurecr.io:1:2",
        "x..azurecr.io",
        ".azurecr.io",
        "[::1]:5000",
        "evil\u3002com.azurecr.io",
        "",
    ],
)
def test_no_url(server: str) -> None:
    """A server that is no bare host gets no request, even if it ends with an allowed suffix."""
    failure = url(replace(REQUEST, server=server), EXCHANGE)
    assert isinstance(failure, MintFailed)
    assert failure.reason is Reason.REGISTRY_NOT_FOUND
    assert f'Registry "{server}" is not a host name, so no token is sent. Fix ' in failure.message


PULL = {"type": "repository", "name": "app", "actions": ["pull"]}


def access_token(access: object) -> str:
    """Return an access token with a claim *access*."""
    return new_jwt({"iat": 1, "exp": 2, "access": access})


@pytest.mark.parametrize("access", [[PULL], [PULL, {"type": "x"}], [PULL | {"actions": ["*"]}]])
def test_scope_granted(access: object) -> None:
    """A token that is good for all that was asked is taken; it may be good for more."""
    text = access_token(access)
    outcome = parse_registry_response(
        SCOPED, SCOPE_DOWN, 200, {}, f'{{"access_token":"{text}"}}'.encode()
    )
    assert isinstance(outcome, AcrToken)


@pytest.mark.parametrize("access", [[], None, {}, [PULL | {"actions": []}], [PULL | {"name": "b"}]])
def test_scope_not_granted(access: object) -> None:
    """A token that is good for less says what is missing, before a pull fails."""
    text = access_token(access)
    outcome = parse_registry_response(
        SCOPED, SCOPE_DOWN, 200, {}, f'{{"access_token":"{text}"}}'.encode()
    )
    assert isinstance(outcome, MintFailed)
    assert outcome.reason is Reason.SCOPE_NOT_GRANTED
    assert "missing: pull on app. " in outcome.message
    assert "eyJ" not in repr(outcome)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(b"", "", id="empty"),
        pytest.param(b"<html>eyJ</html>", "", id="html"),
        pytest.param(b"\xff\xfe", "", id="no-utf-8"),
        pytest.param(b"null", "", id="null"),
        pytest.param(b"[]", "", id="list"),
        pytest.param(f'{{"access_token":"{PLANTED}"}}'.encode(), "", id="another-key"),
        pytest.param(b'{"refresh_token":null}', " (not a JWT)", id="null-token"),
        pytest.param(b'{"refresh_token":{"a":1}}', " (not a JWT)", id="object-for-token"),
        pytest.param(f'{{"refresh_token":"{PLANTED}x.y"}}'.encode(), " (not a JWT)", id="no-jwt"),
        pytest.param(
            json.dumps({"refresh_token": new_jwt({"exp": 253402300799, "iat": 1})}).encode(),
            " (a JWT that is valid for more than 24 h)",
            id="year-9999",
        ),
        pytest.param(f'{{"refresh_token":"{PLANTED}'.encode(), "", id="cut"),
        pytest.param(b"[" * 100000, "", id="nested-too-deep"),
    ],
)
def test_answer_without_token(body: bytes, why: str) -> None:
    """A success without a usable token is a failure that repeats nothing of the body."""
    text = (
        f'Registry "{SERVER}" returned no usable token{why}: HTTP 200 (text/html) for POST '
        "/oauth2/exchange. Retrying. If this persists, check that spec.acrServer is a container "
        "registry, and that no proxy answers in its place."
    )
    expected = MintFailed(Reason.MALFORMED_TOKEN, text)
    headers = {"content-type": "text/html; charset=utf-8"}
    assert parse_registry_response(REQUEST, EXCHANGE, 200, headers, body) == expected


@pytest.mark.parametrize(
    ("status", "post", "body", "reason", "words"),
    [
        pytest.param(401, EXCHANGE, b"", Reason.REGISTRY_DENIED, "AcrPull", id="401"),
        pytest.param(403, EXCHANGE, b"", Reason.REGISTRY_DENIED, "network rules", id="403"),
        pytest.param(
            403, EXCHANGE, b"DENIED", Reason.REGISTRY_DENIED, "network rules", id="403-denied"
        ),
        # https://github.com/Azure/acr/issues/633, with an apostrophe or its escape
        pytest.param(
            403,
            EXCHANGE,
            b"client with IP '203.0.113.7' is not allowed access",
            Reason.REGISTRY_FIREWALL,
            "private DNS zone",
            id="403-firewall",
        ),
        pytest.param(
            403,
            SCOPE_DOWN,
            b"Client with IP \\u0027203.0.113.7\\u0027 is not allowed",
            Reason.REGISTRY_FIREWALL,
            "outbound IP address",
            id="403-firewall-escaped",
        ),
        pytest.param(
            401, EXCHANGE, b"client with IP", Reason.REGISTRY_DENIED, "AcrPull", id="401-address"
        ),
        pytest.param(
            400, SCOPE_DOWN, b"", Reason.SCOPE_REFUSED, '"repository:app:pull"', id="400-scope"
        ),
        pytest.param(400, EXCHANGE, b"", Reason.REGISTRY_ERROR, "HTTP 400", id="400-before-scope"),
        *(
            pytest.param(
                status, SCOPE_DOWN, PAGE, Reason.REGISTRY_ERROR, "no proxy", id=f"{status}-page"
            )
            for status in (400, 401, 403, 404, 407, 511)
        ),
        pytest.param(404, EXCHANGE, b"", Reason.REGISTRY_ERROR, "HTTP 404", id="404"),
        pytest.param(302, EXCHANGE, b"", Reason.REGISTRY_ERROR, "HTTP 302", id="redirect"),
        pytest.param(201, EXCHANGE, b"", Reason.REGISTRY_ERROR, "HTTP 201", id="201"),
        pytest.param(429, EXCHANGE, b"", Reason.THROTTLED, "throttling", id="429"),
        pytest.param(429, EXCHANGE, PAGE, Reason.THROTTLED, "throttling", id="429-page"),
        pytest.param(500, EXCHANGE, b"", Reason.REGISTRY_UNAVAILABLE, "HTTP 500", id="500"),
        *(
            pytest.param(
                status,
                SCOPE_DOWN,
                PAGE,
                Reason.REGISTRY_UNAVAILABLE,
                "status page",
                id=f"{status}-page",
            )
            for status in (500, 502, 503, 504, 520)
        ),
        pytest.param(999, EXCHANGE, b"", Reason.REGISTRY_ERROR, "HTTP 999", id="999"),
    ],
)
def test_refused(status: int, post: Post, body: bytes, reason: Reason, words: str) -> None:
    """Each refusal has its reason and names the server; a token in the body stays there."""
    planted = body + f'{{"refresh_token":"{PLANTED}","access_token":"{PLANTED}"}}'.encode()
    outcome = parse_registry_response(SCOPED, post, status, {}, planted)
    assert isinstance(outcome, MintFailed)
    assert outcome.reason is reason
    assert SERVER in outcome.message
    assert words in outcome.message
    assert "eyJ" not in repr(outcome)
    assert "\n" not in outcome.message


@pytest.mark.parametrize(
    "identity", [Identity(client_id=CLIENT_ID), Identity(resource_id="/subscriptions/x")]
)
def test_refused_names_identity(identity: Identity) -> None:
    """A refused identity is named as the user named it."""
    outcome = parse_registry_response(replace(REQUEST, identity=identity), EXCHANGE, 401, {}, b"")
    assert isinstance(outcome, MintFailed)
    assert f'identity "{identity}". ' in outcome.message


@pytest.mark.parametrize(
    ("audience", "post", "status", "told"),
    [
        ("https://management.azure.com", EXCHANGE, 401, True),
        ("https://management.core.windows.net/", EXCHANGE, 401, True),
        ("https://management.azure.com", EXCHANGE, 403, False),
        ("https://management.azure.com", SCOPE_DOWN, 401, False),
        (REQUEST.audience, EXCHANGE, 401, False),
    ],
    ids=["arm", "older", "403", "scope", "registry"],
)
def test_arm_audience(audience: str, post: Post, status: int, *, told: bool) -> None:
    """A registry may reject ARM's audience, which its refusal does not tell from a missing role.

    https://github.com/kubernetes-sigs/cloud-provider-azure/issues/8592
    """
    outcome = parse_registry_response(replace(REQUEST, audience=audience), post, status, {}, b"")
    assert isinstance(outcome, MintFailed)
    assert outcome.reason is Reason.REGISTRY_DENIED
    assert "AcrPull" in outcome.message
    assert ("authentication-as-arm" in outcome.message) is told
    assert outcome.message.endswith(f"TOKEN_AUDIENCE={REQUEST.audience}") is told


@pytest.mark.parametrize("status", [429, 500, 503, 404, 302])
@pytest.mark.parametrize(
    ("headers", "asked"), [({"retry-after": "17"}, 17.0), ({}, None)], ids=["asked", "not-asked"]
)
def test_asked_to_wait(status: int, headers: Mapping[str, str], asked: float | None) -> None:
    """A registry that throttles or fails says for how long."""
    outcome = parse_registry_response(REQUEST, EXCHANGE, status, headers, b"")
    assert isinstance(outcome, MintFailed)
    assert outcome.retry_after_seconds == asked


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("9" * 9, 999999999.0),
        ("1" * 10, None),
        ("-5", None),
        ("+5", None),
        ("1_0", None),
        ("\u0665", None),
        ("1.5", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("9" * 5000, None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    """Retry-After counts in whole seconds, of nine digits at most; all else is ignored."""
    assert retry_after(value) == seconds


@pytest.mark.parametrize(
    ("token", "words"),
    [
        pytest.param(NEW_TOKEN, None, id="just-issued"),
        pytest.param(new_token(NOW + 5 * MINUTE, NOW + 3 * HOUR), None, id="skew-allowed"),
        pytest.param(
            new_token(NOW + 5 * MINUTE + SECOND, NOW + 3 * HOUR), "in the future", id="future"
        ),
        pytest.param(new_token(ETERNITY - HOUR, ETERNITY), "in the future", id="far-future"),
        pytest.param(new_token(NOW - HOUR, NOW + 30 * MINUTE + SECOND), None, id="not-due"),
        pytest.param(new_token(NOW - HOUR, NOW + 30 * MINUTE), "too long ago", id="due"),
        pytest.param(new_token(NOW - 59 * SECOND, NOW + MINUTE), None, id="short-not-due"),
        pytest.param(new_token(NOW - MINUTE, NOW + MINUTE), "too long ago", id="short-due"),
        pytest.param(new_token(NOW - HOUR, NOW - SECOND), "too long ago", id="expired"),
    ],
)
def test_check_token(token: AcrToken, words: str | None) -> None:
    """A new token from the future, or due as soon as it comes, blames the clock."""
    failure = check_token(token, REQUEST, POLICY.refresh_before, NOW)
    if words is None:
        assert failure is None
    else:
        assert failure is not None
        assert failure.reason is Reason.CLOCK_SKEW
        assert f'registry "{SERVER}" was issued {words}. ' in failure.message
        assert failure.retry_after_seconds is None
