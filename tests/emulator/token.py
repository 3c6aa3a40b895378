"""ACR: `/oauth2/token`, an ACR token or a user's password for an access token.

POST, and Docker's GET: https://learn.microsoft.com/rest/api/containerregistry/access-tokens
The null GUID is a user with a token as the password: Azure/acr@81b818e:docs/AAD-OAuth.md
"""

from collections.abc import Mapping
from typing import Any

from tests.emulator.acr import AUTHENTICATE, OAUTH2_HEADERS, acr_headers, refusal
from tests.emulator.acr_token import ACCESS, REFRESH, AcrTokens
from tests.emulator.message import Request, Response, compact, first
from tests.emulator.scope import Scope, parse_scopes
from tests.emulator.settings import Settings
from tests.emulator.signer import TokenRefused

PATH = "/oauth2/token"
NULL_GUID = "00000000-0000-0000-0000-000000000000"
# The answer to a wrong password: https://github.com/Azure/docker-login/issues/46
INVALID_CLIENT = "Invalid clientid or client secret."


def token(request: Request, settings: Settings, tokens: AcrTokens) -> Response:
    """Return `{"access_token": ...}`, without `expires_in`, or a rejection."""
    if request.method == "GET":
        return _get(request, settings, tokens)
    if request.method != "POST":
        return refusal(404, "NOT_FOUND", "404 page not found")
    return _post(request, settings, tokens)


def _post(request: Request, settings: Settings, tokens: AcrTokens) -> Response:
    form = request.form
    scopes = form.get("scope", [])
    match first(form, "grant_type"):
        case "password" if not scopes:  # https://github.com/containerd/nerdctl/issues/737
            return Response(400, b"", acr_headers() + OAUTH2_HEADERS)
        case "password":
            holder = _login(first(form, "username"), first(form, "password"), request.host, tokens)
            refused = INVALID_CLIENT
        case "refresh_token":
            holder = _open(first(form, "refresh_token"), request.host, tokens, REFRESH)
            refused = AUTHENTICATE
        case _:
            return refusal(400, "BAD_REQUEST", "grant_type: expected refresh_token or password")
    if holder is None:
        return refusal(401, "UNAUTHORIZED", refused)
    if first(form, "service").lower() != request.host or not scopes:
        return refusal(400, "BAD_REQUEST", f"expected service={request.host} and a scope")
    return _grant(request, scopes, holder, settings, tokens)


def _get(request: Request, settings: Settings, tokens: AcrTokens) -> Response:
    """Answer a GET. Without a scope, as from `docker login`, the token has no access."""
    basic = request.basic()
    if basic is None:
        return refusal(401, "UNAUTHORIZED", AUTHENTICATE)
    holder = _login(*basic, request.host, tokens)
    if holder is None:
        return refusal(401, "UNAUTHORIZED", INVALID_CLIENT)
    if first(request.query, "service").lower() != request.host:
        return refusal(400, "BAD_REQUEST", f"service: expected {request.host}")
    return _grant(request, request.query.get("scope", []), holder, settings, tokens)


def _login(user: str, password: str, server: str, tokens: AcrTokens) -> dict[str, Any] | None:
    """Return the claims of the token *password*; `None` for an unknown user or a bad token."""
    return _open(password, server, tokens, REFRESH, ACCESS) if user == NULL_GUID else None


def _open(value: str, server: str, tokens: AcrTokens, *types: str) -> dict[str, Any] | None:
    try:
        return tokens.open(value, server, *types)
    except TokenRefused:
        return None


def _grant(
    request: Request,
    wanted: list[str],
    holder: Mapping[str, Any],
    settings: Settings,
    tokens: AcrTokens,
) -> Response:
    """Issue a token for what *holder*, the claims of a token, may have of the *wanted* scopes."""
    try:
        asked = parse_scopes(wanted)
    except ValueError as error:
        return refusal(400, "BAD_REQUEST", str(error))
    granted = [scope for scope in (_allowed(s, holder, settings) for s in asked) if scope.actions]
    if asked and not granted and settings.refuse_empty_grant:
        return refusal(401, "UNAUTHORIZED", AUTHENTICATE)
    body = {"access_token": tokens.new_access(holder["sub"], request.host, granted)}
    if first(request.query, "offline_token") == "true" and holder["grant_type"] == REFRESH:
        # Docker keeps it: https://github.com/testcontainers/testcontainers-node/issues/1196
        body["refresh_token"] = tokens.new_refresh(holder["sub"], request.host)
    return Response(200, compact(body), acr_headers() + OAUTH2_HEADERS)


def _allowed(scope: Scope, holder: Mapping[str, Any], settings: Settings) -> Scope:
    """Return the allowed part of *scope*; an access token as password keeps its scopes."""
    if holder["grant_type"] == ACCESS:
        scope = scope.within(holder["access"])
    return scope.only(settings.grant(holder["sub"], scope)) if settings.grant else scope
