"""Properties of single functions of the core."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hooks.core.apis import APIS
from hooks.core.apis.api import Api
from hooks.core.errors import MalformedToken
from hooks.core.exchange.registry_protocol import (
    check_token,
    exchange,
    parse_registry_response,
    parse_token,
)
from hooks.core.model.identity import FederatedIdentity, Identity, TrustedAccount
from hooks.core.model.token import AcrToken, TokenRequest
from hooks.core.names import MAX_NAME_LENGTH
from hooks.core.refresh import refresh_at, resync_after_seconds, retry_after_seconds
from hooks.core.renewal.decision import inputs_hash
from hooks.core.rfc3339 import format_time, parse_time
from hooks.core.wire import dockerconfig
from hooks.core.wire.dockerconfig import ManagedEntry
from tests.properties.tokens import new_jwt, shows_token

TEXTS = ("", "a", "aa", "null")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
claims = values | st.fixed_dictionaries({"exp": values}, optional={"iat": values, "nbf": values})
seconds = st.integers(0, 2**33)
texts = st.text(max_size=3)
options = st.none() | texts
requests = st.builds(TokenRequest, st.builds(Identity, options, options), texts, options, texts)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone
lives = st.integers(1, 100_000).map(lambda number: timedelta(seconds=number))
waits = st.integers(0, 400_000).map(lambda number: timedelta(seconds=number))


def parsed(text: str) -> AcrToken | None:
    """Return the token that *text* is, None where it is malformed."""
    try:
        return parse_token(text)
    except MalformedToken as caught:
        told = repr(caught)
    assert not shows_token(told)
    return None


@given(claims)
@example({"exp": 1e308, "iat": 0})
@example({"exp": 10**400})
@example({"exp": float("nan")})
def test_any_claims_are_a_token_or_malformed(payload: object) -> None:
    """Whatever a JWT contains, it is read as a token with a plausible life, or is malformed."""
    token = parsed(new_jwt(payload))
    assert token is None or timedelta() < token.expires_at - token.issued_at <= timedelta(days=1)


@given(st.binary() | st.text())
def test_any_text_is_a_token_or_malformed(data: bytes | str) -> None:
    """Whatever comes in place of a JWT, it is a token or malformed, and never another error."""
    text = data.decode("latin-1") if isinstance(data, bytes) else data
    for candidate in (text, f"a.{text}.b", new_jwt({"exp": 1})[:-1] + text):
        parsed(candidate)


@given(requests, st.sampled_from([200, 400, 401, 403, 429, 500]), st.binary(), seconds)
def test_what_a_registry_answers_is_never_told(
    request: TokenRequest, status: int, body: bytes, issued: int
) -> None:
    """Whatever a registry sends, what is made of it holds the token as its value, or nowhere."""
    token = new_jwt({"iat": issued, "exp": issued + 60})
    post = exchange(request, token)
    assert not shows_token(repr(post))
    for sent in (json.dumps({post.answer_key: token}).encode(), token.encode() + body, body):
        outcome = parse_registry_response(request, post, status, {"retry-after": token}, sent)
        assert not shows_token(repr(outcome))
        if isinstance(outcome, AcrToken):
            assert outcome.value == token
            assert not shows_token(repr(check_token(outcome, request, timedelta(1), EPOCH)))


@given(seconds, st.integers(1, 86400))
def test_expiry_round_trips(issued: int, life: int) -> None:
    """The instants of a token are those in its claims, and its repr does not show it."""
    token = parse_token(new_jwt({"iat": issued, "exp": issued + life}))
    assert token.issued_at == EPOCH + timedelta(seconds=issued)
    assert token.expires_at == EPOCH + timedelta(seconds=issued + life)
    assert parse_time(format_time(token.expires_at)) == token.expires_at
    assert not shows_token(repr(token))


@given(st.text(min_size=1), seconds)
def test_a_docker_config_round_trips(server: str, issued: int) -> None:
    """What is rendered for a server and a token is read as the same two."""
    token = parse_token(new_jwt({"iat": issued, "exp": issued + 60}))
    assert dockerconfig.decode(dockerconfig.encode(server, token)) == ManagedEntry(
        server, token, unmodified=True
    )


@given(values, st.text())
def test_any_docker_config_is_read_or_not_ours(config: object, text: str) -> None:
    """Whatever somebody put into a Secret, it is no error."""
    encoded = base64.b64encode(json.dumps({"auths": config}).encode()).decode()
    assert dockerconfig.decode(encoded) is None
    assert dockerconfig.decode(text) is None


def test_the_hash_of_the_inputs_is_injective() -> None:
    """No two requests have one hash, however alike their parts are when put side by side."""
    made = [
        TokenRequest(Identity(client, resource), server, scope, audience)
        for server, audience in product(TEXTS, repeat=2)
        for client, resource, scope in product([None, *TEXTS], repeat=3)
    ]
    accounts = [
        None,
        *(TrustedAccount(namespace, name, "") for namespace, name in product(TEXTS, repeat=2)),
    ]
    made += [
        TokenRequest(FederatedIdentity(tenant, client, account), server, scope, "")
        for tenant, client, server in product(TEXTS, repeat=3)
        for account, scope in product(accounts, [None, ""])
    ]
    hashes = {inputs_hash(request) for request in made}
    assert len(hashes) == len(set(made)) == 16 * 125 + 64 * 17 * 2


@pytest.mark.parametrize("api", APIS.values(), ids=APIS)
@given(one=st.text(min_size=1), other=st.text(min_size=1))
@example(one="a" * 300, other="a" * 301)
@example(one="a" * 233, other="a" * 234)
@example(one="a" * 232 + ".b", other="a" * 232 + ".c")
@example(one="a.", other="a-")
def test_the_name_of_a_secret_is_valid_and_its_bindings_alone(
    api: Api, one: str, other: str
) -> None:
    """Any binding's Secret has a name that the API server takes and no other of its kind has."""
    name = api.secret_name(one)
    assert len(name) <= MAX_NAME_LENGTH
    assert SUBDOMAIN.fullmatch(name)
    assert (name == api.secret_name(other)) == (one == other)


@given(instants, lives, waits, waits, waits)
def test_urgency_never_falls(
    issued: datetime, life: timedelta, before: timedelta, first: timedelta, then: timedelta
) -> None:
    """The due time is within the token's life, the wait reaches it or a day, and shrinks."""
    due = refresh_at(AcrToken("", issued, issued + life), before)
    assert issued + life / 2 <= due <= issued + life
    early, late = issued + first, issued + first + then
    wait = resync_after_seconds(due, early)
    assert wait >= 1
    assert early + timedelta(seconds=wait) >= min(due, early + timedelta(days=1))
    assert resync_after_seconds(due, late) <= wait


@given(instants, waits, st.none() | lives, st.none() | lives, st.none() | st.floats(0, 1e6))
def test_a_retry_comes_soon_enough(
    since: datetime,
    failing: timedelta,
    left: timedelta | None,
    life: timedelta | None,
    asked: float | None,
) -> None:
    """A retry waits for what Azure asks up to an hour, but always within the token's life."""
    now = since + failing
    until = None if left is None else now + left
    wait = retry_after_seconds(since, now, usable_until=until, life=life, asked=asked)
    share = 3600 if left is None else left.total_seconds() / 2
    assert wait >= max(1, min(asked or 0, 3600, share))
    assert left is None or wait <= max(1, share + 1)
    if not asked:
        assert wait <= 300
        for span in (left, life):
            assert span is None or wait <= max(1, span.total_seconds() / 4 + 1)
