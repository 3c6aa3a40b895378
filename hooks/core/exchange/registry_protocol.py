"""The token exchange with a registry, without I/O: requests, responses and token claims.

Wire format: https://github.com/Azure/acr/blob/81b818e/docs/AAD-OAuth.md
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hooks.core.apis.api import DNS_SUBDOMAIN
from hooks.core.errors import MalformedToken
from hooks.core.exchange.received import SERVER_ERRORS, TOO_MANY_REQUESTS, described, is_page
from hooks.core.exchange.scope import missing
from hooks.core.model.reason import Reason
from hooks.core.model.token import AcrToken, MintFailed, Outcome, PartialGrant, TokenRequest
from hooks.core.names import ACR_AUDIENCE
from hooks.core.policy.cloud import is_arm
from hooks.core.refresh import refresh_at

# https://www.rfc-editor.org/rfc/rfc7515#section-7.1, the compact serialization
JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# A registry's login server. Other characters could end the host of a URL: "evil.com/.azurecr.io".
SERVER: Final = re.compile(rf"{DNS_SUBDOMAIN.pattern}(?::[0-9]{{1,5}})?")
RETRY_AFTER: Final = re.compile(r"[0-9]{1,9}")
REFRESH: Final = "refresh_token"
ACCESS: Final = "access_token"
MAX_ANSWER_BYTES: Final = 64 * 1024  # a refresh token is 1 to 3 KiB
# ACR tokens have nbf == iat. A clock slightly behind the registry's clock must not reject them.
CLOCK_SKEW: Final = timedelta(minutes=5)
# The assumed lifetime of a refresh token without `iat` and `nbf`.
# https://learn.microsoft.com/azure/container-registry/container-registry-authentication
REFRESH_TOKEN_LIFE: Final = timedelta(hours=3)
# No registry issues tokens for longer. A token with a wrong expiry would never be renewed.
MAX_TOKEN_LIFE: Final = timedelta(hours=24)  # 8 times the lifetime of a refresh token
FORBIDDEN: Final = 403
# Text in a 403 if the registry's network rules do not allow the client, or if the registry's public
# endpoint is disabled. https://github.com/Azure/acr/issues/633
CLIENT_ADDRESS: Final = re.compile(rb"client with IP", re.IGNORECASE)
ABAC_ROLE: Final = "Container Registry Repository Reader"
STATUS_PAGE: Final = "https://azure.status.microsoft"


@dataclass(frozen=True, slots=True)
class Post:
    """An HTTP POST of a form to `https://<server><path>`.

    *answer_key* is the key of the token in the JSON response.
    """

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


def url(request: TokenRequest, post: Post) -> str | MintFailed:
    """Return the URL of *post*, or a failure if the server is not a bare host name.

    The schema also rejects such a server. This check protects the token if the schema is wrong.
    """
    if SERVER.fullmatch(request.server):
        return f"https://{request.server}{post.path}"
    text = (
        f'Registry "{request.server}" is not a host name, so no token is sent. Fix '
        "spec.acrServer, e.g. myregistry.azurecr.io"
    )
    return MintFailed(Reason.REGISTRY_NOT_FOUND, text)


def parse_token(text: str) -> AcrToken:
    """Return the token in the JWT *text*. The registry verifies the claims; acrpull does not.

    Raises `MalformedToken` if *text* is not a JWT, or if its times are not plausible.
    """
    if not isinstance(text, str) or not JWT.fullmatch(text):
        raise MalformedToken("not a JWT")
    try:
        claims = parse_claims(text)
        expires_at = _instant(claims["exp"])
        # The later of `iat` and `nbf` counts: a token is not valid before `nbf`.
        starts = [_instant(claims[name]) for name in ("iat", "nbf") if claims.get(name) is not None]
        issued_at = max(starts, default=expires_at - REFRESH_TOKEN_LIFE)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise MalformedToken("a JWT without a plausible expiry") from error
    except RecursionError as error:
        raise MalformedToken("a JWT nested too deep") from error
    if issued_at >= expires_at:
        raise MalformedToken("a JWT that expires before it is issued")
    if expires_at - issued_at > MAX_TOKEN_LIFE:
        raise MalformedToken("a JWT that is valid for more than 24 h")
    return AcrToken(text, issued_at, expires_at, claims.get("access"))


def parse_claims(text: str) -> Any:  # noqa: ANN401  any JSON value
    """Return the claims of the JWT *text*, unverified.

    Raises `ValueError` or `RecursionError` if the payload is not JSON in base64url.
    """
    payload = text.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def _instant(seconds: Any) -> datetime:  # noqa: ANN401  any JSON value
    """Return the instant of a NumericDate, in seconds since 1970. Raises `ValueError`."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise ValueError("no time since 1970")
    try:
        return datetime.fromtimestamp(int(seconds), UTC)  # whole seconds, as in a status
    except (OverflowError, OSError) as error:
        raise ValueError("out of range") from error


def check_token(
    token: AcrToken, request: TokenRequest, refresh_before: timedelta, now: datetime
) -> MintFailed | None:
    """Return a failure if acrpull can't use the new *token*, else None.

    A token already due for renewal on arrival would be requested again without end.
    """
    if token.issued_at > now + CLOCK_SKEW:
        when = "in the future"
    elif refresh_at(token, refresh_before) <= now:
        when = "too long ago"
    else:
        return None
    text = f'The token from registry "{request.server}" was issued {when}. Check the node\'s clock.'
    return MintFailed(Reason.CLOCK_SKEW, text)


def parse_registry_response(
    request: TokenRequest, post: Post, status: int, headers: Mapping[str, str], body: bytes
) -> Outcome:
    """Return the token in a registry's response, a token for a part of the scope, or a failure.

    The keys of *headers* are in lower case. Messages contain no text of *body* except an error
    code. *body* can contain a token, and correlation IDs that would change the status at every
    retry.
    """
    if status != 200:  # noqa: PLR2004  HTTP
        reason, text = _refused(request, post, status, headers, body)
        return MintFailed(reason, text, retry_after(headers.get("retry-after")))
    try:
        token = parse_token(json.loads(body)[post.answer_key])
    except (ValueError, LookupError, TypeError, RecursionError, MalformedToken) as error:
        got = described(status, headers.get("content-type"), body)
        why = f" ({error})" if isinstance(error, MalformedToken) else ""
        text = (
            f'Registry "{request.server}" returned no usable token{why}: {got} for POST '
            f"{post.path}. Retrying. If this persists, check that spec.acrServer is a container "
            "registry, and that no proxy answers in its place."
        )
        return MintFailed(Reason.MALFORMED_TOKEN, text)
    return _compared(request, token) if post.answer_key == ACCESS else token


def missing_actions(request: TokenRequest, token: AcrToken) -> tuple[str, ...]:
    """Return the requested actions that *token* does not allow, e.g. "push on app"."""
    return () if request.scope is None else missing(request.scope, token.access)


def _compared(request: TokenRequest, token: AcrToken) -> Outcome:
    """Return *token*, a partial grant or a failure: *token* allows all, some or no actions."""
    lacks = missing_actions(request, token)
    if not lacks:
        return token
    text = (
        f'Registry "{request.server}" did not grant all of spec.scope; missing: '
        f'{", ".join(lacks)}. Assign identity "{request.identity}" a role that includes this (if '
        f"the registry uses ABAC, {ABAC_ROLE} for pull), or reduce spec.scope."
    )
    failed = MintFailed(Reason.SCOPE_NOT_GRANTED, text)
    useless = lacks == missing(request.scope or "", None)
    return failed if useless else PartialGrant(token, failed)


def _refused(
    request: TokenRequest, post: Post, status: int, headers: Mapping[str, str], body: bytes
) -> tuple[Reason, str]:
    """Return the reason and message for a response without a token.

    A registry's own responses are JSON or empty. A web page comes from a proxy.
    """
    registry, content_type = f'Registry "{request.server}"', headers.get("content-type")
    got = described(status, content_type, body)
    if status == TOO_MANY_REQUESTS:
        return Reason.THROTTLED, f"{registry} is throttling token requests. Retrying."
    if status in SERVER_ERRORS:
        return Reason.REGISTRY_UNAVAILABLE, (
            f"{registry} is failing with {got}. Retrying. If this persists, see Azure's status "
            f"page: {STATUS_PAGE}"
        )
    if not is_page(content_type, body):
        if status in {401, 403}:
            return _denied(request, post, status, body)
        if status == 400 and post.answer_key == ACCESS:  # noqa: PLR2004  HTTP
            text = f'{registry} rejected spec.scope "{request.scope}". Fix the scope, e.g. '
            return Reason.SCOPE_REFUSED, f"{text}repository:app:pull"
    return Reason.REGISTRY_ERROR, (
        f"{registry} returned an unexpected {got} for POST {post.path}. Retrying. Check that "
        "spec.acrServer is a container registry, and that no proxy answers in its place."
    )


def _denied(request: TokenRequest, post: Post, status: int, body: bytes) -> tuple[Reason, str]:
    """Return the reason and message if a registry denies the client's address or the identity.

    https://learn.microsoft.com/troubleshoot/azure/azure-container-registry/acr-authentication-errors
    """
    registry = f'Registry "{request.server}"'
    if status == FORBIDDEN and CLIENT_ADDRESS.search(body):
        return Reason.REGISTRY_FIREWALL, (
            f"{registry} does not allow this cluster's IP address. If the registry has a private "
            "endpoint, link its private DNS zone to the cluster's network. Otherwise allow the "
            "cluster's outbound IP address in the registry's firewall."
        )
    text = (
        f'{registry} denied access to identity "{request.identity}". Assign it the AcrPull role, '
        f"or {ABAC_ROLE} if the registry uses ABAC. New role assignments can take 10 minutes."
    )
    if status == FORBIDDEN:
        text += " If the role is assigned, check the registry's network rules."
    elif post.answer_key == REFRESH and is_arm(request.audience):
        text += (
            " If the role is assigned, the registry may reject ARM's audience "
            f"(authentication-as-arm is disabled): set TOKEN_AUDIENCE={ACR_AUDIENCE}"
        )
    return Reason.REGISTRY_DENIED, text


def retry_after(value: str | None) -> float | None:
    """Return the seconds in a Retry-After header, or None for a date. ACR sends no dates."""
    text = (value or "").strip()
    return float(text) if RETRY_AFTER.fullmatch(text) else None
