"""The exchange at a registry, without I/O: what to send, what came back, what a token says.

Wire format: https://github.com/Azure/acr/blob/81b818e/docs/AAD-OAuth.md
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hooks.core.errors import MalformedToken
from hooks.core.reason import Reason
from hooks.core.refresh import refresh_at
from hooks.core.scope import missing
from hooks.core.token import AcrToken, MintFailed, TokenRequest

# https://www.rfc-editor.org/rfc/rfc7515#section-7.1, the compact serialisation
JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
RETRY_AFTER: Final = re.compile(r"[0-9]{1,9}")
REFRESH: Final = "refresh_token"
ACCESS: Final = "access_token"
MAX_ANSWER_BYTES: Final = 64 * 1024  # a refresh token is 1 to 3 KiB
# ACR's tokens say nbf == iat, so a clock a little behind the registry's must not refuse them.
CLOCK_SKEW: Final = timedelta(minutes=5)
# A refresh token's life, for one that does not say when it was issued.
# https://learn.microsoft.com/azure/container-registry/container-registry-authentication
REFRESH_TOKEN_LIFE: Final = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Post:
    """An HTTP POST of a form to `https://<server><path>`; *answer_key* holds the token."""

    path: str
    form: dict[str, str] = field(repr=False)
    answer_key: str


def exchange(request: TokenRequest, entra_token: str) -> Post:
    """Return the request that turns an Entra token into a refresh token."""
    form = {"grant_type": "access_token", "service": request.server, "access_token": entra_token}
    return Post("/oauth2/exchange", form, REFRESH)


def scope_down(request: TokenRequest, refresh_token: str) -> Post:
    """Return the request that turns a refresh token into an access token for the scope."""
    form = {
        "grant_type": "refresh_token",
        "service": request.server,
        "scope": request.scope or "",
        "refresh_token": refresh_token,
    }
    return Post("/oauth2/token", form, ACCESS)


def parse_token(text: str) -> AcrToken:
    """Return the token whose JWT is *text*, its claims unverified: the registry verifies them.

    Raises `MalformedToken`: it is no JWT, or says no plausible `exp`.
    """
    if not isinstance(text, str) or not JWT.fullmatch(text):
        raise MalformedToken("not a JWT")
    try:
        claims = parse_claims(text)
        expires_at = _instant(claims["exp"])
        # A token is not yet valid before `nbf`, whenever it was issued.
        starts = [_instant(claims[name]) for name in ("iat", "nbf") if claims.get(name) is not None]
        issued_at = max(starts, default=expires_at - REFRESH_TOKEN_LIFE)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise MalformedToken("a JWT without a plausible expiry") from error
    except RecursionError as error:
        raise MalformedToken("a JWT nested too deep") from error
    if issued_at >= expires_at:
        raise MalformedToken("expires before it is issued")
    return AcrToken(text, issued_at, expires_at, claims.get("access"))


def parse_claims(text: str) -> Any:  # noqa: ANN401  any JSON value
    """Return the claims of the JWT *text*, unverified.

    Raises `ValueError`, `RecursionError`: they are none.
    """
    payload = text.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def _instant(seconds: Any) -> datetime:  # noqa: ANN401  any JSON value
    """Return the instant of a NumericDate, seconds since 1970; raises `ValueError`."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise ValueError("no time since 1970")
    try:
        return datetime.fromtimestamp(int(seconds), UTC)  # whole, as a status has it
    except (OverflowError, OSError) as error:
        raise ValueError("out of range") from error


def check_token(
    token: AcrToken, request: TokenRequest, refresh_before: timedelta, now: datetime
) -> MintFailed | None:
    """Say why a token just minted can't be used; None when it can.

    A token that is due as soon as it arrives would be minted again without end.
    """
    if token.issued_at > now + CLOCK_SKEW:
        when = "in the future"
    elif refresh_at(token, refresh_before) <= now:
        when = "too long ago"
    else:
        return None
    text = f"{request.server} sent a token issued {when}; compare the node's clock with UTC"
    return MintFailed(Reason.CLOCK_SKEW, text)


def parse_answer(
    request: TokenRequest, post: Post, status: int, headers: Mapping[str, str], body: bytes
) -> AcrToken | MintFailed:
    """Return the token in a registry's answer, or why there is none.

    *headers* are looked up in lower case. Nothing of *body* ever enters a message: it may hold a
    token, and correlation ids that would change the status at every try.
    """
    if status != 200:  # noqa: PLR2004  HTTP
        return _refused(request, post, status, headers, body)
    try:
        token = parse_token(json.loads(body)[post.answer_key])
    except (ValueError, LookupError, TypeError, RecursionError, MalformedToken):
        text = f"{request.server} answered POST {post.path} with no usable token; try again later"
        return MintFailed(Reason.MALFORMED_TOKEN, text)
    return (_short_of(request, token) if post.answer_key == ACCESS else None) or token


def lacking(request: TokenRequest, token: AcrToken) -> tuple[str, ...]:
    """Return what *token* is not good for, though *request* asks for it, e.g. "push on app"."""
    return () if request.scope is None else missing(request.scope, token.access)


def _short_of(request: TokenRequest, token: AcrToken) -> MintFailed | None:
    """Say what *token* lacks, None where nothing; it comes along if it is good for anything."""
    lacks = lacking(request, token)
    if not lacks:
        return None
    text = (
        f"{request.server} grants identity {request.identity} less than spec.scope asks for, "
        f"not {', '.join(lacks)}; grant it a role that has this (where the registry uses ABAC, "
        "Container Registry Repository Reader has pull), or correct spec.scope"
    )
    useless = lacks == missing(request.scope or "", None)
    return MintFailed(Reason.SCOPE_NOT_GRANTED, text, token=None if useless else token)


def _refused(
    request: TokenRequest, post: Post, status: int, headers: Mapping[str, str], body: bytes
) -> MintFailed:
    server, who = request.server, request.identity
    if status == 429:  # noqa: PLR2004  HTTP
        text = f"{server} is throttling token requests; it will be asked again"
        return MintFailed(Reason.THROTTLED, text, retry_after(headers.get("retry-after")))
    if status == 403 and b"DENIED" in body:  # noqa: PLR2004  HTTP
        text = f"the firewall of {server} refuses this cluster; allow its outbound IP address"
        return MintFailed(Reason.REGISTRY_FIREWALL, text)
    if status in {401, 403}:
        text = (
            f"{server} refuses identity {who}; grant it AcrPull on the registry, or Container "
            "Registry Repository Reader where the registry uses ABAC (takes up to 10 minutes)"
        )
        return MintFailed(Reason.REGISTRY_DENIED, text)
    if status == 400 and post.answer_key == ACCESS:  # noqa: PLR2004  HTTP
        text = f"{server} refuses spec.scope {request.scope!r}; e.g. repository:app:pull"
        return MintFailed(Reason.SCOPE_REFUSED, text)
    text = f"{server} answered POST {post.path} with HTTP {status}; is it a container registry?"
    return MintFailed(Reason.REGISTRY_ERROR, text, retry_after(headers.get("retry-after")))


def retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header; None for a date, which ACR does not send."""
    text = (value or "").strip()
    return float(text) if RETRY_AFTER.fullmatch(text) else None
